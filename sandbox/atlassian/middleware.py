"""In front of every handler: error answers and authentication."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable
from hmac import compare_digest

from aiohttp import web

from sandbox.atlassian.wire import Context, RestError, context_of, error_reply
from sandbox.errors import QueryError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
API_PARTS = ("/rest/", "/api/v2/")
OPEN_PATHS = ("/_edge/tenant_info",)


@web.middleware
async def shape_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write what handlers refuse as the called API would."""
    context = context_of(request)
    try:
        return await handler(request)
    except RestError as exc:
        return error_reply(context, request.path, exc.status, exc.message)
    except QueryError as exc:
        return error_reply(context, request.path, 400, str(exc))
    except web.HTTPNotFound as exc:
        if not _is_api(request.path):
            raise
        return error_reply(context, request.path, 404, f"{exc.reason}: no such resource here.")


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """API calls need the credentials; pages for people do not (a cookie says who looks at them)."""
    context = context_of(request)
    if _is_api(request.path) and not _is_signed_in(context, request.headers.get("Authorization", "")):
        raise RestError(401, "Client must be authenticated to access this resource.")
    return await handler(request)


def _is_api(path: str) -> bool:
    return path not in OPEN_PATHS and any(part in path for part in API_PARTS)


def _is_signed_in(context: Context, header: str) -> bool:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return not context.is_cloud and compare_digest(
            value.strip().encode(), context.credentials.token.encode()
        )
    if scheme.lower() != "basic":
        return False
    try:
        login, _, password = b64decode(value.strip(), validate=True).partition(b":")
    except Base64Error:
        return False
    email, token = context.credentials.email, context.credentials.token
    return login.lower() == email.lower().encode() and compare_digest(password, token.encode())
