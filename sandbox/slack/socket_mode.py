"""Socket Mode: websockets that the app opens (https://docs.slack.dev/apis/events-api/using-socket-mode)."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from sandbox.slack.delivery import NotAcknowledgedError, Retry
from sandbox.slack.models import Json, Timing

log = structlog.get_logger(__name__)

MAX_SOCKETS = 10
GRACE_SECONDS = 10
ASKING = frozenset({"slash_commands", "interactive"})  # envelopes whose acknowledgement may carry a payload


class SocketModeTransport:
    """All open sockets of the app. Each envelope goes to one of them, in turn."""

    def __init__(self, *, app_id: str, timing: Timing) -> None:
        self._app_id = app_id
        self._timing = timing
        self._tickets: dict[str, float] = {}
        self._sockets: list[web.WebSocketResponse] = []
        self._turn = itertools.count()
        self._waiting: dict[str, tuple[asyncio.Future[Json], web.WebSocketResponse]] = {}
        self._arrived = asyncio.Event()
        self._all: set[web.WebSocketResponse] = set()  # also those that get no more envelopes
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many sockets are open."""
        return len(self._sockets)

    def new_ticket(self) -> str:
        """A ticket for one connection, valid for 30 seconds."""
        ticket = secrets.token_urlsafe(16)
        self._tickets[ticket] = time.monotonic() + 30
        return ticket

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """The websocket's handler."""
        valid_until = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        if valid_until < time.monotonic() or len(self._sockets) >= MAX_SOCKETS:
            raise web.HTTPForbidden(
                text="The ticket is unknown or used; call apps.connections.open for a new one."
            )
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        await socket.send_json(self._hello())
        self._sockets.append(socket)
        self._all.add(socket)
        self._arrived.set()
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._receive(message.json())
        finally:
            self._forget(socket)
            self._all.discard(socket)
        return socket

    async def send(self, kind: str, payload: Json, *, retry: Retry | None = None) -> Json:
        """Send one envelope and wait for its acknowledgement;
        waits a while for a socket when none is open.
        """
        socket = await self._next_socket()
        envelope_id = secrets.token_hex(16)
        envelope: Json = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind in ASKING,
        }
        if kind == "events_api":
            envelope["retry_attempt"] = retry.attempt if retry else 0
            envelope["retry_reason"] = retry.reason if retry else ""
        acknowledged: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = (acknowledged, socket)
        try:
            await socket.send_json(envelope)
            return await asyncio.wait_for(acknowledged, self._timing.ack_timeout)
        except (TimeoutError, ConnectionError) as exc:
            raise NotAcknowledgedError("timeout") from exc
        finally:
            self._waiting.pop(envelope_id, None)

    async def disconnect(self, reason: str) -> int:
        """Send a ``disconnect`` frame on every socket; returns how many there were.

        A socket gets no more envelopes after it. The app closes it once it has a new one, or the sandbox does
        after ten seconds; with ``link_disabled`` it closes at once, with ``warning`` it only may.
        """
        sockets = list(self._sockets)
        for socket in sockets:
            self._forget(socket)
            await socket.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}
            )
            if reason == "link_disabled":
                await socket.close()
            elif reason != "warning":
                closing = asyncio.create_task(_close_later(socket))
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)
        return len(sockets)

    async def close(self) -> None:
        """Close every socket."""
        for closing in list(self._closing):
            closing.cancel()
        for socket in list(self._all):
            await socket.close(code=1001, message=b"The sandbox stops")

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._sockets) + 1,
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": "sandbox", "approximate_connection_time": 18060},
        }

    def _receive(self, frame: Any) -> None:
        waiting = self._waiting.get(frame.get("envelope_id", "")) if isinstance(frame, dict) else None
        if waiting and not waiting[0].done():
            waiting[0].set_result(frame.get("payload") or {})

    def _forget(self, socket: web.WebSocketResponse) -> None:
        if socket in self._sockets:
            self._sockets.remove(socket)
        if not self._sockets:
            self._arrived.clear()
        for acknowledged, used in list(self._waiting.values()):
            if used is socket and socket.closed and not acknowledged.done():
                acknowledged.set_exception(
                    ConnectionResetError("the socket closed before the acknowledgement")
                )

    async def _next_socket(self) -> web.WebSocketResponse:
        try:
            await asyncio.wait_for(self._arrived.wait(), self._timing.queue_without_socket)
        except TimeoutError as exc:
            raise NotAcknowledgedError("connection_failed") from exc
        return self._sockets[next(self._turn) % len(self._sockets)]


async def _close_later(socket: web.WebSocketResponse) -> None:
    await asyncio.sleep(GRACE_SECONDS)
    await socket.close()
