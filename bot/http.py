"""The HTTP route for Slack, for companies that do not use Socket Mode. Bolt verifies the signature."""

from __future__ import annotations

from types import TracebackType

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from bot.errors import BotError

#: The path of every request URL in the app's manifest.
PATH = "/slack/events"
#: Slack's payloads are far smaller.
_MAX_BODY = 1_000_000


class HttpServer:
    """An async context in which Slack is listened to; BotError when the port cannot be had.

    ``port`` tells the real one when 0 was asked for.
    """

    def __init__(self, app: AsyncApp, *, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        web_app = web.Application(client_max_size=_MAX_BODY)
        web_app.router.add_post(PATH, self._handle)
        self._runner = web.AppRunner(web_app)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._runner.addresses[0][1])

    async def __aenter__(self) -> HttpServer:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise BotError(
                f"Port {self._port} of {self._host} cannot be listened on, perhaps because it is in use: "
                "free it, or set another one as slack.http_port."
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        response = await self._app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(response)
