"""Where Jira and Confluence Data Center tell what has just changed: ``POST /webhooks/<source>``.

A webhook that is signed with the source's secret puts its documents first on the reading list and asks for a refresh
that reads them; everything else it says is ignored. Without any webhook the schedules find the same changes later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType

import psycopg
import structlog
from aiohttp import web
from psycopg_pool import ConnectionPool

from connectors.webhooks import SIGNATURE_HEADER, ForgedHintError, Hint, Product, read_hint
from indexer.passes import Pass
from lorebot.errors import LorebotError
from schedules.queue import RefreshQueue

log = structlog.get_logger(__name__)

#: Jira sends the whole ticket along.
_MAX_BODY = 16 * 1024 * 1024


class WebhookServer:
    """An async context in which webhooks are listened to; LorebotError when the port cannot be had.

    ``secrets`` maps a source's name to its product and secret; ``port`` tells the real one when 0 was asked for.
    """

    def __init__(
        self, pool: ConnectionPool, *, secrets: Mapping[str, tuple[Product, str]], host: str, port: int
    ) -> None:
        self._queue = RefreshQueue(pool)
        self._secrets = secrets
        self._host = host
        self._port = port
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_post("/webhooks/{source}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._runner.addresses[0][1])

    async def __aenter__(self) -> WebhookServer:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise LorebotError(
                f"Port {self._port} of {self._host} cannot be listened on, perhaps because it is in use: "
                "free it, or set another one as webhooks.port."
            ) from error
        log.info("webhooks_listening", port=self.port, sources=sorted(self._secrets))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        source = request.match_info["source"]
        if source not in self._secrets:
            return web.Response(status=404, text="There is no such source with a webhook_secret.\n")
        product, secret = self._secrets[source]
        body = await request.read()
        try:
            hint = read_hint(
                body, signature=request.headers.get(SIGNATURE_HEADER), secret=secret, product=product
            )
        except ForgedHintError as error:
            log.warning("webhook_refused", source=source)
            return web.Response(status=401, text=f"{error}\n")
        try:
            await asyncio.to_thread(self._take, source, hint)
        except psycopg.Error as error:
            # The sender tries again; and if it does not, the schedules find the change.
            log.warning("webhook_lost", source=source, error=type(error).__name__)
            return web.Response(status=503, text="Try again later.\n")
        return web.Response(status=202)

    def _take(self, source: str, hint: Hint) -> None:
        if hint.ids:
            self._queue.hint(source, hint.ids, requested_by="webhook")
        passes = {Pass.CHANGES: hint.changes, Pass.PERMISSIONS: hint.permissions}
        if wanted := frozenset(each for each, is_wanted in passes.items() if is_wanted):
            self._queue.request(source, passes=wanted, requested_by="webhook")
