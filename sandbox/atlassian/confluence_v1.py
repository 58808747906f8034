"""Confluence's v1 REST API: content, search and restrictions on both deployments, spaces on Data Center alone."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from typing import TypeVar

from aiohttp import web

from sandbox.atlassian.confluence_beans import (
    content_bean,
    label_listing,
    space_bean,
)
from sandbox.atlassian.content import (
    Content,
    all_content,
    attachment_content,
    comment_content,
    find_content,
    page_content,
    replies,
    root_comments,
    web_path,
)
from sandbox.atlassian.cql import search_content
from sandbox.atlassian.expand import Expand
from sandbox.atlassian.media import redirect_to_media
from sandbox.atlassian.wire import Context, Json, RestError, context_of, integer, many, reply
from sandbox.site_account import Sight
from sandbox.site_times import confluence_time, readable_time

T = TypeVar("T")
CLOUD_CAP = 100
CAP_WITH_BODY = 50
DATA_CENTER_CAP = 200


def confluence_v1_routes(context: Context) -> list[web.RouteDef]:
    """The routes of the v1 API: search, content, restrictions, attachments."""
    api = context.confluence_root + "/rest/api"
    content = api + "/content/{content}"
    download = "/child/attachment/{attachment}/download"
    routes = [
        web.get(api + "/search", search_site),
        web.get(api + "/content/search", search_contents),
        web.get(content, get_content),
        web.get(content + "/label", list_labels),
        web.get(content + "/child/comment", list_comments),
        web.get(content + "/child/page", list_children),
        web.get(content + "/child/attachment", list_attachments),
    ]
    if context.is_cloud:
        return [
            web.get(api + "/space", removed_space),
            web.get(api + "/space/{space}", removed_space),
            web.get(api + "/content", removed_space),
            web.get(content + download, download_attachment),
            *routes,
        ]
    return [
        web.get(api + "/space", list_spaces),
        web.get(api + "/space/{space}", get_space),
        web.get(api + "/content", list_content),
        *routes,
    ]


async def removed_space(_: web.Request) -> web.Response:
    raise RestError(410, "This deprecated endpoint has been removed. Use the v2 API instead.")


async def list_spaces(request: web.Request) -> web.Response:
    context = context_of(request)
    keys = set(request.query.getall("spaceKey", []))
    sight = Sight(context.site)
    spaces = [
        space
        for space in list(context.site.spaces.values())
        if (not keys or space.key in keys) and sight.space(space.key)
    ]
    return paged(request, spaces, lambda space: space_bean(context, space), cap=DATA_CENTER_CAP)


async def get_space(request: web.Request) -> web.Response:
    context = context_of(request)
    space = context.site.spaces.get(request.match_info["space"])
    if space is None or not Sight(context.site).space(space.key):
        raise RestError(404, f"No space with key : {request.match_info['space']}")
    return reply(space_bean(context, space))


async def list_content(request: web.Request) -> web.Response:
    """Data Center: the pages (or blog posts) of a space, by status and title."""
    context, query = context_of(request), request.query
    kind, status = query.get("type", "page"), query.get("status", "current")
    key = query.get("spaceKey")
    if key is not None and (key not in context.site.spaces or not Sight(context.site).space(key)):
        raise RestError(404, f"No space with key : {query['spaceKey']}")
    statuses = ["current", "archived", "trashed"] if status == "any" else [status]
    found = [
        content
        for each in statuses
        for content in all_content(context.site, status=each)
        if content.kind == kind
        and query.get("spaceKey") in (None, content.page.space)
        and query.get("title") in (None, content.title)
    ]
    return _contents(request, found)


async def get_content(request: web.Request) -> web.Response:
    statuses = many(request, "status") or ["current"]
    content = content_of(request, statuses)
    return reply(linked(request, content_bean(context_of(request), content, _expand(request))))


async def search_contents(request: web.Request) -> web.Response:
    return _contents(request, _search(request), cursor=context_of(request).is_cloud)


async def search_site(request: web.Request) -> web.Response:
    """Results with title, excerpt and place, each around a piece of content."""
    context, expand = context_of(request), _expand(request)
    found = _search(request)

    def show(content: Content) -> Json:
        space = context.site.spaces[content.page.space]
        return {
            "content": content_bean(context, content, expand),
            "title": content.title,
            "excerpt": "",
            "url": web_path(context, content),
            "resultGlobalContainer": {"title": space.name, "displayUrl": f"/spaces/{space.key}"},
            "breadcrumbs": [],
            "entityType": "content",
            "iconCssClass": f"aui-icon content-type-{content.kind}",
            "lastModified": confluence_time(content.updated),
            "friendlyLastModified": readable_time(content.updated),
            "score": 0.0,
        }

    extra = {"totalSize": len(found), "cqlQuery": request.query.get("cql", ""), "searchDuration": 1}
    return paged(request, found, show, cap=_cap(request), extra=extra, cursor=context.is_cloud)


async def list_labels(request: web.Request) -> web.Response:
    return reply(linked(request, label_listing(content_of(request).page.labels)))


async def list_comments(request: web.Request) -> web.Response:
    """The comments on a page or the replies to a comment; with `depth=all`, of either, all that are below."""
    content, wanted = content_of(request), set(many(request, "location"))
    page, above = content.page, content.comment
    if request.query.get("depth") == "all":
        found = [comment_content(page, each) for each in page.comments if each is not above]
        if above is not None:
            found = [each for each in found if above in each.ancestor_comments]
    else:
        comments = replies(page, content.id) if above else root_comments(page)
        found = [comment_content(page, each) for each in comments]
    return _contents(request, [each for each in found if not wanted or wanted & _locations(each)])


def _locations(content: Content) -> set[str]:
    """The values of `location` under which a comment is found: a resolved inline comment is only `resolved`."""
    comments = [*content.ancestor_comments, content.comment]
    if content.location == "inline" and comments[0] is not None and comments[0].resolved:
        return {"resolved"}
    return {content.location}


async def list_children(request: web.Request) -> web.Response:
    site, page = context_of(request).site, content_of(request).page
    sight = Sight(site)
    children = [
        child for child in site.children_of(page.id) if child.status == "current" and sight.page(child)
    ]
    return _contents(request, [page_content(child) for child in children])


async def list_attachments(request: web.Request) -> web.Response:
    page, wanted = content_of(request).page, request.query.get("filename")
    found = [attachment_content(page, each) for each in page.attachments if wanted in (None, each.title)]
    return _contents(request, found)


async def download_attachment(request: web.Request) -> web.Response:
    """A redirect to the bytes."""
    context, page, wanted = context_of(request), content_of(request).page, request.match_info["attachment"]
    attachment = next((each for each in page.attachments if each.id == wanted), None)
    if attachment is None or context.site.attachment_bytes(page, attachment) is None:
        raise RestError(404, "There is no such attachment on this page.")
    return redirect_to_media(context, "page", attachment.id, status=302)


def content_of(request: web.Request, statuses: Sequence[str] = ("current",)) -> Content:
    """The content that the path names, or a 404 when it is not there in one of these states."""
    content_id = request.match_info["content"]
    content = find_content(context_of(request).site, content_id)
    if content is None or not ({content.page.status, "any"} & set(statuses)):
        raise RestError(404, f"No content found with id : ContentId{{id={content_id}}}")
    return content


def paged(
    request: web.Request,
    items: Sequence[T],
    show: Callable[[T], Json],
    *,
    cap: int,
    extra: Json | None = None,
    cursor: bool = False,
) -> web.Response:
    """A v1 listing with start, limit, size and `_links.next`, which leaves out the context path."""
    context = context_of(request)
    limit = max(1, min(integer(request, "limit", 25), cap))
    start = read_cursor(request.query.get("cursor")) if cursor else integer(request, "start", 0)
    results = [show(item) for item in items[start : start + limit]]
    answer: Json = {"results": results, "start": start, "limit": limit, "size": len(results), **(extra or {})}
    answer = linked(request, answer)
    if start + limit < len(items):
        following: dict[str, str | int] = {"limit": limit, "start": start + limit}
        if cursor:
            following |= {"cursor": make_cursor(start + limit), "next": "true"}
        path = context.public(request.rel_url.update_query(following))
        answer["_links"]["next"] = path.removeprefix(context.confluence_path)
    return reply(answer)


def make_cursor(start: int) -> str:
    return urlsafe_b64encode(json.dumps({"start": start}).encode()).decode()


def read_cursor(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        return int(json.loads(urlsafe_b64decode(cursor))["start"])
    except (Base64Error, ValueError, TypeError, KeyError) as exc:
        raise RestError(400, "The cursor is not valid.") from exc


def _contents(request: web.Request, found: Sequence[Content], *, cursor: bool = False) -> web.Response:
    context, expand = context_of(request), _expand(request)
    return paged(
        request,
        found,
        lambda content: content_bean(context, content, expand),
        cap=_cap(request),
        cursor=cursor,
    )


def _search(request: web.Request) -> list[Content]:
    context = context_of(request)
    cql, zone = request.query.get("cql", ""), context.account.time_zone
    if context.site.search_index.is_behind:
        found = [find_content(context.site, each.id) for each in search_content(context.site, cql, zone=zone)]
        return [content for content in found if content is not None]
    return context.cache.get(
        context.site.revision, ("cql", cql), lambda: search_content(context.site, cql, zone=zone)
    )


def _expand(request: web.Request) -> Expand:
    return Expand(many(request, "expand"))


def _cap(request: web.Request) -> int:
    if _expand(request).has("body"):
        return CAP_WITH_BODY
    return CLOUD_CAP if context_of(request).is_cloud else DATA_CENTER_CAP


def linked(request: web.Request, bean: Json) -> Json:
    """A bean with the links that every answer has."""
    context = context_of(request)
    links = {"base": context.confluence_url, "context": context.confluence_path}
    bean["_links"] = {
        "self": context.base_url + context.public(request.rel_url),
        **links,
        **bean.get("_links", {}),
    }
    return bean
