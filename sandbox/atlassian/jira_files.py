"""Jira: attachments of issues and their bytes."""

from __future__ import annotations

from aiohttp import web

from sandbox.atlassian.human import viewer_of
from sandbox.atlassian.jira_beans import attachment_bean
from sandbox.atlassian.media import issue_file, redirect_to_media
from sandbox.atlassian.wire import Context, Json, RestError, context_of, reply
from sandbox.site_account import Sight
from sandbox.site_records import IssueRow


def jira_file_routes(context: Context) -> list[web.RouteDef]:
    """The routes for attachments: on Cloud the content is redirected, on Data Center it is at a page for people."""
    api = context.jira_root + "/rest/api/{version:2|3|latest}"
    routes = [web.get(api + "/attachment/{attachment}", get_attachment)]
    if context.is_cloud:
        return [web.get(api + "/attachment/content/{attachment}", get_content), *routes]
    return [
        *routes,
        web.get(context.jira_root + "/secure/attachment/{attachment}/{name}", get_secure_content),
        web.get(context.jira_root + "/login.jsp", show_login),
    ]


async def get_attachment(request: web.Request) -> web.Response:
    """What is known of an attachment, without its bytes; the id is a number here and a text in an issue."""
    context = context_of(request)
    _, entry = _attachment_of(request)
    version = "3" if request.match_info["version"] == "3" else "2"
    bean = attachment_bean(context, entry, version)
    return reply({**bean, "id": int(bean["id"])})


async def get_content(request: web.Request) -> web.Response:
    """A redirect to the bytes, or with `redirect=false` the bytes themselves."""
    context = context_of(request)
    _, entry = _attachment_of(request)
    number = str(entry["id"])
    if request.query.get("redirect", "true") == "false":
        return issue_file(context, number)
    if context.site.issue_attachment_bytes(*_attachment_of(request)) is None:
        raise RestError(404, f"The attachment with id '{number}' does not exist")
    return redirect_to_media(context, "issue", number, status=303)


async def get_secure_content(request: web.Request) -> web.Response:
    """Data Center: for the account and for people; the address needs the right name as well as the id."""
    issue, entry = _attachment_of(request)
    if "Authorization" not in request.headers and not viewer_of(request).may_read_issue(
        context_of(request), issue
    ):
        raise RestError(404, "There is no such attachment.")
    if request.match_info["name"] != str(entry.get("filename")):
        raise RestError(404, "There is no attachment of that name.")
    return issue_file(context_of(request), str(entry["id"]))


async def show_login(_: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>Log in</title><h1>Log in</h1>", content_type="text/html")


def _attachment_of(request: web.Request) -> tuple[IssueRow, Json]:
    context, number = context_of(request), request.match_info["attachment"]
    found = context.site.find_issue_attachment(number)
    if found is None or not Sight(context.site).issue(found[0]):
        raise RestError(404, f"The attachment with id '{number}' does not exist")
    return found
