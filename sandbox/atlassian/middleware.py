"""In front of every handler: error answers and authentication."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable
from hmac import compare_digest
from urllib.parse import quote

from aiohttp import web

from sandbox.atlassian.scopes import allows
from sandbox.atlassian.wire import Context, RestError, context_of, error_reply
from sandbox.errors import QueryError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
API_PARTS = ("/rest/", "/api/v2/")
SECURE_FILES = "/secure/attachment/"
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
    context, header = context_of(request), request.headers.get("Authorization", "")
    if context.is_gateway:
        scopes = _scopes_at_gateway(context, header)
        if scopes is None:
            raise RestError(401, "Unauthorized")
        if not allows(scopes, request.path):
            raise RestError(401, "Unauthorized; scope does not match")
    elif (_is_api(request.path) or (header and _is_file(request.path))) and not _is_signed_in(
        context, header
    ):
        raise RestError(401, "Client must be authenticated to access this resource.")
    elif SECURE_FILES in request.path and not header and not request.cookies:
        # Data Center shows its login page, with status 200, to whoever asks for a file without credentials
        raise web.HTTPFound(f"{context.jira_path}/login.jsp?os_destination={quote(request.path, safe='')}")
    return await handler(request)


def _is_api(path: str) -> bool:
    return path not in OPEN_PATHS and any(part in path for part in API_PARTS)


def _is_file(path: str) -> bool:
    return SECURE_FILES in path or "/download/attachments/" in path


def _is_signed_in(context: Context, header: str) -> bool:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return not context.is_cloud and compare_digest(
            value.strip().encode(), context.credentials.token.encode()
        )
    password = _password(context, header)
    return password is not None and compare_digest(password, context.credentials.token.encode())


def _scopes_at_gateway(context: Context, header: str) -> frozenset[str] | None:
    """What an API token with scopes, or an OAuth access token, may do; the account's own token is no good there."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return context.site.identity.scopes_of_access(value.strip())
    password = _password(context, header)
    return context.site.identity.scopes_of_api_token(password.decode(errors="replace")) if password else None


def _password(context: Context, header: str) -> bytes | None:
    """What is sent as the password of the account."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        login, _, password = b64decode(value.strip(), validate=True).partition(b":")
    except Base64Error:
        return None
    return password if login.lower() == context.credentials.email.lower().encode() else None
