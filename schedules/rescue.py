"""Freeing what killed workers and lost connections left behind, so that no source's queue stops.

A job that is "doing" holds the lock of its source. Nobody lets go of it when its worker was killed, or when the
database was away while the worker wrote down that the job had ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import psycopg
import stamina
import structlog
from procrastinate import App
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from psycopg_pool import ConnectionPool

from indexer import runs
from schedules.queue import ADAPT_TASK, REFRESH_TASK, RefreshQueue

log = structlog.get_logger(__name__)

#: A refresh that was interrupted this often is given up: it may be what kills the workers.
MAX_INTERRUPTIONS = 5


def queue_again(pool: ConnectionPool, source: str) -> None:
    """What was running of a source is done by the run that waits, or waits again itself.

    For a source of which nothing is running any more but the caller. Tried for a minute: the database may have been
    what interrupted it. Raises psycopg.Error where that was not enough; the rescue does it then.
    """
    # Somebody may ask for a refresh at the very moment.
    passing = (psycopg.OperationalError, psycopg.errors.UniqueViolation)
    for attempt in stamina.retry_context(on=passing, attempts=6, timeout=60.0, wait_initial=0.5):
        with attempt:
            RefreshQueue(pool).queue_again(source, most=MAX_INTERRUPTIONS)


async def rescue_stalled(app: App, pool: ConnectionPool, *, stalled_after: float) -> int:
    """Free the jobs of workers that fell silent, and do again what they were to do; returns how many they were."""
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_after))
    for job in stalled:
        await _free(app, pool, job)
    return len(stalled)


async def rescue_abandoned(
    app: App, pool: ConnectionPool, *, worker_id: int | None, at_work: Collection[int | None], patience: float
) -> int:
    """Free the jobs that this worker has and does not do, and do again what they were to do; returns how many.

    Args:
        app: of the jobs.
        pool: for the runs.
        worker_id: this worker's.
        at_work: the ids of the jobs that it is doing; changes meanwhile.
        patience: seconds for a job that has just been taken or has just ended.
    """
    idle = await _idle(app, worker_id, at_work)
    if idle:
        await asyncio.sleep(patience)
        still = await _idle(app, worker_id, at_work)
        idle = {job_id: job for job_id, job in still.items() if job_id in idle}
    for job in idle.values():
        await _free(app, pool, job)
    for source in await asyncio.to_thread(runs.left_behind, pool):
        await asyncio.to_thread(queue_again, pool, source)
    return len(idle)


async def _idle(app: App, worker_id: int | None, at_work: Collection[int | None]) -> dict[int | None, Job]:
    return {
        job.id: job
        for task in (REFRESH_TASK, ADAPT_TASK)
        for job in await app.job_manager.list_jobs_async(
            task=task, status=Status.DOING.value, worker_id=worker_id
        )
        if job.id not in at_work
    }


async def _free(app: App, pool: ConnectionPool, job: Job) -> None:
    if job.task_name == REFRESH_TASK:
        # First of all: as long as it holds the lock, nothing else of its source is running.
        await asyncio.to_thread(queue_again, pool, str(job.task_kwargs["source"]))
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
    elif job.task_name == ADAPT_TASK:
        # Not again before its next time: it may be what killed the worker.
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
    else:
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:
            # The same work waits in the queue already; the lock of this one must not hold it up.
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
    log.warning("job_rescued", job=job.id, task=job.task_name, attempts=job.attempts)
