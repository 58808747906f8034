"""Carries envelopes to the app: which transport, how long to wait for the acknowledgement, when to try
again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import structlog

from sandbox.slack.models import Json, Timing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Retry:
    """The number of this repetition (1 is the first one) and why it is needed, in Slack's words."""

    attempt: int
    reason: str


class NotAcknowledgedError(Exception):
    """The app did not take the envelope; the reason is one of Slack's retry reasons, such as ``timeout``.

    `final`: the app asked not to be sent it again.
    """

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


class Transport(Protocol):
    """Socket Mode or HTTP. `send` returns the body of the acknowledgement ({} when it has none)."""

    async def send(self, kind: str, payload: Json, *, retry: Retry | None = None) -> Json:
        """Raises `NotAcknowledgedError`."""


class Delivery:
    """Sends events in the background with retries, and commands and interactions once, waiting for the
    answer.
    """

    def __init__(self, transport: Transport, timing: Timing) -> None:
        self._transport = transport
        self._timing = timing
        self._tasks: set[asyncio.Task[None]] = set()
        self.events: deque[Json] = deque(maxlen=500)

    def send_event(self, payload: Json) -> None:
        """Deliver an Events API payload in the background; Slack gives up after three repetitions."""
        self.events.append(payload)
        self._start(payload, retry=None)

    def redeliver(self, event_id: str | None = None) -> Json | None:
        """Send a past event (the last one without an id) again, as after a lost acknowledgement."""
        wanted = (each for each in reversed(self.events) if event_id in (None, each["event_id"]))
        payload = next(wanted, None)
        if payload:
            self._start(payload, retry=Retry(attempt=1, reason="timeout"))
        return payload

    async def ask(self, kind: str, payload: Json) -> Json:
        """Deliver a slash command or an interaction and return the acknowledgement's body.

        Raises `NotAcknowledgedError`: these are never repeated.
        """
        return await self._transport.send(kind, payload)

    def pending(self) -> list[asyncio.Task[None]]:
        """The deliveries that are under way, waiting for a repetition included."""
        return list(self._tasks)

    async def close(self) -> None:
        """End all deliveries that are under way."""
        tasks = self.pending()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, payload: Json, *, retry: Retry | None) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(payload, retry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, payload: Json, retry: Retry | None) -> None:
        delays = iter(self._timing.retry_delays)
        attempt = retry.attempt if retry else 0
        while True:
            try:
                await self._transport.send("events_api", payload, retry=retry)
                return
            except NotAcknowledgedError as failure:
                delay = None if failure.final else next(delays, None)
                attempt += 1
                log.info(
                    "event_not_acknowledged",
                    event_id=payload["event_id"],
                    reason=failure.reason,
                    attempt=attempt,
                    gives_up=delay is None,
                )
                if delay is None:
                    return
                retry = Retry(attempt=attempt, reason=failure.reason)
            await asyncio.sleep(delay)
