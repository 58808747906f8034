"""Where Cloud's downloads are redirected to: signed, short-lived addresses that need no credentials.

On real sites they are at api.media.atlassian.com; here they are on the same server, under `/_media`.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import quote

from aiohttp import web

from sandbox.atlassian.wire import Context, RestError, context_of
from sandbox.site_account import Sight
from sandbox.site_times import now_ms

LIFETIME_MS = 600_000


def media_routes(context: Context) -> list[web.RouteDef]:
    """The route for the bytes of attachments of either product."""
    return [web.get("/_media/{kind:page|issue}/{attachment}", get_file)] if context.is_cloud else []


def redirect_to_media(context: Context, kind: str, attachment_id: str, *, status: int) -> web.Response:
    """Send the client on to the bytes of an attachment of a `page` or an `issue`."""
    expires = now_ms() + LIFETIME_MS
    token = _sign(context, kind, attachment_id, expires)
    path = f"/_media/{kind}/{quote(attachment_id)}?expires={expires}&token={token}"
    return web.Response(status=status, headers={"Location": context.base_url + path})


async def get_file(request: web.Request) -> web.Response:
    """The bytes, for whoever has a token that is still good."""
    context, kind, attachment_id = (
        context_of(request),
        request.match_info["kind"],
        request.match_info["attachment"],
    )
    expires = int(request.query.get("expires", "0"))
    token = _sign(context, kind, attachment_id, expires)
    if not hmac.compare_digest(token, request.query.get("token", "")) or expires < now_ms():
        raise RestError(403, "The token is not valid, or not any more.")
    return issue_file(context, attachment_id) if kind == "issue" else page_file(context, attachment_id)


def page_file(context: Context, attachment_id: str) -> web.Response:
    """The bytes of an attachment of a page; a 404 where there are none."""
    found = context.site.find_attachment(attachment_id)
    content = context.site.attachment_bytes(*found) if found else None
    if found is None or content is None or not Sight(context.site).page(found[0]):
        raise RestError(404, "There is no such attachment on this page.")
    return web.Response(body=content, headers={"Content-Type": found[1].media_type})


def issue_file(context: Context, attachment_id: str) -> web.Response:
    """The bytes of an attachment of an issue; a 404 where there are none."""
    found = context.site.find_issue_attachment(attachment_id)
    content = context.site.issue_attachment_bytes(*found) if found else None
    if found is None or content is None or not Sight(context.site).issue(found[0]):
        raise RestError(404, f"The attachment with id '{attachment_id}' does not exist")
    kind = str(found[1].get("mimeType") or "application/octet-stream")
    return web.Response(body=content, headers={"Content-Type": kind})


def _sign(context: Context, kind: str, attachment_id: str, expires: int) -> str:
    key = context.credentials.token.encode()
    return hmac.new(key, f"{kind}/{attachment_id}/{expires}".encode(), sha256).hexdigest()
