"""The Web API's front: ``/api/<method>``; reads the arguments, checks the token and the scope, finds the
method.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import structlog
from aiohttp import web

from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Fault
from sandbox.slack.methods import chat, conversations, people, surfaces
from sandbox.slack.methods.call import Call, Handler
from sandbox.slack.models import Json
from sandbox.slack.runtime import SlackSandbox

log = structlog.get_logger(__name__)

METHODS: dict[str, Handler] = {
    **chat.METHODS,
    **conversations.METHODS,
    **people.METHODS,
    **surfaces.METHODS,
}
OF_APP_TOKEN = frozenset({"apps.connections.open"})
WITHOUT_TOKEN = frozenset({"api.test"})

# Any one of the scopes allows the method (https://docs.slack.dev/reference/methods, "Facts").
_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
SCOPES: dict[str, tuple[str, ...]] = {
    **{
        name: ("chat:write",)
        for name in chat.METHODS
        if name.startswith("chat.") and name != "chat.getPermalink"
    },
    **dict.fromkeys(
        ("conversations.list", "conversations.info", "conversations.members", "users.conversations"), _READ
    ),
    **dict.fromkeys(("conversations.history", "conversations.replies"), _HISTORY),
    "conversations.open": ("im:write", "mpim:write", "channels:manage", "groups:write"),
    "conversations.join": ("channels:join",),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
    "reactions.get": ("reactions:read",),
    "users.info": ("users:read",),
    "users.list": ("users:read",),
    "users.lookupByEmail": ("users:read.email",),
    "users.profile.get": ("users.profile:read", "users:read"),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "bots.info": ("users:read",),
    "team.info": ("team:read",),
    "assistant.threads.setStatus": ("assistant:write", "chat:write"),
    "assistant.threads.setTitle": ("assistant:write",),
    "assistant.threads.setSuggestedPrompts": ("assistant:write",),
    "agents.sessions.setStatus": ("assistant:write",),
}


def add_web_api(app: web.Application, sandbox: SlackSandbox) -> None:
    """Serve every method at ``/api/<method>`` for GET and POST."""

    async def handle(request: web.Request) -> web.Response:
        method = request.match_info["method"]
        try:
            args = await _arguments(request)
        except SlackError as error:
            return web.json_response(error.to_json())
        sandbox.calls.add(method, args)
        fault = sandbox.faults.take(method)
        if fault:
            return await _planned(fault)
        answer = answer_call(sandbox, method, args, _token(request, args))
        scopes = ",".join(sorted(sandbox.workspace.manifest.scopes))
        return web.json_response(answer, headers={"X-OAuth-Scopes": scopes} if scopes else {})

    app.router.add_route("*", "/api/{method}", handle)


def answer_call(sandbox: SlackSandbox, method: str, args: Json, token: str | None) -> Json:
    """Run one method and return its answer; refusals are answers too, as on Slack."""
    try:
        handler = METHODS.get(method)
        if handler is None:
            raise SlackError("unknown_method", req_method=method)
        _check_token(sandbox, method, token)
        return {"ok": True, **handler(Call(sandbox=sandbox, args=args))}
    except SlackError as error:
        log.info("web_api_refused", method=method, error=error.code)
        return error.to_json()


def _check_token(sandbox: SlackSandbox, method: str, token: str | None) -> None:
    if method in WITHOUT_TOKEN:
        return
    if not token:
        raise SlackError("not_authed")
    secrets = sandbox.workspace.secrets
    is_app_token = hmac.compare_digest(token.encode(), secrets.app_token.encode())
    if not is_app_token and not hmac.compare_digest(token.encode(), secrets.bot_token.encode()):
        raise SlackError("invalid_auth")
    if is_app_token != (method in OF_APP_TOKEN):
        raise SlackError("not_allowed_token_type")
    granted, needed = sandbox.workspace.manifest.scopes, SCOPES.get(method, ())
    if granted and needed and not granted.intersection(needed):
        raise SlackError("missing_scope", needed=needed[0], provided=",".join(sorted(granted)))


async def _arguments(request: web.Request) -> Json:
    """Query, form and JSON arguments together, as Slack takes them."""
    args: Json = dict(request.query)
    if request.content_type == "application/json" and request.can_read_body:
        try:
            body: Any = await request.json()
        except ValueError as exc:
            raise SlackError("invalid_json") from exc
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        return args | body
    if request.method == "POST":
        args |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return args


def _token(request: web.Request, args: Json) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Bearer" else args.get("token")


async def _planned(fault: Fault) -> web.Response:
    if fault.delay:
        await asyncio.sleep(fault.delay)
    body = fault.body
    if body is None:
        body = {"ok": False, "error": "ratelimited" if fault.status == 429 else "internal_error"}
    return web.json_response(body, status=fault.status, headers=dict(fault.headers))
