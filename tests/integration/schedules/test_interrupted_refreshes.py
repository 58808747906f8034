"""Refreshes that are interrupted: nothing that was asked for is lost, and no source's queue stops."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued
from psycopg_pool import ConnectionPool

from indexer.passes import EVERYTHING, Pass
from indexer.runs import RunState
from schedules.jobs import create_jobs
from schedules.queue import RefreshQueue
from schedules.rescue import rescue_stalled
from schedules.worker import Worker
from tests.integration.schedules.conftest import Refresher, StartWorker, eventually, in_state

DOOMED = """
import asyncio, sys, time
from psycopg_pool import ConnectionPool
from schedules.jobs import create_jobs
from schedules.worker import Worker

def refresh(source, order, record):
    print("refreshing", flush=True)
    time.sleep(600)

async def main(database):
    with ConnectionPool(database) as pool:
        await Worker(create_jobs(database, pool=pool, refresh_source=refresh), heartbeat_seconds=0.5).run()

asyncio.run(main(sys.argv[1]))
"""


async def killed_while_refreshing(database_url: str) -> None:
    """Run a worker until it refreshes, then kill -9."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DOOMED,
        database_url,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert worker.stdout is not None
    try:
        async with asyncio.timeout(30):
            while (await worker.stdout.readline()).strip() != b"refreshing":
                assert worker.returncode is None
    finally:
        worker.kill()
        await worker.wait()


async def rescued(jobs: App, pool: ConnectionPool) -> None:
    """Rescue as soon as the dead worker has been silent for a second."""
    async with asyncio.timeout(20), jobs.open_async():
        while not await rescue_stalled(jobs, pool, stalled_after=1.0):  # noqa: ASYNC110 - the dead tell nobody
            await asyncio.sleep(0.1)


async def test_a_refresh_whose_worker_was_killed_is_done_by_another(
    queue: RefreshQueue,
    jobs: App,
    start_worker: StartWorker,
    pool: ConnectionPool,
    refresher: Refresher,
    database_url: str,
) -> None:
    """The rescue gives the job back to the queue."""
    ticket = queue.request("wiki", requested_by="U1")
    await killed_while_refreshing(database_url)
    assert in_state(pool, ticket.id, RunState.RUNNING)
    await rescued(jobs, pool)
    await start_worker(jobs)
    await eventually(partial(in_state, pool, ticket.id, RunState.DONE))


async def test_a_killed_refresh_does_not_hold_up_the_one_that_waits(
    queue: RefreshQueue,
    jobs: App,
    start_worker: StartWorker,
    pool: ConnectionPool,
    database_url: str,
) -> None:
    """Two of one source must not wait at the same time, so the killed one is given up."""
    killed = queue.request("wiki", requested_by="U1")
    await killed_while_refreshing(database_url)
    waiting = queue.request("wiki", requested_by="U2")
    await rescued(jobs, pool)
    failed = in_state(pool, killed.id, RunState.FAILED)
    assert failed is not None
    assert "the next one is queued already" in str(failed.error)
    await start_worker(jobs)
    await eventually(partial(in_state, pool, waiting.id, RunState.DONE))


async def test_a_stopped_worker_leaves_its_refresh_to_the_next(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """After the grace time the refresh is interrupted at its next step and queued again."""
    refresher.gate.clear()
    ticket = queue.request("wiki", requested_by="U1")
    worker = Worker(jobs, grace_seconds=0.2, heartbeat_seconds=0.5)
    running = asyncio.create_task(worker.run())
    await eventually(partial(in_state, pool, ticket.id, RunState.RUNNING))
    worker.stop()
    async with asyncio.timeout(10):
        await running
    assert refresher.at_once == 0
    refresher.gate.set()
    await start_worker(jobs)
    await eventually(partial(in_state, pool, ticket.id, RunState.DONE))
    assert len(refresher.asked) == 2


async def test_an_interrupted_refresh_leaves_its_order_to_the_one_that_waits(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """Its job ends, so that its source's next one is not held up; every pass that was asked for is made."""
    refresher.gate.clear()
    await start_worker(jobs)
    first = queue.request("wiki", passes={Pass.SWEEP}, full=True, requested_by="U1")
    await eventually(partial(in_state, pool, first.id, RunState.RUNNING))
    second = queue.request("wiki", passes={Pass.CHANGES}, requested_by="U2")
    refresher.errors = [psycopg.OperationalError("server closed the connection")]
    refresher.gate.set()
    await eventually(partial(in_state, pool, second.id, RunState.DONE))
    assert in_state(pool, first.id, RunState.FAILED)
    assert refresher.asked == [("wiki", True), ("wiki", True)]
    assert refresher.passes[1] == {Pass.SWEEP, Pass.CHANGES}
    assert await eventually(partial(unfinished, pool)) == "none"


async def test_an_interrupted_refresh_is_done_again_when_none_waits(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """It is the same run to who asked for it."""
    refresher.errors = [psycopg.OperationalError("server closed the connection")]
    ticket = queue.request("wiki", full=True, requested_by="U1")
    await start_worker(jobs)
    await eventually(partial(in_state, pool, ticket.id, RunState.DONE))
    assert refresher.asked == [("wiki", True), ("wiki", True)]


async def test_what_is_interrupted_over_and_over_is_given_up(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """It may be what breaks the database."""
    ticket = queue.request("wiki", requested_by="U1")
    with pool.connection() as connection:
        connection.execute("update refresh_runs set interruptions = 4")
    refresher.errors = [psycopg.OperationalError("server closed the connection")]
    await start_worker(jobs)
    failed = await eventually(partial(in_state, pool, ticket.id, RunState.FAILED))
    assert "interrupted too often" in failed.error
    again = queue.request("wiki", requested_by="U1")
    await eventually(partial(in_state, pool, again.id, RunState.DONE))


async def test_a_killed_full_refresh_is_made_by_the_hint_that_waits(
    queue: RefreshQueue,
    jobs: App,
    start_worker: StartWorker,
    pool: ConnectionPool,
    refresher: Refresher,
    database_url: str,
) -> None:
    """A hint alone asks for no pass."""
    queue.request("wiki", full=True, requested_by="schedule")
    await killed_while_refreshing(database_url)
    hint = queue.hint("wiki", ["1"], requested_by="webhook")
    await rescued(jobs, pool)
    await start_worker(jobs)
    await eventually(partial(in_state, pool, hint.id, RunState.DONE))
    assert (refresher.asked, refresher.passes) == ([("wiki", True)], [EVERYTHING])


async def test_a_job_that_its_living_worker_does_not_do_is_freed(
    queue: RefreshQueue,
    start_worker: StartWorker,
    pool: ConnectionPool,
    refresher: Refresher,
    database_url: str,
) -> None:
    """As when the database was away while the worker wrote down that it had ended; what it does is left to it."""
    jobs = create_jobs(database_url, pool=pool, refresh_source=refresher, stalled_after=1.0)
    await start_worker(jobs)
    worker_id = await eventually(partial(living_worker, pool))
    refresher.gate.clear()
    other = queue.request("tickets", requested_by="U1")
    await eventually(partial(in_state, pool, other.id, RunState.RUNNING))
    lost = queue.request("wiki", full=True, requested_by="U1")
    with pool.connection() as connection:
        doing = {"worker": worker_id, "lock": "source:wiki"}
        connection.execute(
            "update procrastinate_jobs set status = 'doing', worker_id = %(worker)s where lock = %(lock)s",
            doing,
        )
        connection.execute("update refresh_runs set state = 'running' where id = %s", [lost.id])
    refresher.gate.set()
    with contextlib.suppress(AlreadyEnqueued):  # one that waits comes after all of this, too
        await jobs.configure_task("lorebot:rescue").defer_async(timestamp=0)
    await eventually(partial(in_state, pool, lost.id, RunState.DONE))
    await eventually(partial(in_state, pool, other.id, RunState.DONE))
    assert sorted(refresher.asked) == [("tickets", False), ("wiki", True)]


async def test_a_run_that_no_job_is_left_to_do_gets_one(
    queue: RefreshQueue,
    start_worker: StartWorker,
    pool: ConnectionPool,
    refresher: Refresher,
    database_url: str,
) -> None:
    """Without anybody asking: every worker begins with a rescue."""
    lost = queue.request("wiki", full=True, requested_by="U1")
    with pool.connection() as connection:
        connection.execute("update procrastinate_jobs set status = 'failed'")
        connection.execute("update refresh_runs set state = 'running' where id = %s", [lost.id])
    await start_worker(create_jobs(database_url, pool=pool, refresh_source=refresher, stalled_after=1.0))
    await eventually(partial(in_state, pool, lost.id, RunState.DONE))
    assert refresher.asked == [("wiki", True)]


def living_worker(pool: ConnectionPool) -> Any:
    """The id of the worker."""
    with pool.connection() as connection:
        row = connection.execute("select id from procrastinate_workers").fetchone()
    return row and row[0]


def unfinished(pool: ConnectionPool) -> str | None:
    """Says so when no job of a refresh is left."""
    with pool.connection() as connection:
        row = connection.execute(
            "select from procrastinate_jobs where status in ('todo', 'doing') and task_name = 'lorebot:refresh'"
        ).fetchone()
    return "none" if row is None else None
