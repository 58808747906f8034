"""Requests that reach everything that the sandbox serves as an API, with the parameters that clients use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

Json = dict[str, Any]
#: The id of the group `staff` on Cloud, which the sandbox makes of its name.
GROUP = str(uuid5(NAMESPACE_URL, "group:staff"))

#: What stands in a route's place holders unless a call says otherwise.
NAMES = {
    "issue": "OPS-1",
    "comment": "1",
    "project": "OPS",
    "role": "10101",
    "scheme": "10000",
    "content": "102",
    "page": "102",
    "space": "ENG",
    "operation": "read",
    "attachment": "att1",
    "user": "ann",
}
CONTENT = (
    "body.storage,body.view,version,history.lastUpdated,space,ancestors,metadata.labels,container,extensions,"
    "restrictions.read.restrictions.user,restrictions.read.restrictions.group,children.comment,descendants.comment"
)
EVERY_FIELD = {"fields": "*all", "expand": "renderedFields,changelog"}
WHO = "permissions,user,group,projectRole"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to a route; `names` fill its place holders."""

    method: str
    route: str
    query: Json = field(default_factory=dict)
    body: Json | None = None
    status: int = 200
    names: dict[str, str] = field(default_factory=dict)
    signed_in: bool = True

    def path(self, version: str) -> str:
        path = self.route.replace("{version}", version)
        for name, value in {**NAMES, **self.names}.items():
            path = path.replace("{" + name + "}", value)
        return path


def get(route: str, query: Json | None = None, *, status: int = 200, **names: str) -> Call:
    return Call(method="GET", route=route, query=query or {}, status=status, names=names)


def post(route: str, body: Json, *, status: int = 200) -> Call:
    return Call(method="POST", route=route, body=body, status=status)


def unsigned(route: str) -> Call:
    return Call(method="GET", route=route, status=401, signed_in=False)


def _jira(api: str, people: Json, one: Json) -> list[Call]:
    """What both Jiras serve; `people` finds people by text, `one` names a person."""
    project = f"{api}/project/{{project}}"
    return [
        get(f"{api}/myself"),
        unsigned(f"{api}/myself"),
        get(f"{api}/serverInfo"),
        get(f"{api}/field"),
        get(f"{api}/user", one),
        get(f"{api}/user", {**one, "expand": "groups"}),
        get(f"{api}/user", dict.fromkeys(one, "nobody"), status=404),
        get(f"{api}/user/search", {**people, "maxResults": 2}),
        get(f"{api}/user/viewissue/search", {**people, "issueKey": "OPS-3"}),
        get(f"{api}/user/viewissue/search", {**people, "projectKey": "OPS"}),
        get(f"{api}/group/member", {"groupname": "staff", "maxResults": 2}),
        get(f"{api}/group/member", {"groupname": "none"}, status=404),
        get(f"{api}/groups/picker", {"query": "", "maxResults": 1000}),
        get(f"{api}/issue/{{issue}}", EVERY_FIELD),
        get(f"{api}/issue/{{issue}}", {"fields": "summary,security,comment"}, issue="1003"),
        get(f"{api}/issue/{{issue}}", status=404, issue="OPS-99"),
        get(f"{api}/issue/{{issue}}/comment", {"orderBy": "created", "maxResults": 5, "startAt": 1}),
        get(f"{api}/issue/{{issue}}/comment", {"expand": "renderedBody"}),
        get(f"{api}/issue/{{issue}}/comment", status=404, issue="OPS-99"),
        get(f"{api}/issue/{{issue}}/comment/{{comment}}"),
        get(f"{api}/issue/{{issue}}/remotelink"),
        get(f"{api}/project"),
        get(f"{project}"),
        get(f"{project}", status=404, project="NONE"),
        get(f"{project}/permissionscheme", {"expand": WHO}),
        get(f"{project}/permissionscheme"),
        get(f"{project}/permissionscheme", status=404, project="NONE"),
        get(f"{project}/role"),
        get(f"{project}/role/{{role}}"),
        get(f"{project}/role/{{role}}", status=404, role="9"),
        get(f"{project}/issuesecuritylevelscheme"),
        get(f"{project}/securitylevel"),
        get(f"{api}/permissionscheme/{{scheme}}", {"expand": WHO}),
        get(f"{api}/permissionscheme/{{scheme}}", status=404, scheme="77"),
        get(f"{api}/permissionscheme/{{scheme}}/permission", {"expand": WHO}),
        get(f"{api}/role"),
        get(f"{api}/applicationrole"),
        get(f"{api}/applicationrole/{{role}}", role="jira-software"),
        get(f"{api}/applicationrole/{{role}}", status=404, role="none"),
        get(f"{api}/attachment/{{attachment}}", attachment="7001"),
        get(f"{api}/attachment/{{attachment}}", status=404, attachment="77"),
        get(f"{api}/issuesecurityschemes"),
        get(f"{api}/issuesecurityschemes/{{scheme}}"),
        get(f"{api}/securitylevel/{{level}}", status=404, level="77"),
        get(f"{api}/securitylevel/{{level}}", level="10100"),
    ]


def _jira_cloud() -> list[Call]:
    api = "/rest/api/{version}"
    may = [{"permissions": ["BROWSE_PROJECTS"], "issues": [1001], "projects": [10]}]
    jql = {"jql": "project = OPS order by created"}
    return [
        *_jira(api, {"query": "a"}, {"accountId": "acc-1"}),
        get(f"{api}/group/member", {"groupId": "none"}, status=404),
        get(f"{api}/mypermissions", {"permissions": "BROWSE_PROJECTS"}),
        get(f"{api}/attachment/content/{{attachment}}", status=303, attachment="7001"),
        get(f"{api}/attachment/content/{{attachment}}", status=404, attachment="77"),
        get("/_edge/tenant_info"),
        get("/oauth/token/accessible-resources", status=401),
        post("/oauth/token", {"grant_type": "refresh_token", "client_id": "nobody"}, status=401),
        get(f"{api}/users/search", {"maxResults": 2}),
        get(f"{api}/users", {"maxResults": 2}),
        get(f"{api}/user/groups", {"accountId": "acc-1"}),
        get(f"{api}/group/bulk", {"maxResults": 1}),
        get(f"{api}/group/bulk", {"groupName": "staff"}),
        get(f"{api}/project/search", {"maxResults": 50, "orderBy": "key"}),
        get(f"{api}/issuesecurityschemes/level", {"maxResults": 50}),
        get(
            f"{api}/issuesecurityschemes/level/member", {"maxResults": 50, "expand": "user,group,projectRole"}
        ),
        get(f"{api}/search/jql", {**jql, "fields": "*all", "maxResults": 2, "expand": "renderedFields"}),
        get(f"{api}/search/jql", {"jql": "project ="}, status=400),
        post(f"{api}/search/jql", {**jql, "fields": ["id"], "maxResults": 2}),
        post(f"{api}/search/approximate-count", jql),
        post(f"{api}/issue/bulkfetch", {"issueIdsOrKeys": ["1001", "1003", "77"], "fields": ["*all"]}),
        post(f"{api}/issue/bulkfetch", {"issueIdsOrKeys": []}, status=400),
        post(f"{api}/permissions/check", {"accountId": "acc-1", "projectPermissions": may}),
        get(f"{api}/search", jql, status=410),
        post(f"{api}/search", jql, status=410),
    ]


def _jira_datacenter() -> list[Call]:
    api = "/jira/rest/api/{version}"
    jql = {"jql": "project = OPS order by created"}
    return [
        *_jira(api, {"username": "a"}, {"username": "ann"}),
        get(f"{api}/mypermissions", {"projectKey": "OPS"}),
        get(f"{api}/search", {**jql, **EVERY_FIELD, "maxResults": 2, "startAt": 0}),
        get(f"{api}/search", {"jql": "project ="}, status=400),
        post(f"{api}/search", {**jql, "fields": ["summary"], "maxResults": 2, "startAt": 1}),
    ]


def _confluence(api: str, one: Json) -> list[Call]:
    content = f"{api}/content/{{content}}"
    cql = {"cql": "type in (page, blogpost, comment, attachment) order by created asc"}
    restriction = f"{content}/restriction"
    return [
        get(f"{api}/user", one),
        get(f"{api}/user", dict.fromkeys(one, "nobody"), status=404),
        get(f"{api}/user/current"),
        unsigned(f"{api}/user/current"),
        get(f"{api}/user/memberof", one),
        get(f"{api}/group", {"limit": 2}),
        get(f"{api}/search", {**cql, "limit": 1, "expand": f"content.{CONTENT}"}),
        get(f"{api}/content/search", {**cql, "limit": 3, "expand": CONTENT}),
        get(f"{api}/content/search", {"cql": "type ="}, status=400),
        get(f"{restriction}/byOperation", {"expand": "restrictions.user,restrictions.group"}, content="101"),
        get(f"{restriction}/byOperation/{{operation}}", {"expand": "restrictions.user"}, content="101"),
        get(f"{restriction}/byOperation/{{operation}}", status=404, content="77"),
    ]


def _content(api: str) -> list[Call]:
    """Content by id, which Cloud's files have left to its newer API."""
    content = f"{api}/content/{{content}}"
    return [
        get(content, {"expand": CONTENT}),
        get(content, {"expand": CONTENT}, content="900"),
        get(content, {"expand": CONTENT}, content="att1"),
        get(content, status=404, content="77"),
        get(f"{content}/label"),
        get(f"{content}/child/comment", {"expand": "body.storage,version", "limit": 5}),
        get(f"{content}/child/comment", {"depth": "all", "location": ["inline", "resolved"]}),
        get(f"{content}/child/page", {"expand": "version"}, content="100"),
        get(f"{content}/child/attachment", {"expand": "version", "limit": 1}),
    ]


def _confluence_cloud() -> list[Call]:
    api = "/wiki/rest/api"
    return [
        *_confluence(api, {"accountId": "acc-1"}),
        *_content(api),
        get(f"{api}/content/{{content}}/restriction", content="101"),
        get(f"{api}/content/{{content}}/child/attachment/{{attachment}}/download", status=302),
        get(f"{api}/group/{{group}}/membersByGroupId", {"limit": 2}, group=GROUP),
        get(f"{api}/group/by-id", {"id": GROUP}),
        get(f"{api}/user/bulk", {"accountId": ["acc-1", "acc-2"]}),
        get(f"{api}/group/by-id", {"id": "none"}, status=404),
        get(f"{api}/group/picker", {"query": "st", "limit": 5}),
        get(f"{api}/search/user", {"cql": 'user.fullname ~ "ann"', "limit": 1}),
        get(f"{api}/space", status=410),
        get(f"{api}/space/{{space}}", status=410),
        get(f"{api}/content", status=410),
    ]


def _confluence_v2() -> list[Call]:
    api = "/wiki/api/v2"
    calls = [
        get(f"{api}/spaces", {"limit": 1, "status": "current"}),
        get(f"{api}/spaces", {"keys": ["ENG", "PUB"]}),
        unsigned(f"{api}/spaces"),
        get(f"{api}/spaces/{{space}}", space="98304"),
        get(f"{api}/spaces/{{space}}", status=404, space="77"),
        get(f"{api}/spaces/{{space}}/permissions", {"limit": 2}, space="98304"),
        get(f"{api}/spaces/{{space}}/permissions", space="98308"),
        get(f"{api}/spaces/{{space}}/role-assignments", space="98304"),
        get(f"{api}/spaces/{{space}}/pages", {"body-format": "storage", "limit": 2}, space="98304"),
        get(f"{api}/pages/{{page}}/ancestors"),
        get(f"{api}/pages/{{page}}/children", page="100"),
        get(f"{api}/attachments/{{attachment}}"),
        get(f"{api}/attachments/{{attachment}}", status=404, attachment="att9"),
        get(f"{api}/attachments/{{attachment}}/versions/{{number}}", number="1"),
        get(f"{api}/attachments/{{attachment}}/versions/{{number}}", status=404, number="9"),
        get(f"{api}/attachments", {"limit": 1, "sort": "-modified-date"}),
        get(f"{api}/footer-comments", {"limit": 1, "body-format": "storage"}),
        get(f"{api}/footer-comments/{{comment}}", {"body-format": "storage"}, comment="900"),
        get(f"{api}/footer-comments/{{comment}}", status=404, comment="77"),
        get(f"{api}/footer-comments/{{comment}}/children", {"body-format": "storage"}, comment="900"),
        get(f"{api}/inline-comments", {"limit": 1, "body-format": "storage"}),
        get(f"{api}/inline-comments/{{comment}}", {"body-format": "storage"}, comment="902"),
        get(f"{api}/inline-comments/{{comment}}/children", {"body-format": "storage"}, comment="902"),
        post(f"{api}/users-bulk", {"accountIds": ["acc-1", "acc-4"]}),
    ]
    for kind, page in (("pages", "102"), ("blogposts", "104")):
        own = f"{api}/{kind}/{{page}}"
        calls += [
            get(f"{api}/{kind}", {"limit": 1, "body-format": "storage", "sort": "-modified-date"}),
            get(f"{api}/{kind}", {"id": [page], "status": ["current", "trashed"]}),
            get(f"{api}/{kind}", {"sort": "nothing"}, status=400),
            get(own, {"body-format": "storage", "include-labels": "true"}, page=page),
            get(own, status=404, page="77"),
            get(f"{own}/labels", page=page),
            get(f"{own}/attachments", {"limit": 1}, page=page),
            get(f"{own}/footer-comments", {"body-format": "storage"}, page=page),
            get(f"{own}/inline-comments", {"resolution-status": ["resolved"]}, page=page),
        ]
    return calls


def _confluence_datacenter() -> list[Call]:
    api = "/confluence/rest/api"
    return [
        *_confluence(api, {"username": "ann"}),
        *_content(api),
        get(f"{api}/user/list", {"limit": 2}),
        get(f"{api}/group/{{group}}", group="staff"),
        get(f"{api}/group/{{group}}/member", {"limit": 2}, group="staff"),
        get(f"{api}/space/{{space}}/permissions"),
        get(f"{api}/space/{{space}}/permissions", space="PUB"),
        get(f"{api}/permissions/anonymous"),
        get("/confluence/rest/mobile/1.0/profile/{user}"),
        get(f"{api}/space", {"limit": 1, "spaceKey": ["ENG", "PUB"]}),
        get(f"{api}/space/{{space}}"),
        get(f"{api}/space/{{space}}", status=404, space="NONE"),
        get(f"{api}/content", {"spaceKey": "ENG", "type": "page", "limit": 2, "expand": CONTENT}),
    ]


CALLS = {
    "cloud": [*_jira_cloud(), *_confluence_cloud(), *_confluence_v2()],
    "datacenter": [*_jira_datacenter(), *_confluence_datacenter()],
}
