"""The admin API by which tests and demos change a site, ask who may read what, inject faults and count requests.

All paths are relative to where the routes are mounted, such as `/_admin`. Errors: `{"error": "<one sentence>"}`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox import site_changes
from sandbox.errors import ChangeError
from sandbox.site_access import may_read_issue, may_read_page
from sandbox.site_records import IssueRow, PageRow, Principals
from sandbox.site_state import Site
from sandbox.site_times import confluence_time
from sandbox.site_traffic import read_fault

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NotHereError(ChangeError):
    """The thing that a path names does not exist."""


def create_admin_routes(site: Site, *, prefix: str = "/_admin") -> list[web.RouteDef]:
    """The routes of the admin API, under `prefix` (give an empty one to mount them as a sub-application)."""
    admin = _Admin(site)
    table: list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]] = [
        ("GET", "/pages/{page}", admin.get_page),
        ("PUT", "/pages/{page}", admin.put_page),
        ("POST", "/pages", admin.post_page),
        ("DELETE", "/pages/{page}", admin.delete_page),
        ("POST", "/pages/{page}/comments", admin.post_page_comment),
        ("PUT", "/pages/{page}/restrictions", admin.put_restrictions),
        ("GET", "/issues/{issue}", admin.get_issue),
        ("PUT", "/issues/{issue}", admin.put_issue),
        ("POST", "/issues", admin.post_issue),
        ("DELETE", "/issues/{issue}", admin.delete_issue),
        ("POST", "/issues/{issue}/comments", admin.post_issue_comment),
        ("PUT", "/issues/{issue}/security", admin.put_security),
        ("PUT", "/spaces/{space}/permissions", admin.put_space_permissions),
        ("PUT", "/projects/{project}/permissions", admin.put_project_permissions),
        ("PUT", "/groups/{group}/members", admin.put_members),
        ("GET", "/may-read", admin.may_read),
        ("POST", "/faults", admin.post_fault),
        ("DELETE", "/faults", admin.delete_faults),
        ("GET", "/requests", admin.get_requests),
        ("DELETE", "/requests", admin.delete_requests),
    ]
    return [web.route(method, prefix + path, _answering(handler)) for method, path, handler in table]


def _answering(handler: Callable[[web.Request], Awaitable[Any]]) -> Handler:
    """Answer with the handler's result as JSON, and with a clear error where it refuses."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await handler(request))
        except NotHereError as exc:
            return web.json_response({"error": str(exc)}, status=404)
        except ChangeError as exc:
            return web.json_response({"error": str(exc)}, status=400)

    return answer


class _Admin:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def get_page(self, request: web.Request) -> Any:
        return _page_json(self._page(request.match_info["page"]))

    async def put_page(self, request: web.Request) -> Any:
        page = self._page(request.match_info["page"])
        site_changes.update_page(self._site, page, await _object(request))
        return _page_json(page)

    async def post_page(self, request: web.Request) -> Any:
        return _page_json(site_changes.create_page(self._site, await _object(request)))

    async def delete_page(self, request: web.Request) -> Any:
        page = self._page(request.match_info["page"])
        purge = request.query.get("purge", "0") not in ("", "0", "false")
        site_changes.delete_page(self._site, page, purge=purge)
        return {"id": page.id, "status": "purged" if purge else page.status}

    async def post_page_comment(self, request: web.Request) -> Any:
        page = self._page(request.match_info["page"])
        return {"id": site_changes.add_page_comment(self._site, page, await _object(request)).id}

    async def put_restrictions(self, request: web.Request) -> Any:
        page = self._page(request.match_info["page"])
        principals = await _principals(request)
        site_changes.set_restriction(self._site, page, principals)
        return {"principals": principals}

    async def get_issue(self, request: web.Request) -> Any:
        return self._issue(request.match_info["issue"]).document()

    async def put_issue(self, request: web.Request) -> Any:
        issue, data = self._issue(request.match_info["issue"]), await _object(request)
        site_changes.update_issue(self._site, issue, data.get("fields", {}))
        return {"id": issue.id, "key": issue.key}

    async def post_issue(self, request: web.Request) -> Any:
        issue = site_changes.create_issue(self._site, await _object(request))
        return {"id": issue.id, "key": issue.key}

    async def delete_issue(self, request: web.Request) -> Any:
        issue = self._issue(request.match_info["issue"])
        site_changes.delete_issue(self._site, issue)
        return {"id": issue.id, "key": issue.key, "status": "deleted"}

    async def post_issue_comment(self, request: web.Request) -> Any:
        issue = self._issue(request.match_info["issue"])
        return {"id": site_changes.add_issue_comment(self._site, issue, await _object(request))}

    async def put_security(self, request: web.Request) -> Any:
        issue, principals = self._issue(request.match_info["issue"]), await _principals(request)
        site_changes.set_security(self._site, issue, principals)
        return {"principals": principals}

    async def put_space_permissions(self, request: web.Request) -> Any:
        key = request.match_info["space"]
        if key not in self._site.spaces:
            raise NotHereError(f"There is no space {key}.")
        return self._permit(self._site.space_permissions, key, await _principals(request))

    async def put_project_permissions(self, request: web.Request) -> Any:
        key = request.match_info["project"]
        if key not in self._site.projects:
            raise NotHereError(f"There is no project {key}.")
        return self._permit(self._site.project_permissions, key, await _principals(request))

    async def put_members(self, request: web.Request) -> Any:
        members = await _list(request)
        site_changes.set_members(self._site, request.match_info["group"], members)
        return {"members": members}

    async def may_read(self, request: web.Request) -> Any:
        """The permission oracle; who has no account on the site is a visitor, admitted by `anyone` alone."""
        user = self._site.directory.find(request.query.get("user"))
        if "page" in request.query:
            page = self._page(request.query["page"])
            return {"may_read": may_read_page(self._site, user, page)}
        issue = self._issue(request.query.get("issue", ""))
        return {"may_read": may_read_issue(self._site, user, issue)}

    async def post_fault(self, request: web.Request) -> Any:
        self._site.traffic.faults.append(read_fault(await _object(request)))
        return {"faults": len(self._site.traffic.faults)}

    async def delete_faults(self, _: web.Request) -> Any:
        self._site.traffic.faults.clear()
        return {"faults": 0}

    async def get_requests(self, _: web.Request) -> Any:
        return dict(self._site.traffic.counts)

    async def delete_requests(self, _: web.Request) -> Any:
        self._site.traffic.counts.clear()
        return {}

    def _permit(self, permissions: dict[str, Principals], key: str, principals: Principals) -> Any:
        permissions[key] = principals
        self._site.revision += 1
        return {"principals": principals}

    def _page(self, page_id: str) -> PageRow:
        page = self._site.pages.get(page_id)
        if page is None:
            raise NotHereError(f"There is no page {page_id}.")
        return page

    def _issue(self, key: str) -> IssueRow:
        issue = self._site.find_issue(key)
        if issue is None:
            raise NotHereError(f"There is no issue {key}.")
        return issue


def _page_json(page: PageRow) -> dict[str, Any]:
    return {
        "id": page.id,
        "type": page.kind,
        "space": page.space,
        "title": page.title,
        "parent_id": page.parent_id,
        "version": page.version,
        "status": page.status,
        "created": confluence_time(page.created),
        "updated": confluence_time(page.updated),
        "author": page.author,
        "labels": list(page.labels),
        "storage": page.storage,
    }


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise ChangeError("The body is not JSON: send a JSON document.") from exc


async def _object(request: web.Request) -> dict[str, Any]:
    data = await _json(request)
    if not isinstance(data, dict):
        raise ChangeError("The body must be a JSON object.")
    return data


async def _list(request: web.Request) -> list[str]:
    """A list of texts, by itself or under the key `principals` or `members`."""
    data = await _json(request)
    if isinstance(data, dict):
        data = data.get("principals", data.get("members"))
    if not isinstance(data, list) or not all(isinstance(each, str) for each in data):
        raise ChangeError("The body must be a list of texts.")
    return data


async def _principals(request: web.Request) -> Principals:
    principals = await _list(request)
    for principal in principals:
        if principal != "anyone" and not principal.startswith(("group:", "user:")):
            raise ChangeError(f"{principal!r} is no principal: write anyone, group:<name> or user:<id>.")
    return tuple(principals)
