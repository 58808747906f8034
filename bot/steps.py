"""Shows what the assistant is doing while a person waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from types import TracebackType

import psycopg
import structlog

from bot.delivery import SLACK_ERRORS, error_code

log = structlog.get_logger(__name__)

#: Slack takes about one message a second per channel.
_PAUSE_SECONDS = 1.0


class Steps:
    """An async context in which calling the object, from any thread, shows a text.

    When they come fast, the newest is shown. After the context no further text is shown, so that none can come
    after the answer.
    """

    def __init__(self, show: Callable[[str], Awaitable[None]]) -> None:
        self._show = show
        self._loop = asyncio.get_running_loop()
        self._latest = ""
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()

    def __call__(self, text: str) -> None:
        self._loop.call_soon_threadsafe(self._note, text)

    async def __aenter__(self) -> Steps:
        self._task = asyncio.create_task(self._show_all(), name="steps")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._changed.set()
        # Not cancelled: an edit on its way could otherwise arrive after the answer.
        await self._task

    def _note(self, text: str) -> None:
        self._latest = text
        self._changed.set()

    async def _show_all(self) -> None:
        shown = ""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._closed.is_set():
                return
            if self._latest == shown:
                continue
            shown = self._latest
            try:
                await self._show(shown)
            except (*SLACK_ERRORS, psycopg.Error) as error:
                log.info("step_not_shown", reason=error_code(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await self._closed.wait()
