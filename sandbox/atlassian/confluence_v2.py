"""Confluence Cloud's v2 REST API: spaces, pages, blog posts, comments, attachments, permissions.

https://developer.atlassian.com/cloud/confluence/rest/v2/intro/
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from sandbox.atlassian.confluence_beans import label_id
from sandbox.atlassian.confluence_v2_wire import (
    based,
    body_bean,
    body_format_of,
    cursor_page,
    page_of,
    version_bean,
)
from sandbox.atlassian.content import page_content, web_path
from sandbox.atlassian.wire import Context, Json, RestError, context_of, integer, json_body, many, reply
from sandbox.site_access import ANYONE, ancestors
from sandbox.site_account import Sight
from sandbox.site_records import PageRow, Space
from sandbox.site_times import confluence_time

LABELS_ON_A_PAGE = 50
ANCESTORS_CAP = 250
READER_ROLE = "5a1f1e60-0000-4000-8000-000000000001"
SORT_KEYS: dict[str, Callable[[PageRow], int | str]] = {
    "id": lambda page: page.id.zfill(20),
    "title": lambda page: page.title,
    "created-date": lambda page: page.created,
    "modified-date": lambda page: page.updated,
}


def confluence_v2_routes(context: Context) -> list[web.RouteDef]:
    """No routes for Data Center, which has no such API."""
    if not context.is_cloud:
        return []
    api = context.confluence_root + "/api/v2"
    routes = [
        web.get(api + "/spaces", list_spaces),
        web.get(api + "/spaces/{space}", get_space),
        web.get(api + "/spaces/{space}/permissions", list_permissions),
        web.get(api + "/spaces/{space}/role-assignments", list_role_assignments),
        web.get(api + "/spaces/{space}/pages", list_pages),
        web.get(api + "/pages/{page}/ancestors", list_ancestors),
        web.get(api + "/pages/{page}/children", list_children),
        web.post(api + "/users-bulk", list_users),
    ]
    for kind in ("pages", "blogposts"):
        routes += [
            web.get(f"{api}/{kind}", list_pages),
            web.get(f"{api}/{kind}/{{page}}", get_page),
            web.get(f"{api}/{kind}/{{page}}/labels", list_labels),
        ]
    return routes


async def list_spaces(request: web.Request) -> web.Response:
    context, sight = context_of(request), Sight(context_of(request).site)
    keys, ids = set(many(request, "keys")), set(many(request, "ids"))
    spaces = [
        space
        for space in list(context.site.spaces.values())
        if (not keys or space.key in keys) and (not ids or space.id in ids) and sight.space(space.key)
    ]
    return cursor_page(request, spaces, lambda space: _space(context, space))


async def get_space(request: web.Request) -> web.Response:
    return reply(based(request, _space(context_of(request), _space_of(request))))


async def list_permissions(request: web.Request) -> web.Response:
    """Each principal's right to read the space, groups' right to write pages, and the site admin's own rights."""
    context = context_of(request)
    principals = context.site.space_permissions.get(_space_of(request).key, ANYONE)
    grants = [({"type": "user", "id": context.account.id}, "administer", "space")]
    for principal in principals:
        holder = _principal(context, principal)
        grants.append((holder, "read", "space"))
        if holder["type"] == "group":
            grants.append((holder, "create", "page"))
    beans: list[Json] = [
        {"id": str(number), "principal": holder, "operation": {"key": key, "targetType": target}}
        for number, (holder, key, target) in enumerate(grants, 1)
    ]
    return cursor_page(request, beans, lambda bean: bean)


async def list_role_assignments(request: web.Request) -> web.Response:
    context = context_of(request)
    principals = context.site.space_permissions.get(_space_of(request).key, ANYONE)
    kinds = {"user": "USER", "group": "GROUP", "role": "ACCESS_CLASS"}

    def show(principal: str) -> Json:
        holder = _principal(context, principal)
        named = {"principalType": kinds[holder["type"]], "principalId": holder["id"]}
        return {"principal": named, "roleId": READER_ROLE}

    return cursor_page(request, principals, show)


async def list_pages(request: web.Request) -> web.Response:
    """Pages or blog posts by space, id, title and status; current and archived ones unless asked otherwise."""
    context, query = context_of(request), request.query
    sight = Sight(context.site)
    kind = "blogpost" if request.path.endswith("/blogposts") else "page"
    space_ids = set(many(request, "space-id"))
    if "space" in request.match_info:
        space_ids = {_space_of(request).id}
    ids, statuses = set(many(request, "id")), set(many(request, "status")) or {"current", "archived"}
    found = [
        page
        for page in list(context.site.pages.values())
        if page.kind == kind
        and page.status in statuses
        and (not space_ids or context.site.spaces[page.space].id in space_ids)
        and (not ids or page.id in ids)
        and query.get("title") in (None, page.title)
        and sight.page(page)
    ]
    sort = query.get("sort", "id")
    key = SORT_KEYS.get(sort.removeprefix("-"))
    if key is None:
        raise RestError(400, f"The provided value '{sort}' of 'sort' is not supported.")
    found.sort(key=key, reverse=sort.startswith("-"))
    body_format = body_format_of(request)
    return cursor_page(request, found, lambda page: _page(context, page, body_format))


async def get_page(request: web.Request) -> web.Response:
    context, page = context_of(request), page_of(request, many(request, "status") or ["current", "archived"])
    bean = _page(context, page, body_format_of(request))
    if request.query.get("include-labels") == "true":
        results = [_label(name) for name in page.labels[:LABELS_ON_A_PAGE]]
        links = {"self": f"{context.confluence_url}{request.path.partition('/wiki')[2]}/labels"}
        bean["labels"] = {
            "results": results,
            "meta": {"hasMore": len(page.labels) > len(results)},
            "_links": links,
        }
    return reply(based(request, bean))


async def list_ancestors(request: web.Request) -> web.Response:
    """From the top of the tree to the parent; of a long way the lower end, to be continued from its highest."""
    page = page_of(request)
    limit = max(1, min(integer(request, "limit", 25), ANCESTORS_CAP))
    chain = ancestors(context_of(request).site.pages, page)[-limit:]
    return reply(based(request, {"results": [{"id": each.id, "type": "page"} for each in chain]}))


async def list_children(request: web.Request) -> web.Response:
    context, sight = context_of(request), Sight(context_of(request).site)
    below = context.site.children_of(page_of(request).id)
    children = [child for child in below if child.status == "current" and sight.page(child)]

    def show(page: PageRow) -> Json:
        space_id = context.site.spaces[page.space].id
        own = {"id": page.id, "status": page.status, "title": page.title, "spaceId": space_id}
        return {**own, "childPosition": page.position}

    return cursor_page(request, children, show)


async def list_labels(request: web.Request) -> web.Response:
    return cursor_page(request, page_of(request).labels, _label)


async def list_users(request: web.Request) -> web.Response:
    """The people of these account ids."""
    context, given = context_of(request), await json_body(request)
    users = [context.site.directory.find(account_id) for account_id in given.get("accountIds") or []]
    beans: list[Json] = [
        {
            "displayName": user.name,
            "timeZone": user.time_zone,
            "isExternalCollaborator": False,
            "accountStatus": "active" if user.active else "inactive",
            "accountId": user.id,
            "email": user.cloud_email,
            "accountType": "atlassian",
            "publicName": user.name,
            "profilePicture": {"path": "/avatar.png", "isDefault": True},
        }
        for user in users
        if user
    ]
    return reply({"results": beans, "_links": {"base": context.confluence_url}})


def _space_of(request: web.Request) -> Space:
    space_id = request.match_info["space"]
    for space in list(context_of(request).site.spaces.values()):
        if space.id == space_id and Sight(context_of(request).site).space(space.key):
            return space
    raise RestError(404, f"Space with id {space_id} not found")


def _principal(context: Context, principal: str) -> dict[str, str]:
    kind, _, name = principal.partition(":")
    if kind == "anyone":
        return {"type": "role", "id": "anonymous-users"}
    if kind == "group":
        group = context.site.directory.group(name)
        return {"type": "group", "id": group.id if group else name}
    return {"type": "user", "id": name}


def _space(context: Context, space: Space) -> Json:
    return {
        "id": space.id,
        "key": space.key,
        "name": space.name,
        "type": "global",
        "status": "current",
        "authorId": context.account.id,
        "createdAt": confluence_time(0),
        "_links": {"webui": f"/spaces/{space.key}"},
    }


def _page(context: Context, page: PageRow, body_format: str | None) -> Json:
    author = context.site.directory.author(page.author).id
    bean: Json = {
        "id": page.id,
        "status": page.status,
        "title": page.title,
        "spaceId": context.site.spaces[page.space].id,
        "authorId": author,
        "createdAt": confluence_time(page.created),
        "version": version_bean(page.updated, page.version, author),
        "body": {},
        "_links": {"webui": web_path(context, page_content(page))},
    }
    if page.kind == "page":
        bean |= {"parentId": page.parent_id, "parentType": "page"} if page.parent_id else {}
        bean |= {"position": page.position, "ownerId": author, "lastOwnerId": None}
    if body_format is not None:
        bean["body"] = body_bean(context, page, page.storage, body_format)
    return bean


def _label(name: str) -> Json:
    return {"id": label_id(name), "name": name, "prefix": "global"}
