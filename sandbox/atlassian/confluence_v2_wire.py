"""What the resources of Confluence Cloud's v2 REST API share: cursor paging, bodies, versions, finding a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from aiohttp import web

from sandbox.atlassian.confluence_v1 import make_cursor, read_cursor
from sandbox.atlassian.storage_html import storage_to_html
from sandbox.atlassian.wire import Context, Json, RestError, context_of, integer, reply
from sandbox.site_account import Sight
from sandbox.site_records import PageRow
from sandbox.site_times import confluence_time

T = TypeVar("T")
CAP = 250


def cursor_page(request: web.Request, items: Sequence[T], show: Callable[[T], Json]) -> web.Response:
    """A v2 listing: `_links.next` and the Link header, both with the context path."""
    context = context_of(request)
    limit = max(1, min(integer(request, "limit", 25), CAP))
    start = read_cursor(request.query.get("cursor"))
    links, headers = {"base": context.confluence_url}, {}
    if start + limit < len(items):
        links["next"] = context.public(request.rel_url.update_query(cursor=make_cursor(start + limit)))
        headers["Link"] = f'<{links["next"]}>; rel="next", <{context.confluence_url}>; rel="base"'
    results = [show(item) for item in items[start : start + limit]]
    return reply({"results": results, "_links": links}, headers=headers)


def page_of(request: web.Request, statuses: Sequence[str] = ("current", "archived")) -> PageRow:
    """The page or blog post that the path names; a 404 when it is in none of these states."""
    kind = "blogpost" if "/blogposts/" in request.path else "page"
    site = context_of(request).site
    page = site.pages.get(request.match_info["page"])
    if page is None or page.kind != kind or page.status not in statuses or not Sight(site).page(page):
        raise RestError(404, f"Page with id {request.match_info['page']} not found")
    return page


def body_format_of(request: web.Request) -> str | None:
    """Which representation of a body is asked for, if any."""
    name = request.query.get("body-format")
    if name not in (None, "storage", "view"):
        raise RestError(400, f"The provided value '{name}' of 'body-format' is not supported.")
    return name


def body_bean(context: Context, page: PageRow, storage: str, body_format: str) -> Json:
    """A body in one representation."""
    value = storage if body_format == "storage" else storage_to_html(context, page, storage)
    return {body_format: {"representation": body_format, "value": value}}


def version_bean(when: int, number: int, author_id: str) -> Json:
    """A version as v2 writes it."""
    return {
        "number": number,
        "message": "",
        "minorEdit": False,
        "authorId": author_id,
        "createdAt": confluence_time(when),
    }


def based(request: web.Request, bean: Json) -> Json:
    """A bean that stands alone says where the site's wiki is."""
    bean["_links"] = {**bean.get("_links", {}), "base": context_of(request).confluence_url}
    return bean
