"""Confluence Cloud's v2 REST API: spaces, pages, blog posts, comments, attachments, permissions.

https://developer.atlassian.com/cloud/confluence/rest/v2/intro/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from aiohttp import web

from sandbox.atlassian.confluence_beans import label_id
from sandbox.atlassian.confluence_v1 import make_cursor, read_cursor
from sandbox.atlassian.content import (
    Content,
    attachment_content,
    comment_content,
    download_path,
    page_content,
    web_path,
)
from sandbox.atlassian.storage_html import storage_to_html
from sandbox.atlassian.wire import Context, Json, RestError, context_of, integer, json_body, many, reply
from sandbox.site_access import ANYONE, ancestors
from sandbox.site_records import PageRow, Space
from sandbox.site_times import confluence_time

T = TypeVar("T")
CAP = 250
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
    api = context.confluence_path + "/api/v2"
    routes = [
        web.get(api + "/spaces", list_spaces),
        web.get(api + "/spaces/{space}", get_space),
        web.get(api + "/spaces/{space}/permissions", list_permissions),
        web.get(api + "/spaces/{space}/role-assignments", list_role_assignments),
        web.get(api + "/spaces/{space}/pages", list_pages),
        web.get(api + "/pages/{page}/ancestors", list_ancestors),
        web.get(api + "/pages/{page}/children", list_children),
        web.get(api + "/attachments/{attachment}", get_attachment),
        web.get(api + "/footer-comments/{comment}", get_comment),
        web.post(api + "/users-bulk", list_users),
    ]
    for kind in ("pages", "blogposts"):
        routes += [
            web.get(f"{api}/{kind}", list_pages),
            web.get(f"{api}/{kind}/{{page}}", get_page),
            web.get(f"{api}/{kind}/{{page}}/labels", list_labels),
            web.get(f"{api}/{kind}/{{page}}/attachments", list_attachments),
            web.get(f"{api}/{kind}/{{page}}/footer-comments", list_footer_comments),
            web.get(f"{api}/{kind}/{{page}}/inline-comments", list_inline_comments),
        ]
    return routes


async def list_spaces(request: web.Request) -> web.Response:
    context = context_of(request)
    keys, ids = set(many(request, "keys")), set(many(request, "ids"))
    spaces = [
        space
        for space in context.site.spaces.values()
        if (not keys or space.key in keys) and (not ids or space.id in ids)
    ]
    return cursor_page(request, spaces, lambda space: _space(context, space))


async def get_space(request: web.Request) -> web.Response:
    return reply(_based(request, _space(context_of(request), _space_of(request))))


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
    kind = "blogpost" if request.path.endswith("/blogposts") else "page"
    space_ids = set(many(request, "space-id"))
    if "space" in request.match_info:
        space_ids = {_space_of(request).id}
    ids, statuses = set(many(request, "id")), set(many(request, "status")) or {"current", "archived"}
    found = [
        page
        for page in context.site.pages.values()
        if page.kind == kind
        and page.status in statuses
        and (not space_ids or context.site.spaces[page.space].id in space_ids)
        and (not ids or page.id in ids)
        and query.get("title") in (None, page.title)
    ]
    sort = query.get("sort", "id")
    key = SORT_KEYS.get(sort.removeprefix("-"))
    if key is None:
        raise RestError(400, f"The provided value '{sort}' of 'sort' is not supported.")
    found.sort(key=key, reverse=sort.startswith("-"))
    body_format = _body_format(request)
    return cursor_page(request, found, lambda page: _page(context, page, body_format))


async def get_page(request: web.Request) -> web.Response:
    context, page = context_of(request), _page_of(request, many(request, "status") or ["current", "archived"])
    bean = _page(context, page, _body_format(request))
    if request.query.get("include-labels") == "true":
        results = [_label(name) for name in page.labels]
        links = {"self": f"{context.confluence_url}/api/v2/pages/{page.id}/labels"}
        bean["labels"] = {"results": results, "meta": {"hasMore": False}, "_links": links}
    return reply(_based(request, bean))


async def list_ancestors(request: web.Request) -> web.Response:
    """From the top of the tree to the parent."""
    page = _page_of(request)
    chain = ancestors(context_of(request).site.pages, page)
    return cursor_page(request, chain, lambda each: {"id": each.id, "type": "page"})


async def list_children(request: web.Request) -> web.Response:
    context = context_of(request)
    children = [
        child for child in context.site.children_of(_page_of(request).id) if child.status == "current"
    ]

    def show(page: PageRow) -> Json:
        space_id = context.site.spaces[page.space].id
        own = {"id": page.id, "status": page.status, "title": page.title, "spaceId": space_id}
        return {**own, "childPosition": page.position}

    return cursor_page(request, children, show)


async def list_labels(request: web.Request) -> web.Response:
    return cursor_page(request, _page_of(request).labels, _label)


async def list_attachments(request: web.Request) -> web.Response:
    context, page = context_of(request), _page_of(request)
    found = [attachment_content(page, attachment) for attachment in page.attachments]
    return cursor_page(request, found, lambda content: _attachment(context, content))


async def get_attachment(request: web.Request) -> web.Response:
    context = context_of(request)
    found = context.site.find_attachment(request.match_info["attachment"])
    if found is None or found[0].status != "current":
        raise RestError(404, "Attachment not found")
    return reply(_based(request, _attachment(context, attachment_content(*found))))


async def list_footer_comments(request: web.Request) -> web.Response:
    context, page = context_of(request), _page_of(request)
    comments = [comment_content(page, comment) for comment in page.comments]
    body_format = _body_format(request)
    return cursor_page(request, comments, lambda content: _comment(context, content, body_format))


async def list_inline_comments(request: web.Request) -> web.Response:
    """A site folder holds footer comments alone."""
    _page_of(request)
    return cursor_page(request, [], lambda bean: bean)


async def get_comment(request: web.Request) -> web.Response:
    context = context_of(request)
    found = context.site.find_page_comment(request.match_info["comment"])
    if found is None or found[0].status != "current":
        raise RestError(404, "Comment not found")
    return reply(_based(request, _comment(context, comment_content(*found), _body_format(request))))


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
            "email": user.email,
            "accountType": "atlassian",
            "publicName": user.name,
            "profilePicture": {"path": "/avatar.png", "isDefault": True},
        }
        for user in users
        if user
    ]
    return reply({"results": beans, "_links": {"base": context.confluence_url}})


def cursor_page(request: web.Request, items: Sequence[T], show: Callable[[T], Json]) -> web.Response:
    """A v2 listing: `_links.next` and the Link header, both with the context path."""
    context = context_of(request)
    limit = max(1, min(integer(request, "limit", 25), CAP))
    start = read_cursor(request.query.get("cursor"))
    links, headers = {"base": context.confluence_url}, {}
    if start + limit < len(items):
        links["next"] = str(request.rel_url.update_query(cursor=make_cursor(start + limit)))
        headers["Link"] = f'<{links["next"]}>; rel="next", <{context.confluence_url}>; rel="base"'
    results = [show(item) for item in items[start : start + limit]]
    return reply({"results": results, "_links": links}, headers=headers)


def _space_of(request: web.Request) -> Space:
    space_id = request.match_info["space"]
    for space in context_of(request).site.spaces.values():
        if space.id == space_id:
            return space
    raise RestError(404, f"Space with id {space_id} not found")


def _page_of(request: web.Request, statuses: Sequence[str] = ("current", "archived")) -> PageRow:
    kind = "blogpost" if "/blogposts/" in request.path else "page"
    page = context_of(request).site.pages.get(request.match_info["page"])
    if page is None or page.kind != kind or page.status not in statuses:
        raise RestError(404, f"Page with id {request.match_info['page']} not found")
    return page


def _body_format(request: web.Request) -> str | None:
    name = request.query.get("body-format")
    if name not in (None, "storage", "view"):
        raise RestError(400, f"The provided value '{name}' of 'body-format' is not supported.")
    return name


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
        "version": _version(page.updated, page.version, author),
        "body": {},
        "_links": {"webui": web_path(context, page_content(page))},
    }
    if page.kind == "page":
        bean |= {"parentId": page.parent_id, "parentType": "page"} if page.parent_id else {}
        bean |= {"position": page.position, "ownerId": author, "lastOwnerId": None}
    if body_format is not None:
        bean["body"] = _body(context, page, page.storage, body_format)
    return bean


def _body(context: Context, page: PageRow, storage: str, body_format: str) -> Json:
    value = storage if body_format == "storage" else storage_to_html(context, page, storage)
    return {body_format: {"representation": body_format, "value": value}}


def _version(when: int, number: int, author_id: str) -> Json:
    return {
        "number": number,
        "message": "",
        "minorEdit": False,
        "authorId": author_id,
        "createdAt": confluence_time(when),
    }


def _comment(context: Context, content: Content, body_format: str | None) -> Json:
    author = context.site.directory.author(content.author).id
    bean: Json = {
        "id": content.id,
        "status": "current",
        "title": content.title,
        "blogPostId" if content.page.kind == "blogpost" else "pageId": content.page.id,
        "version": _version(content.created, 1, author),
        "body": {},
        "_links": {"webui": web_path(context, content)},
    }
    if body_format is not None:
        bean["body"] = _body(context, content.page, content.storage, body_format)
    return bean


def _attachment(context: Context, content: Content) -> Json:
    author = context.site.directory.author(content.author).id
    web_link, download = web_path(context, content), download_path(context, content)
    media_type, size = (
        (content.attachment.media_type, content.attachment.size) if content.attachment else ("", 0)
    )
    return {
        "id": content.id,
        "status": "current",
        "title": content.title,
        "createdAt": confluence_time(content.created),
        "blogPostId" if content.page.kind == "blogpost" else "pageId": content.page.id,
        "mediaType": media_type,
        "mediaTypeDescription": None,
        "comment": "",
        "fileId": content.id,
        "fileSize": size,
        "webuiLink": web_link,
        "downloadLink": download,
        "version": _version(content.created, 1, author),
        "_links": {"webui": web_link, "download": download},
    }


def _label(name: str) -> Json:
    return {"id": label_id(name), "name": name, "prefix": "global"}


def _based(request: web.Request, bean: Json) -> Json:
    bean["_links"] = {**bean.get("_links", {}), "base": context_of(request).confluence_url}
    return bean
