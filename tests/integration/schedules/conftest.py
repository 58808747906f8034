"""A scripted refresh, and what runs it as a job: real Procrastinate on real Postgres."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from procrastinate import App
from psycopg_pool import ConnectionPool

from indexer import runs
from indexer.passes import Pass
from indexer.refresh import Progress, RefreshReport
from indexer.runs import Order, Run, RunState
from schedules.jobs import create_jobs, ensure_job_schema
from schedules.queue import RefreshQueue
from schedules.worker import Worker

Record = Callable[[Progress], None]


def report(source: str) -> RefreshReport:
    """What a refresh of nothing reports."""
    figures = dict.fromkeys(("documents", "created", "updated", "deleted", "unchanged"), 1)
    return RefreshReport(name=source, chunks=1, embedded=1, failed=0, seconds=0.1, **figures)


class Refresher:
    """Refreshes by waiting for its gate; remembers what it was asked for."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[tuple[str, bool]] = []
        self.passes: list[frozenset[Pass]] = []
        self.at_once = 0
        self.most_at_once = 0
        #: Raised every time.
        self.error: Exception | None = None
        #: Raised once each.
        self.errors: list[Exception] = []

    def __call__(self, source: str, order: Order, record: Record) -> RefreshReport:
        self.asked.append((source, order.full))
        self.passes.append(order.passes)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            record(Progress(source=source, phase="reading", done=1, total=2))
            while not self.gate.wait(0.05):
                record(Progress(source=source, phase="reading", done=1, total=2))
            if self.error:
                raise self.error
            if self.errors:
                raise self.errors.pop()
            return report(source)
        finally:
            self.at_once -= 1


@pytest.fixture
def refresher() -> Refresher:
    """Does the refreshes."""
    return Refresher()


@pytest.fixture
def queue(pool: ConnectionPool) -> RefreshQueue:
    """The queue, with its tables."""
    ensure_job_schema(pool)
    return RefreshQueue(pool)


@pytest.fixture
def jobs(database_url: str, pool: ConnectionPool, queue: RefreshQueue, refresher: Refresher) -> App:
    """The tasks."""
    return create_jobs(database_url, pool=pool, refresh_source=refresher)


StartWorker = Callable[[App], Awaitable[Worker]]


@pytest.fixture
async def start_worker(refresher: Refresher) -> AsyncIterator[StartWorker]:
    """Starts workers and stops them in the end."""
    async with AsyncExitStack() as closing:

        async def start(app: App) -> Worker:
            worker = Worker(app, grace_seconds=0.3, heartbeat_seconds=0.5, polling_seconds=0.3)
            task = asyncio.create_task(worker.run())

            async def stop() -> None:
                worker.stop()
                async with asyncio.timeout(10):
                    await task

            closing.push_async_callback(stop)
            return worker

        yield start
        refresher.gate.set()


async def eventually(look: Callable[[], Any]) -> Any:
    """Look, in a thread, until there is something to see; returns it."""
    async with asyncio.timeout(30):
        while not (seen := await asyncio.to_thread(look)):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.03)
    return seen


def in_state(pool: ConnectionPool, run_id: int, state: RunState) -> Run | None:
    """The run, when it is in this state."""
    [run] = runs.read(pool, [run_id])
    return run if run.state is state else None
