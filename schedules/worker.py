"""Runs the jobs in the event loop of the process, through restarts of the database."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

import psycopg
import structlog
from procrastinate import App
from procrastinate.exceptions import ProcrastinateException

log = structlog.get_logger(__name__)

#: Seconds between two starts, doubled with each failure in a row.
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
#: A worker that ran this long was healthy: the delay starts afresh.
HEALTHY_AFTER = 60.0
#: For giving back jobs and connections after the grace time.
_CLOSING_SECONDS = 5.0


class Worker:
    """One worker. ``run()`` returns after ``stop()``, which another task calls, or when it is cancelled."""

    def __init__(
        self,
        app: App,
        *,
        concurrency: int = 2,
        grace_seconds: float = 30.0,
        heartbeat_seconds: float = 10.0,
        polling_seconds: float = 5.0,
    ) -> None:
        self._app = app
        self._concurrency = concurrency
        self._grace_seconds = grace_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._polling_seconds = polling_seconds
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more jobs; running ones may finish within the grace time and are queued again after it."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until told to stop.

        Procrastinate's worker ends when the database goes away, without an error, so it is started again.
        """
        delay = FIRST_DELAY
        while not self._stopping.is_set():
            started = time.monotonic()
            await self._run_until_it_ends()
            if self._stopping.is_set():
                break
            delay = (
                FIRST_DELAY if time.monotonic() - started > HEALTHY_AFTER else min(delay * 2, LONGEST_DELAY)
            )
            log.warning("worker_restarts", in_seconds=round(delay, 1))
            await self._pause(delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads restarts, hides nothing
        log.info("worker_stopped")

    async def _run_until_it_ends(self) -> None:
        worker = asyncio.create_task(self._work(), name="procrastinate worker")
        stopping = asyncio.create_task(self._stopping.wait(), name="worker's stop signal")
        try:
            await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            # Cancelling is how Procrastinate is asked to finish its running jobs; a no-op when it has ended.
            worker.cancel()
            await asyncio.wait({worker}, timeout=self._grace_seconds + _CLOSING_SECONDS)
            # Only when the database is gone, too: then there is nobody to say goodbye to.
            worker.cancel()
            await asyncio.gather(worker, stopping, return_exceptions=True)

    async def _work(self) -> None:
        try:
            await self._app.open_async()
            log.info("worker_started", concurrency=self._concurrency)
            await self._app.run_worker_async(
                concurrency=self._concurrency,
                install_signal_handlers=False,
                shutdown_graceful_timeout=self._grace_seconds,
                update_heartbeat_interval=self._heartbeat_seconds,
                stalled_worker_timeout=self._heartbeat_seconds * 3,
                fetch_job_polling_interval=self._polling_seconds,
            )
        except (ProcrastinateException, psycopg.Error, OSError) as error:
            log.warning("worker_failed", error=type(error).__name__)
        finally:
            await self._app.close_async()

    async def _pause(self, seconds: float) -> None:
        # Not wait_for: in Python 3.11 that swallows a cancellation that meets the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
