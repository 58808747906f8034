"""Trainings as jobs: real Procrastinate on real Postgres; only the training itself is scripted."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
import pytest
from procrastinate import App
from psycopg_pool import ConnectionPool

from indexer.adaptation.training import Report
from indexer.adaptation.tunings import TuningError
from schedules.adaptation import request_adaptation, schedule_adaptation
from schedules.jobs import create_jobs
from schedules.queue import RefreshQueue
from schedules.triggers import create_scheduler, parse_schedule
from tests.integration.schedules.conftest import Refresher, StartWorker, eventually


class Trainer:
    """Trains by waiting for its gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.started = 0
        self.at_once = 0
        self.most_at_once = 0
        #: Raised once each.
        self.errors: list[Exception] = []

    def __call__(self, report: Report) -> None:
        self.started += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            report("reading", 0, 1)
            while not self.gate.wait(0.05):
                report("judging", 1, 2)
            if self.errors:
                raise self.errors.pop()
        finally:
            self.at_once -= 1


@pytest.fixture
def trainer() -> Any:
    """Does the trainings; those that wait go on in the end."""
    trainer = Trainer()
    yield trainer
    trainer.gate.set()


@pytest.fixture
def jobs(
    database_url: str, pool: ConnectionPool, queue: RefreshQueue, refresher: Refresher, trainer: Trainer
) -> App:
    """The tasks, trainings among them."""
    return create_jobs(database_url, pool=pool, refresh_source=refresher, adapt=trainer, stalled_after=1.0)


def in_states(pool: ConnectionPool, *expected: str) -> bool:
    """Whether the trainings' jobs are in these states, the oldest first."""
    with pool.connection() as connection:
        rows = connection.execute(
            "select status::text from procrastinate_jobs where task_name = 'lorebot:adapt' order by id"
        ).fetchall()
    return [row[0] for row in rows] == list(expected)


async def test_a_training_is_done_once_however_often_it_is_asked_for(
    jobs: App, pool: ConnectionPool, start_worker: StartWorker, trainer: Trainer
) -> None:
    """One that waits is enough; beside one that is under way another one waits."""
    assert [request_adaptation(pool) for _ in range(2)] == [True, False]
    trainer.gate.clear()
    await start_worker(jobs)
    await eventually(lambda: trainer.started)
    assert [request_adaptation(pool) for _ in range(2)] == [True, False]
    assert in_states(pool, "doing", "todo")
    trainer.gate.set()
    await eventually(partial(in_states, pool, "succeeded", "succeeded"))
    assert (trainer.started, trainer.most_at_once) == (2, 1)


@pytest.mark.parametrize("error", [TuningError("busy"), psycopg.OperationalError("gone")])
async def test_a_training_that_fails_is_over_and_the_next_one_works(
    jobs: App, pool: ConnectionPool, start_worker: StartWorker, trainer: Trainer, error: Exception
) -> None:
    """It waits for its next time."""
    trainer.errors.append(error)
    request_adaptation(pool)
    await start_worker(jobs)
    await eventually(partial(in_states, pool, "succeeded"))
    request_adaptation(pool)
    await eventually(partial(in_states, pool, "succeeded", "succeeded"))
    assert trainer.started == 2


async def test_a_training_whose_worker_was_killed_is_freed_and_not_done_again(
    jobs: App, pool: ConnectionPool, start_worker: StartWorker, trainer: Trainer
) -> None:
    """It may be what killed the worker; what is asked for later is done."""
    request_adaptation(pool)
    with pool.connection() as connection:
        row = connection.execute(
            "insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour') returning id"
        ).fetchone()
        assert row is not None
        connection.execute("update procrastinate_jobs set status = 'doing', worker_id = %s", [row[0]])
    request_adaptation(pool)
    await start_worker(jobs)
    await eventually(partial(in_states, pool, "failed", "succeeded"))
    assert trainer.started == 1


async def test_a_shutdown_interrupts_a_training(
    jobs: App, pool: ConnectionPool, start_worker: StartWorker, trainer: Trainer
) -> None:
    """At its next step, within the worker's grace time and a little more."""
    trainer.gate.clear()
    request_adaptation(pool)
    worker = await start_worker(jobs)
    await eventually(lambda: trainer.at_once)
    worker.stop()
    await eventually(lambda: trainer.at_once == 0)
    assert not trainer.gate.is_set()


async def test_the_schedule_asks_for_trainings(
    jobs: App, pool: ConnectionPool, queue: RefreshQueue, start_worker: StartWorker, trainer: Trainer
) -> None:
    """Like that of a refresh."""
    scheduler = create_scheduler([], queue)
    schedule_adaptation(scheduler, parse_schedule("10s"), pool)
    scheduler.start()
    try:
        [job] = scheduler.get_jobs()
        assert job.id == "adaptation"
        job.modify(next_run_time=datetime.now(UTC))
        await start_worker(jobs)
        await eventually(lambda: trainer.started)
    finally:
        scheduler.shutdown(wait=False)
