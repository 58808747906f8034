"""The jobs that workers do: refresh a source, adapt the search, free what a killed worker left behind, clean up.

Procrastinate keeps the queue in Postgres (https://procrastinate.readthedocs.io). A job whose worker was
killed stays "doing" and holds its lock until somebody rescues it; that is what the rescue task is for.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import JobAborted
from procrastinate.schema import SchemaManager
from psycopg_pool import ConnectionPool

from connectors.errors import ConnectorError
from indexer import runs
from indexer.errors import IndexerError
from indexer.refresh import Progress, RefreshReport
from schedules.adaptation import Adapt, add_adaptation_task
from schedules.errors import BrokenRefreshError
from schedules.queue import REFRESH_TASK
from schedules.rescue import queue_again, rescue_abandoned, rescue_stalled

log = structlog.get_logger(__name__)

#: Refreshes a source by name, as it is ordered.
RefreshSource = Callable[[str, runs.Order, Callable[[Progress], None]], RefreshReport]

#: A worker says that it lives every 10 s; a job whose worker has been silent this long is rescued.
STALLED_AFTER_SECONDS = 30.0
#: At a time in one process; the worker's own concurrency is the limit that is set.
MAX_REFRESHES = 32
KEEP_JOBS_HOURS = 7 * 24
KEEP_RUNS_DAYS = 90
PROGRESS_SECONDS = 0.5

#: What is no fault of the refresh; PoolTimeout is among psycopg's operational errors.
_INTERRUPTIONS = (JobAborted, psycopg.OperationalError)

#: Any fixed number but that of the migrations; "jobs" in ASCII.
_ADVISORY_LOCK = 0x6A6F6273


def ensure_job_schema(pool: ConnectionPool) -> bool:
    """Create Procrastinate's tables where they are missing; True when they were.

    Any number of processes may call it at once.
    """
    with pool.connection() as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        row = connection.execute("select to_regclass('procrastinate_jobs') is null").fetchone()
        missing = row is not None and bool(row[0])
        if missing:
            connection.execute(SchemaManager.get_schema())
    return missing


def create_jobs(
    database_url: str,
    *,
    pool: ConnectionPool,
    refresh_source: RefreshSource,
    adapt: Adapt | None = None,
    stalled_after: float = STALLED_AFTER_SECONDS,
) -> App:
    """The Procrastinate app with every task; ``schedules.worker`` runs it.

    Args:
        database_url: for the queue's own asynchronous connections.
        pool: for recording how far a refresh is.
        refresh_source: does a refresh; raises IndexerError or ConnectorError with a sentence for an admin.
        adapt: adapts the search; None where that is never asked for.
        stalled_after: seconds of a worker's silence after which its jobs are given to others.
    """
    app = App(connector=PsycopgConnector(conninfo=database_url, min_size=1, max_size=4, timeout=10.0))
    # Threads of their own: long refreshes in the loop's few default ones would hold up the bot beside them.
    threads = ThreadPoolExecutor(MAX_REFRESHES, thread_name_prefix="refresh")

    at_work: set[int | None] = set()

    # Without Procrastinate's own retries: they keep the job, and fail for ever when the source's next one waits.
    @app.task(name=REFRESH_TASK, pass_context=True)
    async def refresh(context: JobContext, *, run_id: int, source: str) -> None:
        at_work.add(context.job.id)
        try:
            await _in_thread(threads, partial(_refresh, context, pool, refresh_source, run_id, source))
        finally:
            at_work.discard(context.job.id)

    if adapt:
        add_adaptation_task(app, adapt, at_work)

    @app.periodic(cron="* * * * *")
    @app.task(name="lorebot:rescue", queueing_lock="rescue", pass_context=True)
    async def rescue(context: JobContext, timestamp: int) -> None:
        await rescue_stalled(context.app, pool, stalled_after=stalled_after)
        await rescue_abandoned(
            context.app, pool, worker_id=context.job.worker_id, at_work=at_work, patience=stalled_after
        )

    @app.periodic(cron="17 3 * * *")
    @app.task(name="lorebot:cleanup", queueing_lock="cleanup", pass_context=True)
    async def cleanup(context: JobContext, timestamp: int) -> None:
        await context.app.job_manager.delete_old_jobs(
            nb_hours=KEEP_JOBS_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )
        count = await asyncio.to_thread(runs.purge, pool, days=KEEP_RUNS_DAYS)
        log.info("runs_purged", count=count)

    return app


async def _in_thread(threads: Executor, work: Callable[[], None]) -> None:
    running = asyncio.get_running_loop().run_in_executor(threads, work)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        # A shutdown: the work notices at its next step and ends with JobAborted, which queues its run again.
        await running
        raise


def _refresh(
    context: JobContext, pool: ConnectionPool, refresh_source: RefreshSource, run_id: int, source: str
) -> None:
    try:
        started = runs.start(pool, run_id, source=source)
        if started is None:
            log.info("refresh_is_over", run=run_id, source=source)
            return
        run_id, order = started
        _carry_out(
            pool, run_id, source, partial(refresh_source, source, order, _recorder(context, pool, run_id))
        )
    except _INTERRUPTIONS as error:
        # By a shutdown or a restart of the database. It starts afresh; no vector is computed twice.
        log.warning("refresh_interrupted", run=run_id, source=source, error=type(error).__name__)
        queue_again(pool, source)


def _carry_out(pool: ConnectionPool, run_id: int, source: str, work: Callable[[], RefreshReport]) -> None:
    try:
        report = work()
    except _INTERRUPTIONS:
        raise
    except (IndexerError, ConnectorError) as error:
        log.warning("refresh_failed", run=run_id, source=source, error=str(error))
        runs.fail(pool, run_id, str(error))
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, who asked for the refresh is told
        fault = _described(error)
    else:
        runs.finish(pool, run_id, report)
        return
    # Not while the error is being handled: Procrastinate logs what it is given, and with it what that followed from.
    reference = secrets.token_hex(3)
    log.error("refresh_failed", run=run_id, source=source, reference=reference, **fault)
    runs.fail(pool, run_id, f"Something went wrong on my side (reference {reference}); see the log.")
    raise BrokenRefreshError(f"{fault['error']}, reference {reference}")


def _described(error: Exception) -> dict[str, Any]:
    """What kind of error it is and where it was raised; its message may quote values, as the database's do."""
    places = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "traceback": [f"{place.filename}:{place.lineno} in {place.name}" for place in places],
    }


def _recorder(context: JobContext, pool: ConnectionPool, run_id: int) -> Callable[[Progress], None]:
    """Writes progress down, as often as people can read; also where a shutdown interrupts the work."""
    written: tuple[str, float] = ("", 0.0)

    def record(progress: Progress) -> None:
        nonlocal written
        if context.should_abort():
            raise JobAborted
        phase, at = written
        now = time.monotonic()
        if progress.phase != phase or now - at >= PROGRESS_SECONDS or progress.done == progress.total:
            runs.progress(pool, run_id, phase=progress.phase, done=progress.done, total=progress.total)
            written = (progress.phase, now)

    return record
