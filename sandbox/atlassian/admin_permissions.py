"""The admin API for permissions, people, groups, and what the clients' account sees; and the permission oracle."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox import site_changes
from sandbox.atlassian.admin_wire import (
    NotHereError,
    Table,
    an_object,
    issue_of,
    page_of,
    principals_of,
    texts,
)
from sandbox.site_access import may_read_issue, may_read_issue_comment, may_read_page
from sandbox.site_people import User
from sandbox.site_state import Site


def permission_table(site: Site) -> Table:
    """The routes for everything that decides who reads what."""
    admin = _PermissionAdmin(site)
    return [
        ("PUT", "/spaces/{space}/permissions", admin.put_space_permissions),
        ("PUT", "/projects/{project}/permissions", admin.put_project_permissions),
        ("PUT", "/projects/{project}/roles/{role}", admin.put_role),
        ("PUT", "/projects/{project}/lead", admin.put_lead),
        ("PUT", "/groups/{group}/members", admin.put_members),
        ("DELETE", "/groups/{group}", admin.delete_group),
        ("GET", "/users", admin.list_users),
        ("PUT", "/users/{user}", admin.put_user),
        ("PUT", "/account", admin.put_account),
        ("GET", "/may-read", admin.may_read),
    ]


class _PermissionAdmin:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def put_space_permissions(self, request: web.Request) -> Any:
        key = request.match_info["space"]
        if key not in self._site.spaces:
            raise NotHereError(f"There is no space {key}.")
        principals = await principals_of(request)
        site_changes.set_space_permissions(self._site, key, principals)
        return {"principals": principals}

    async def put_project_permissions(self, request: web.Request) -> Any:
        key, principals = self._project(request), await principals_of(request, jira=True)
        site_changes.set_project_permissions(self._site, key, principals)
        return {"principals": principals}

    async def put_role(self, request: web.Request) -> Any:
        """The users and groups that hold the role in the project."""
        key, actors = self._project(request), await principals_of(request)
        site_changes.set_project_role(self._site, key, request.match_info["role"], actors)
        return {"principals": actors}

    async def put_lead(self, request: web.Request) -> Any:
        key, data = self._project(request), await an_object(request)
        site_changes.set_project_lead(self._site, key, str(data.get("user")))
        return {"lead": self._site.project_leads[key]}

    async def put_members(self, request: web.Request) -> Any:
        members = await texts(request)
        site_changes.set_members(self._site, request.match_info["group"], members)
        return {"members": members}

    async def delete_group(self, request: web.Request) -> Any:
        site_changes.delete_group(self._site, request.match_info["group"])
        return {}

    async def list_users(self, _: web.Request) -> Any:
        return [_user_json(self._site, user) for user in self._site.directory.users()]

    async def put_user(self, request: web.Request) -> Any:
        user = site_changes.put_user(self._site, request.match_info["user"], await an_object(request))
        return _user_json(self._site, user)

    async def put_account(self, request: web.Request) -> Any:
        site_changes.set_account(self._site, await an_object(request))
        view = self._site.account
        sees = f"as:{view.reader.id}" if view.reader else "everything"
        return {"sees": sees, "hides": sorted(view.hides)}

    async def may_read(self, request: web.Request) -> Any:
        """The permission oracle; who has no account on the site is a visitor, admitted by `anyone` alone."""
        user, query = self._site.directory.find(request.query.get("user")), request.query
        if "comment" in query:
            return {"may_read": self._may_read_comment(user, query["comment"], query.get("issue"))}
        if "attachment" in query:
            return {"may_read": self._may_read_attachment(user, query["attachment"])}
        if "page" in query:
            return {"may_read": may_read_page(self._site, user, page_of(self._site, query["page"]))}
        return {"may_read": may_read_issue(self._site, user, issue_of(self._site, query.get("issue", "")))}

    def _may_read_comment(self, user: User | None, comment_id: str, issue: str | None) -> bool:
        """Of a page or an issue; an issue's comment is found fast where the issue is named as well."""
        found = self._site.find_page_comment(comment_id) if issue is None else None
        if found is not None:
            return may_read_page(self._site, user, found[0])
        rows = [issue_of(self._site, issue)] if issue is not None else list(self._site.issues.values())
        for row in rows:
            if issue is None and f'"{comment_id}"' not in row.text():
                continue
            for comment in row.document()["fields"].get("comment", {}).get("comments", []):
                if comment["id"] == comment_id:
                    return may_read_issue_comment(self._site, user, row, comment)
        raise NotHereError(f"There is no comment {comment_id}.")

    def _may_read_attachment(self, user: User | None, attachment_id: str) -> bool:
        if on_page := self._site.find_attachment(attachment_id):
            return may_read_page(self._site, user, on_page[0])
        if on_issue := self._site.find_issue_attachment(attachment_id):
            return may_read_issue(self._site, user, on_issue[0])
        raise NotHereError(f"There is no attachment {attachment_id}.")

    def _project(self, request: web.Request) -> str:
        key = request.match_info["project"]
        if key not in self._site.projects:
            raise NotHereError(f"There is no project {key}.")
        return key


def _user_json(site: Site, user: User) -> dict[str, Any]:
    names = {"id": user.id, "login": user.login, "name": user.name, "email": user.email}
    groups = [group.name for group in site.directory.groups_of(user)]
    return {**names, "active": user.active, "email_hidden": user.email_hidden, "groups": groups}
