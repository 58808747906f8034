"""What the permission APIs tell adds up to what the oracle says, on both deployments."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sandbox.site_access import may_read_issue, may_read_page

COMPANY = Path("/work/shared/data/company")


async def cloud_groups(server, user_id):
    _, data = await server.get("/wiki/rest/api/user/memberof", accountId=user_id, limit=200)
    return {"anyone", f"user:{user_id}"} | {f"group:{group['id']}" for group in data["results"]}


async def data_center_groups(server, login):
    _, data = await server.get("/confluence/rest/api/user/memberof", username=login, limit=200)
    return {"anyone", f"user:{login}"} | {f"group:{group['name']}" for group in data["results"]}


async def cloud_rules_of_page(server, page_id):
    _, page = await server.get(f"/wiki/api/v2/pages/{page_id}")
    _, grants = await server.get(f"/wiki/api/v2/spaces/{page['spaceId']}/permissions", limit=250)
    space = {
        "anyone"
        if grant["principal"]["type"] == "role"
        else f"{grant['principal']['type']}:{grant['principal']['id']}"
        for grant in grants["results"]
        if grant["operation"] == {"key": "read", "targetType": "space"}
    }
    _, above = await server.get(f"/wiki/api/v2/pages/{page_id}/ancestors")
    rules = [space]
    for each in [*(ancestor["id"] for ancestor in above["results"]), page_id]:
        _, restriction = await server.get(f"/wiki/rest/api/content/{each}/restriction/byOperation/read")
        subjects = restriction["restrictions"]
        rule = {f"user:{user['accountId']}" for user in subjects["user"]["results"]}
        rule |= {f"group:{group['id']}" for group in subjects["group"]["results"]}
        rules += [rule] if rule else []
    return rules


async def data_center_rules_of_page(server, page_id):
    expand = "space,ancestors"
    _, page = await server.get(f"/confluence/rest/api/content/{page_id}", expand=expand)
    _, grants = await server.get(f"/confluence/rest/api/space/{page['space']['key']}/permissions")
    names = {"anonymous": lambda subject: "anyone", "group": lambda subject: f"group:{subject['name']}"}
    space = {
        names.get(grant["subject"]["type"], lambda subject: f"user:{subject['username']}")(grant["subject"])
        for grant in grants
        if grant["operation"] == {"operationKey": "read", "targetType": "space"}
    }
    rules = [space]
    for each in [*(ancestor["id"] for ancestor in page["ancestors"]), page_id]:
        _, both = await server.get(f"/confluence/rest/api/content/{each}/restriction/byOperation")
        subjects = both["read"]["restrictions"]
        rule = {f"user:{user['username']}" for user in subjects["user"]["results"]}
        rule |= {f"group:{group['name']}" for group in subjects["group"]["results"]}
        rules += [rule] if rule else []
    return rules


async def rules_of_issue(server, root, key):
    """The permission scheme with its roles, and the members of the issue's security level."""
    project = key.partition("-")[0]
    _, scheme = await server.get(f"{root}/rest/api/2/project/{project}/permissionscheme", expand="all")
    browse: set[str] = set()
    for grant in scheme["permissions"]:
        holder = grant["holder"]
        if grant["permission"] != "BROWSE_PROJECTS":
            continue
        if holder["type"] == "projectRole":
            _, role = await server.get(f"{root}/rest/api/2/project/{project}/role/{holder['parameter']}")
            browse |= {actor_name(actor) for actor in role["actors"]}
        else:
            browse.add("anyone" if holder["type"] == "anyone" else f"{holder['type']}:{holder['parameter']}")
    _, issue = await server.get(f"{root}/rest/api/2/issue/{key}", fields="security")
    level = issue["fields"]["security"]
    if level is None:
        return [browse]
    _, members = await server.get(f"{root}/rest/api/2/issuesecurityschemes/level/member", levelId=level["id"])
    holders = [member["holder"] for member in members["values"]]
    return [browse, {f"{holder['type']}:{holder['parameter']}" for holder in holders}]


def actor_name(actor):
    if "actorGroup" in actor:
        return f"group:{actor['actorGroup']['name']}"
    return f"user:{actor['actorUser']['accountId']}"


async def cloud_groups_by_name(server, user_id):
    _, groups = await server.get("/rest/api/3/user/groups", accountId=user_id)
    return {"anyone", f"user:{user_id}"} | {f"group:{group['name']}" for group in groups}


async def test_page_rules_read_through_either_api_agree_with_the_oracle(serve):
    cloud, center = await serve("cloud"), await serve("datacenter")
    outcomes = set()
    for user in cloud.site.directory.users():
        on_cloud = await cloud_groups(cloud, user.id) if user.active else {"anyone"}
        on_center = await data_center_groups(center, user.login) if user.active else {"anyone"}
        for page in [page for page in cloud.site.pages.values() if page.kind == "page"]:
            expected = may_read_page(cloud.site, user, page)
            outcomes.add(expected)
            _, oracle = await cloud.admin("GET", f"/may-read?user={user.email}&page={page.id}")
            assert oracle == {"may_read": expected}
            cloud_rules = await cloud_rules_of_page(cloud, page.id)
            center_rules = await data_center_rules_of_page(center, page.id)
            assert all(rule & on_cloud for rule in cloud_rules) is expected
            assert all(rule & on_center for rule in center_rules) is expected
    assert outcomes == {True, False}


async def test_issue_rules_read_through_the_api_agree_with_the_oracle_and_the_permission_check(serve):
    server = await serve("cloud")
    issues = list(server.site.issues.values())
    for user in server.site.directory.users():
        groups = await cloud_groups_by_name(server, user.id) if user.active else {"anyone"}
        expected = {issue.key: may_read_issue(server.site, user, issue) for issue in issues}
        for issue in issues:
            rules = await rules_of_issue(server, "", issue.key)
            assert all(rule & groups for rule in rules) is expected[issue.key]
        _, data = await server.post(
            "/rest/api/3/permissions/check",
            {
                "accountId": user.id,
                "projectPermissions": [
                    {"permissions": ["BROWSE_PROJECTS"], "issues": [int(issue.id) for issue in issues]}
                ],
            },
        )
        allowed = set(data["projectPermissions"][0]["issues"])
        assert {issue.key for issue in issues if int(issue.id) in allowed} == {
            key for key, may in expected.items() if may
        }


async def test_data_center_tells_who_may_view_an_issue(serve):
    server = await serve("datacenter")
    for issue in server.site.issues.values():
        _, users = await server.get(
            "/jira/rest/api/2/user/viewissue/search", issueKey=issue.key, username=".", maxResults=1000
        )
        everybody = server.site.directory.users()
        readers = [user.login for user in everybody if may_read_issue(server.site, user, issue)]
        assert [user["name"] for user in users] == readers
    status, _ = await server.get("/jira/rest/api/2/user/viewissue/search", username=".")
    assert status == 400


async def test_a_visitor_without_an_account_may_read_what_anyone_may(serve):
    server = await serve("cloud")
    _, open_page = await server.admin("GET", "/may-read?user=guest@elsewhere.example&page=505")
    _, closed = await server.admin("GET", "/may-read?user=guest@elsewhere.example&page=501")
    assert (open_page, closed) == ({"may_read": True}, {"may_read": False})


@pytest.mark.slow
@pytest.mark.skipif(not COMPANY.is_dir(), reason=f"{COMPANY} is not on this machine")
async def test_a_sample_of_the_real_company_agrees_with_the_oracle(serve):
    server = await serve("cloud", COMPANY)
    chance = random.Random(7)
    restricted = [server.site.pages[page_id] for page_id in list(server.site.page_restrictions)[:20]]
    pages = restricted + chance.sample(list(server.site.pages.values()), 20)
    users = chance.sample(server.site.directory.users(), 12)
    rules = {page.id: await cloud_rules_of_page(server, page.id) for page in pages}
    for user in users:
        groups = await cloud_groups(server, user.id) if user.active else {"anyone"}
        for page in pages:
            may = all(rule & groups for rule in rules[page.id])
            assert may is may_read_page(server.site, user, page)
