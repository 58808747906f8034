"""Takes messages from the inbox and has them answered, several at a time, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable

import psycopg
import structlog

from bot.delivery import error_code, is_hopeless
from bot.errors import ClaimLostError, UndeliverableError
from bot.inbox import Inbox, Item
from bot.responder import Responder

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 3
#: How long the loop rests when the database does not answer, in seconds.
_DATABASE_PAUSE = 2.0


class Dispatcher:
    """The loop between the inbox and the responder."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        responder: Responder,
        concurrency: int,
        lease_seconds: float,
        polling_seconds: float,
        retry_seconds: float,
    ) -> None:
        self._inbox = inbox
        self._responder = responder
        self._lease_seconds = lease_seconds
        self._polling_seconds = polling_seconds
        self._retry_seconds = retry_seconds
        self._places = asyncio.Semaphore(concurrency)
        self._work = asyncio.Event()
        self._running: dict[asyncio.Task[None], Item] = {}
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take messages."""
        self._loop = asyncio.create_task(self._take_messages(), name="inbox")

    def wake(self) -> None:
        """There may be a new message."""
        self._work.set()

    async def stop(self, *, grace_seconds: float) -> None:
        """Take no more; give running answers that long, then leave them to the next process."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        unfinished = dict(self._running)
        if unfinished:
            await asyncio.wait(unfinished, timeout=grace_seconds)
        left = {task: item for task, item in unfinished.items() if not task.done()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if left:
            await asyncio.to_thread(self._inbox.release, list(left.values()))
            log.warning("answers_left_to_others", items=sorted(item.id for item in left.values()))

    async def _take_messages(self) -> None:
        while True:
            await self._places.acquire()
            item = await self._claim()
            if item is None:
                self._places.release()
                await self._wait_for_work()
                continue
            task = asyncio.create_task(self._handle(item), name=f"answer {item.id}")
            self._running[task] = item
            task.add_done_callback(self._ended)

    async def _claim(self) -> Item | None:
        try:
            # Cleared before looking: a message that is stored while we look sets it again.
            self._work.clear()
            # Shielded: a claim that succeeds while we are being stopped would be lost until its lease ends.
            claim = asyncio.ensure_future(asyncio.to_thread(self._inbox.claim))
            try:
                return await asyncio.shield(claim)
            except asyncio.CancelledError:
                if (item := await claim) is not None:
                    await asyncio.to_thread(self._inbox.release, [item])
                raise
        except psycopg.Error as error:
            log.warning("inbox_unavailable", error=type(error).__name__)
            await asyncio.sleep(_DATABASE_PAUSE)
            return None

    async def _wait_for_work(self) -> None:
        # Not wait_for: in Python 3.11 that swallows a cancellation that meets the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._polling_seconds):
                await self._work.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._places.release()
        # The next message of the same thread may be answered now.
        self._work.set()

    async def _handle(self, item: Item) -> None:
        work = asyncio.current_task()
        assert work is not None, "runs as a task of its own"
        renewal = asyncio.create_task(self._renew(item, work), name=f"lease {item.id}")
        try:
            if item.attempts > MAX_ATTEMPTS:
                await self._give_up(item, RuntimeError("claimed too often"))
            else:
                await self._attempt(lambda: self._responder.respond(item), item)
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def _attempt(self, action: Callable[[], Awaitable[None]], item: Item) -> None:
        try:
            await action()
        except ClaimLostError:
            log.warning("claim_lost", item=item.id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person must hear of it
            if isinstance(error, UndeliverableError):
                await self._drop(item, error)
            elif item.attempts >= MAX_ATTEMPTS or is_hopeless(error):
                await self._give_up(item, error)
            else:
                log.warning("answer_failed", item=item.id, attempts=item.attempts, error=error_code(error))
                await self._again(item)

    async def _again(self, item: Item) -> None:
        seconds = self._retry_seconds * item.attempts
        await self._quietly(lambda: self._inbox.retry(item, seconds=seconds), item)
        asyncio.get_running_loop().call_later(seconds + 0.05, self._work.set)

    async def _give_up(self, item: Item, error: Exception) -> None:
        reference = secrets.token_hex(3)
        log.error(
            "answer_given_up", item=item.id, reference=reference, error=error_code(error), exc_info=error
        )
        try:
            await self._responder.apologise(item, reference=reference)
        except ClaimLostError:
            log.warning("claim_lost", item=item.id)
        except Exception as second:
            log.exception("apology_failed", item=item.id, reference=reference, error=error_code(second))
            await self._quietly(lambda: self._inbox.drop(item, reference=reference), item)

    async def _drop(self, item: Item, error: Exception) -> None:
        reference = secrets.token_hex(3)
        log.error("answer_undeliverable", item=item.id, reference=reference, error=error_code(error))
        await self._quietly(lambda: self._inbox.drop(item, reference=reference), item)

    async def _quietly(self, write: Callable[[], None], item: Item) -> None:
        """Write to the inbox; when even that fails, the lease ends by itself and the item is taken again."""
        try:
            await asyncio.to_thread(write)
        except ClaimLostError:
            log.warning("claim_lost", item=item.id)
        except psycopg.Error as error:
            log.warning("inbox_unavailable", item=item.id, error=type(error).__name__)

    async def _renew(self, item: Item, work: asyncio.Task[None]) -> None:
        """Keep the item; when another process has it, stop the work on it."""
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            try:
                await asyncio.to_thread(self._inbox.renew, item)
            except ClaimLostError:
                log.warning("claim_lost", item=item.id)
                work.cancel()
                return
            except psycopg.Error as error:
                log.warning("inbox_unavailable", item=item.id, error=type(error).__name__)
