"""What auth.atlassian.com and the gateway's own resources answer: tokens, and the sites that a token reaches."""

from __future__ import annotations

import json

from aiohttp import web

from sandbox.atlassian.wire import CLOUD_ID, Context, RestError, context_of, reply
from sandbox.site_identity import RefusedError


def oauth_routes(context: Context) -> list[web.RouteDef]:
    """No routes for Data Center."""
    if not context.is_cloud:
        return []
    return [
        web.get("/_edge/tenant_info", get_tenant_info),
        web.post("/oauth/token", post_token),
        web.get("/oauth/token/accessible-resources", list_resources),
    ]


async def get_tenant_info(_: web.Request) -> web.Response:
    return reply({"cloudId": CLOUD_ID})


async def post_token(request: web.Request) -> web.Response:
    """Exchange a refresh token, sent as JSON or as a form, for new tokens."""
    given = await _parameters(request)
    if given.get("grant_type") != "refresh_token":
        kind = given.get("grant_type")
        return _refusal(403, "unsupported_grant_type", f"Grant type {kind!r} is not supported.")
    names = ("client_id", "client_secret", "refresh_token")
    try:
        answer = context_of(request).site.identity.exchange(*(str(given.get(name, "")) for name in names))
    except RefusedError as exc:
        return _refusal(exc.status, exc.error, str(exc))
    return reply(answer, headers={"Cache-Control": "no-store"})


async def list_resources(request: web.Request) -> web.Response:
    """The sites that the app has been let onto."""
    context = context_of(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    scopes = context.site.identity.scopes_of_access(token.strip()) if scheme.lower() == "bearer" else None
    if scopes is None:
        raise RestError(401, "Unauthorized")
    site = {"id": CLOUD_ID, "name": "sandbox", "url": context.base_url, "scopes": sorted(scopes)}
    return reply([{**site, "avatarUrl": f"{context.base_url}/avatar.png"}])


async def _parameters(request: web.Request) -> dict[str, object]:
    if request.content_type != "application/json":
        return dict(await request.post())
    try:
        data = await request.json()
    except json.JSONDecodeError:
        return {}
    return data if isinstance(data, dict) else {}


def _refusal(status: int, error: str, description: str) -> web.Response:
    return reply({"error": error, "error_description": description}, status=status)
