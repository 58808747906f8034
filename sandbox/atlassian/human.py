"""The pages that people see when they click a link: wiki pages and tickets.

The cookie `sandbox_user` (account id or e-mail) tells who looks; without it the site admin does.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib.resources import files
from urllib.parse import unquote

from aiohttp import web

from sandbox.atlassian.content import attachment_content, comment_content, page_content, web_path
from sandbox.atlassian.jira_beans import stored_comments
from sandbox.atlassian.jira_issues import rendered
from sandbox.atlassian.storage_html import storage_to_html
from sandbox.atlassian.wire import Context, Json, context_of
from sandbox.site_access import ancestors, may_read_issue, may_read_issue_comment, may_read_page
from sandbox.site_account import Sight
from sandbox.site_people import User
from sandbox.site_records import IssueRow, PageRow
from sandbox.site_times import parse_time, readable_time

COOKIE = "sandbox_user"
ISSUE_FACTS = ("issuetype", "status", "priority", "resolution", "assignee", "reporter")


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who looks: the site admin, a user, or a visitor without an account."""

    name: str
    is_admin: bool
    user: User | None

    def may_read_page(self, context: Context, page: PageRow) -> bool:
        return page.status != "trashed" and (self.is_admin or may_read_page(context.site, self.user, page))

    def may_read_issue(self, context: Context, issue: IssueRow) -> bool:
        return self.is_admin or may_read_issue(context.site, self.user, issue)

    def may_read_comment(self, context: Context, issue: IssueRow, comment: Json) -> bool:
        return self.is_admin or may_read_issue_comment(context.site, self.user, issue, comment)


def human_routes(context: Context) -> list[web.RouteDef]:
    """The routes that a person opens in a browser."""
    wiki = context.confluence_path
    routes = [
        web.get(context.jira_path + "/browse/{key}", show_issue),
        web.get(wiki + "/pages/viewpage.action", show_page),
        web.get(wiki + "/pages/viewpageattachments.action", show_page),
        web.get(wiki + "/download/attachments/{page}/{title}", download_attachment),
    ]
    if context.is_cloud:
        return [
            *routes,
            web.get(wiki + "/spaces/{space}/pages/{page}", show_page),
            web.get(wiki + "/spaces/{space}/pages/{page}/{title}", show_page),
            web.get(wiki + "/spaces/{space}", show_space),
        ]
    return [
        *routes,
        web.get(wiki + "/display/{space}", show_space),
        web.get(wiki + "/display/{space}/{title}", show_page),
    ]


async def show_page(request: web.Request) -> web.Response:
    context, viewer = context_of(request), viewer_of(request)
    page = _wanted_page(request)
    if page is None or not viewer.may_read_page(context, page):
        return _not_found(viewer)
    return _html(viewer, page.title, _page_html(context, viewer, page, request.query.get("focusedCommentId")))


async def show_issue(request: web.Request) -> web.Response:
    context, viewer = context_of(request), viewer_of(request)
    issue = context.site.find_issue(request.match_info["key"])
    if issue is None or not viewer.may_read_issue(context, issue):
        return _not_found(viewer)
    if issue.key != request.match_info["key"].upper():
        raise web.HTTPFound(f"{context.jira_path}/browse/{issue.key}")
    fields = issue.document()["fields"]
    body = _issue_html(context, viewer, issue, fields, request.query.get("focusedCommentId"))
    return _html(viewer, f"{issue.key} {fields.get('summary') or ''}", body)


async def show_space(request: web.Request) -> web.Response:
    """The pages of a space that the viewer may read."""
    context, viewer = context_of(request), viewer_of(request)
    pages = [
        page
        for page in list(context.site.pages.values())
        if page.space == request.match_info["space"] and viewer.may_read_page(context, page)
    ]
    if not pages:
        return _not_found(viewer)
    items = "".join(f"<li>{_page_anchor(context, page)}</li>" for page in pages)
    return _html(viewer, pages[0].space, f"<h1>{escape(pages[0].space)}</h1><ul>{items}</ul>")


async def download_attachment(request: web.Request) -> web.StreamResponse:
    context, viewer = context_of(request), viewer_of(request)
    page = context.site.pages.get(request.match_info["page"])
    if page is None or not viewer.may_read_page(context, page):
        return _not_found(viewer)
    if "Authorization" in request.headers and not Sight(context.site).page(page):
        return _not_found(viewer)
    for attachment in page.attachments:
        content = context.site.attachment_bytes(page, attachment)
        if attachment.title == request.match_info["title"] and content is not None:
            return web.Response(body=content, headers={"Content-Type": attachment.media_type})
    return _not_found(viewer)


def viewer_of(request: web.Request) -> Viewer:
    """Who looks, by the cookie."""
    reference = request.cookies.get(COOKIE)
    if not reference:
        return Viewer(name="the site admin", is_admin=True, user=None)
    user = context_of(request).site.directory.find(unquote(reference))
    return Viewer(name=user.name if user else "a visitor", is_admin=False, user=user)


def _wanted_page(request: web.Request) -> PageRow | None:
    site, info = context_of(request).site, request.match_info
    page_id = info.get("page") or request.query.get("pageId")
    if page_id is not None:
        return site.pages.get(page_id)
    return site.find_page_by_title(info["space"], info["title"].replace("+", " "))


def _page_html(context: Context, viewer: Viewer, page: PageRow, focused: str | None) -> str:
    above = [each for each in ancestors(context.site.pages, page) if viewer.may_read_page(context, each)]
    space = f'<a href="{_space_url(context, page.space)}">{escape(page.space)}</a>'
    trail = " / ".join([space, *(_page_anchor(context, each) for each in above)])
    author = context.site.directory.author(page.author).name
    labels = " ".join(f'<span class="label">{escape(label)}</span>' for label in page.labels)
    parts = [
        f"<nav>{trail}</nav><h1>{escape(page.title)}</h1>",
        f'<p class="meta">{escape(author)}, {readable_time(page.updated)}, version {page.version} {labels}</p>',
        f"<article>{storage_to_html(context, page, page.storage)}</article>",
    ]
    if page.attachments:
        items = "".join(
            f'<li><a href="{escape(_download_url(context, page, attachment.title))}">'
            f"{escape(attachment_content(page, attachment).title)}</a></li>"
            for attachment in page.attachments
        )
        parts.append(f"<h2>Attachments</h2><ul>{items}</ul>")
    if page.comments:
        parts.append("<h2>Comments</h2>")
    for comment in page.comments:
        content = comment_content(page, comment)
        name = context.site.directory.author(comment.author).name
        html = storage_to_html(context, page, content.storage)
        parts.append(_comment_html(comment.id, name, readable_time(comment.created), html, focused))
    return "".join(parts)


def _issue_html(context: Context, viewer: Viewer, issue: IssueRow, fields: Json, focused: str | None) -> str:
    facts = [(name.capitalize(), _name_of(fields.get(name))) for name in ISSUE_FACTS]
    if issue.security is not None:
        facts.append(("Security", issue.security.name))
    facts += [("Labels", ", ".join(fields.get("labels") or [])), ("Updated", readable_time(issue.updated))]
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts if value)
    parts = [
        f"<nav>{escape(issue.project)} / {escape(issue.key)}</nav><h1>{escape(fields.get('summary') or '')}</h1>",
        f'<dl class="facts">{rows}</dl><h2>Description</h2>',
        f"<article>{rendered(context, fields.get('description'))}</article><h2>Comments</h2>",
    ]
    for comment in stored_comments({"fields": fields}):
        if not viewer.may_read_comment(context, issue, comment):
            continue
        name, when = _name_of(comment.get("author")), readable_time(parse_time(comment["created"]))
        html = rendered(context, comment.get("body"))
        parts.append(_comment_html(comment["id"], name or "Somebody", when, html, focused))
    return "".join(parts)


def _comment_html(comment_id: str, author: str, when: str, html: str, focused: str | None) -> str:
    is_focused = comment_id == focused
    script = "<script>document.currentScript.parentElement.scrollIntoView({block:'center'})</script>"
    return (
        f'<section class="comment{" focused" if is_focused else ""}" id="comment-{escape(comment_id)}">'
        f'<p class="meta"><strong>{escape(author)}</strong>, {when}</p>{html}{script if is_focused else ""}</section>'
    )


def _name_of(value: Json | None) -> str:
    return str((value or {}).get("displayName") or (value or {}).get("name") or "")


def _page_anchor(context: Context, page: PageRow) -> str:
    url = context.confluence_path + web_path(context, page_content(page))
    return f'<a href="{escape(url)}">{escape(page.title)}</a>'


def _space_url(context: Context, space: str) -> str:
    return f"{context.confluence_path}/{'spaces' if context.is_cloud else 'display'}/{space}"


def _download_url(context: Context, page: PageRow, title: str) -> str:
    return f"{context.confluence_path}/download/attachments/{page.id}/{title}"


def _not_found(viewer: Viewer) -> web.Response:
    """The same page for what does not exist and for what the viewer may not see."""
    text = "<h1>Page not found</h1><p>It does not exist, or you do not have permission to see it.</p>"
    return _html(viewer, "Page not found", text, status=404)


def _html(viewer: Viewer, title: str, body: str, *, status: int = 200) -> web.Response:
    style = files("sandbox.atlassian").joinpath("human.css").read_text("utf-8")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    who = f'<span class="who">You look as {escape(viewer.name)}</span>'
    page = (
        f'<!doctype html><html lang="en"><head>{head}<style>{style}</style></head>'
        f"<body><header><strong>Sandbox</strong>{who}</header><main>{body}</main></body></html>"
    )
    return web.Response(text=page, status=status, content_type="text/html")
