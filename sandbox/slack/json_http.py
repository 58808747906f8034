"""Small helpers of the page's and the admin API: JSON in, JSON out, refusals as status 400."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.slack.errors import SlackError
from sandbox.slack.models import Json

Answer = Callable[[web.Request], Awaitable[Json]]


def json_handler(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Wrap a function that returns a mapping; `SlackError` becomes ``{"ok":
    false, "error"}`` with status 400.
    """

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response({"ok": True, **await answer(request)})
        except SlackError as error:
            return web.json_response(error.to_json(), status=400)

    return handle


async def body_of(request: web.Request) -> Json:
    """The request's JSON object. Raises `SlackError` invalid_json; other content types are refused.

    The content type keeps other web pages in the same browser from posting forms here.
    """
    if request.content_type != "application/json":
        raise SlackError("invalid_post_type")
    try:
        body = await request.json()
    except ValueError as exc:
        raise SlackError("invalid_json") from exc
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body


def required(values: Json, name: str) -> str:
    """A value that must be there. Raises `SlackError` invalid_arguments naming it."""
    value = values.get(name)
    if value in (None, ""):
        raise SlackError("invalid_arguments", missing=name)
    return str(value)
