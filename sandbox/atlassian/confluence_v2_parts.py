"""Confluence Cloud's v2 REST API: what hangs on pages and blog posts: comments, replies and attachments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from sandbox.atlassian.confluence_v2_wire import (
    based,
    body_bean,
    body_format_of,
    cursor_page,
    page_of,
    version_bean,
)
from sandbox.atlassian.content import (
    Content,
    all_content,
    attachment_content,
    comment_content,
    download_path,
    find_content,
    replies,
    root_comments,
    web_path,
)
from sandbox.atlassian.wire import Context, Json, RestError, context_of, many, reply
from sandbox.site_times import confluence_time

SORT_KEYS: dict[str, Callable[[Content], int | str]] = {
    "created-date": lambda content: content.created,
    "modified-date": lambda content: content.updated,
    "title": lambda content: content.title,
    "id": lambda content: content.id.zfill(20),
}


def confluence_v2_part_routes(context: Context) -> list[web.RouteDef]:
    """No routes for Data Center, which has no such API."""
    if not context.is_cloud:
        return []
    api = context.confluence_root + "/api/v2"
    routes = [
        web.get(api + "/attachments", list_all_attachments),
        web.get(api + "/attachments/{attachment}", get_attachment),
        web.get(api + "/attachments/{attachment}/versions/{number}", get_attachment_version),
    ]
    for location in ("footer", "inline"):
        routes += [
            web.get(f"{api}/{location}-comments", list_all_comments),
            web.get(f"{api}/{location}-comments/{{comment}}", get_comment),
            web.get(f"{api}/{location}-comments/{{comment}}/children", list_replies),
        ]
    for kind in ("pages", "blogposts"):
        routes += [
            web.get(f"{api}/{kind}/{{page}}/attachments", list_attachments),
            web.get(f"{api}/{kind}/{{page}}/footer-comments", list_comments),
            web.get(f"{api}/{kind}/{{page}}/inline-comments", list_comments),
        ]
    return routes


async def list_attachments(request: web.Request) -> web.Response:
    page = page_of(request)
    return _attachments(request, [attachment_content(page, each) for each in page.attachments])


async def list_all_attachments(request: web.Request) -> web.Response:
    everything = all_content(context_of(request).site)
    return _attachments(request, [content for content in everything if content.attachment is not None])


async def get_attachment(request: web.Request) -> web.Response:
    return reply(based(request, _attachment(context_of(request), _attachment_of(request))))


async def get_attachment_version(request: web.Request) -> web.Response:
    """Who made a version and when; the site remembers nobody but the author."""
    content, number = _attachment_of(request), request.match_info["number"]
    if not number.isdecimal() or not 1 <= int(number) <= content.version:
        raise RestError(404, "Version not found")
    author = context_of(request).site.directory.author(content.author).id
    when = content.created if int(number) == 1 else content.updated
    return reply(version_bean(when, int(number), author))


def _attachment_of(request: web.Request) -> Content:
    content = find_content(context_of(request).site, request.match_info["attachment"])
    if content is None or content.attachment is None or content.page.status == "trashed":
        raise RestError(404, "Attachment not found")
    return content


async def list_comments(request: web.Request) -> web.Response:
    """The comments of one location on a page; replies are read from the comment that they reply to."""
    page = page_of(request)
    found = [comment_content(page, comment) for comment in root_comments(page)]
    return _comments(request, [each for each in found if each.location == _location(request)])


async def list_all_comments(request: web.Request) -> web.Response:
    everything = all_content(context_of(request).site)
    found = [each for each in everything if each.comment and each.location == _location(request)]
    return _comments(request, found)


async def list_replies(request: web.Request) -> web.Response:
    """The replies to a comment, which name the comment alone and not the page."""
    above = _comment_of(request)
    found = [comment_content(above.page, each) for each in replies(above.page, above.id)]
    return _comments(request, found, without=("pageId", "blogPostId"))


async def get_comment(request: web.Request) -> web.Response:
    bean = _comment(context_of(request), _comment_of(request), body_format_of(request))
    return reply(based(request, bean))


def _comment_of(request: web.Request) -> Content:
    content = find_content(context_of(request).site, request.match_info["comment"])
    if content is None or content.comment is None or content.page.status == "trashed":
        raise RestError(404, "Comment not found")
    if content.location != _location(request):
        raise RestError(404, "Comment not found")
    return content


def _location(request: web.Request) -> str:
    return "inline" if "/inline-comments" in request.path else "footer"


def _attachments(request: web.Request, found: list[Content]) -> web.Response:
    context, query = context_of(request), request.query
    wanted = [
        content
        for content in found
        if query.get("filename") in (None, content.title)
        and content.attachment is not None
        and query.get("mediaType") in (None, content.attachment.media_type)
    ]
    return cursor_page(request, _sorted(request, wanted), lambda content: _attachment(context, content))


def _comments(request: web.Request, found: list[Content], without: Sequence[str] = ()) -> web.Response:
    context, body_format = context_of(request), body_format_of(request)
    states = set(many(request, "resolution-status"))
    wanted = [each for each in found if not states or _resolution(each) in states]

    def show(content: Content) -> Json:
        bean = _comment(context, content, body_format)
        return {name: value for name, value in bean.items() if name not in without}

    return cursor_page(request, _sorted(request, wanted), show)


def _sorted(request: web.Request, found: list[Content]) -> Sequence[Content]:
    sort = request.query.get("sort")
    if sort is None:
        return found
    if sort.removeprefix("-") not in SORT_KEYS:
        raise RestError(400, f"The provided value '{sort}' of 'sort' is not supported.")
    return sorted(found, key=SORT_KEYS[sort.removeprefix("-")], reverse=sort.startswith("-"))


def _resolution(content: Content) -> str:
    return "resolved" if content.comment and content.comment.resolved else "open"


def _comment(context: Context, content: Content, body_format: str | None) -> Json:
    author, comment = context.site.directory.author(content.author).id, content.comment
    bean: Json = {
        "id": content.id,
        "status": content.page.status,
        "title": content.title,
        "blogPostId" if content.page.kind == "blogpost" else "pageId": content.page.id,
        "version": version_bean(content.updated, content.version, author),
        "body": {},
        "_links": {"webui": web_path(context, content)},
    }
    if comment is not None and comment.parent_id is not None:
        bean["parentCommentId"] = comment.parent_id
    elif comment is not None and content.location == "inline":
        bean["resolutionStatus"] = _resolution(content)
    if comment is not None and comment.inline is not None:
        anchor = comment.inline
        bean["properties"] = {
            "inlineMarkerRef": anchor.marker_ref,
            "inlineOriginalSelection": anchor.selection,
        }
    if body_format is not None:
        bean["body"] = body_bean(context, content.page, content.storage, body_format)
    return bean


def _attachment(context: Context, content: Content) -> Json:
    author = context.site.directory.author(content.author).id
    web_link, download = web_path(context, content), download_path(context, content)
    media_type, size = (
        (content.attachment.media_type, content.attachment.size) if content.attachment else ("", 0)
    )
    return {
        "id": content.id,
        "status": content.page.status,
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
        "version": version_bean(content.updated, content.version, author),
        "_links": {"webui": web_link, "download": download},
    }
