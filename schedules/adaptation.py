"""The job that adapts the search to the company: one at a time, and nothing half done when it is killed.

A training writes once, at its end. One that was interrupted is not done again before its next time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from procrastinate import App, JobContext, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, JobAborted
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task
from psycopg_pool import ConnectionPool

from indexer.adaptation.training import Report
from indexer.errors import IndexerError
from schedules.queue import ADAPT_TASK

log = structlog.get_logger(__name__)

#: Trains, tells how far it is, and makes live what gains.
Adapt = Callable[[Report], object]

#: Name of the queue's locks: one training waits, one is under way.
_LOCK = "adaptation"


def request_adaptation(pool: ConnectionPool) -> bool:
    """Queue a training; False when one waits already."""
    with pool.connection() as connection:
        try:
            configure_task(
                name=ADAPT_TASK,
                # Never opened: the job goes in on the connection above.
                job_manager=JobManager(SyncPsycopgConnector()),
                queueing_lock=_LOCK,
                lock=_LOCK,
                connection=connection,
            ).defer()
        except AlreadyEnqueued:
            return False
    log.info("adaptation_requested")
    return True


def add_adaptation_task(app: App, adapt: Adapt, at_work: set[int | None]) -> None:
    """Let the app's workers do trainings; ``at_work`` holds the ids of the jobs that this one is doing."""
    # A thread of its own: a training takes minutes, and there is never more than one.
    threads = ThreadPoolExecutor(1, thread_name_prefix="adaptation")

    @app.task(name=ADAPT_TASK, pass_context=True)
    async def adaptation(context: JobContext) -> None:
        at_work.add(context.job.id)
        running = asyncio.get_running_loop().run_in_executor(threads, _adapt, context, adapt)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            # A shutdown: the training notices at its next step.
            await running
            raise
        finally:
            at_work.discard(context.job.id)


def _adapt(context: JobContext, adapt: Adapt) -> None:
    phase = ""

    def report(name: str, done: int, total: int) -> None:
        nonlocal phase
        if context.should_abort():
            raise JobAborted
        if name != phase:
            phase = name
            log.info("adaptation_progress", phase=name, done=done, total=total)

    try:
        adapt(report)
    except (JobAborted, psycopg.OperationalError) as error:
        log.warning("adaptation_interrupted", error=type(error).__name__)
    except IndexerError as error:
        log.warning("adaptation_failed", error=str(error))


def schedule_adaptation(scheduler: AsyncIOScheduler, trigger: BaseTrigger, pool: ConnectionPool) -> None:
    """Let the scheduler ask for trainings."""
    scheduler.add_job(_ask, trigger=trigger, args=[pool], id=_LOCK)


async def _ask(pool: ConnectionPool) -> None:
    try:
        await asyncio.to_thread(request_adaptation, pool)
    except psycopg.Error as error:
        log.warning("schedule_missed", job=_LOCK, error=type(error).__name__)
