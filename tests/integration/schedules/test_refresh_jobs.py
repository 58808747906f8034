"""Refreshes as jobs: real Procrastinate on real Postgres; only the refresh itself is scripted."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psycopg
import pytest
from procrastinate import App
from psycopg_pool import ConnectionPool

from connectors.errors import AuthenticationError
from indexer import runs
from indexer.passes import Pass
from indexer.runs import RunState, RunTicket
from lorebot.database import embedded
from lorebot.database.pool import open_pool
from schedules.jobs import create_jobs, ensure_job_schema
from schedules.queue import RefreshQueue
from schedules.triggers import ScheduledRefresh, create_scheduler, parse_schedule
from schedules.worker import Worker
from tests.integration.schedules.conftest import Refresher, StartWorker, eventually, in_state


async def test_a_refresh_runs_and_leaves_its_figures(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """Waiting, running with progress, done with a report."""
    refresher.gate.clear()
    ticket = queue.request("wiki", full=True, requested_by="U1")
    assert in_state(pool, ticket.id, RunState.WAITING)
    await start_worker(jobs)
    running = await eventually(partial(in_state, pool, ticket.id, RunState.RUNNING))
    await eventually(lambda: runs.read(pool, [ticket.id])[0].phase == "reading")
    refresher.gate.set()
    done = await eventually(partial(in_state, pool, ticket.id, RunState.DONE))
    assert (running.full, running.requested_by) == (True, "U1")
    assert (done.report["documents"], done.error, done.total) == (1, None, 2)
    assert refresher.asked == [("wiki", True)]


async def test_two_waiting_refreshes_of_a_source_are_one(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """It is a full one if either asked for that; another source has its own."""
    first = queue.request("wiki", requested_by="schedule")
    second = queue.request("wiki", full=True, requested_by="U1")
    other = queue.request("tickets", requested_by="schedule")
    assert (second.id, second.created, first.created) == (first.id, False, True)
    await start_worker(jobs)
    for ticket in (first, other):
        await eventually(partial(in_state, pool, ticket.id, RunState.DONE))
    assert sorted(refresher.asked) == [("tickets", False), ("wiki", True)]


async def test_a_waiting_refresh_makes_the_passes_that_anybody_asked_for(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """Who asks for none, only wants what is listed to be read."""
    ticket = queue.request("wiki", passes=[Pass.CHANGES], requested_by="schedule")
    queue.request("wiki", passes=[Pass.SWEEP, Pass.CHANGES], requested_by="schedule")
    queue.request("wiki", passes=[], requested_by="webhook")
    [waiting] = runs.read(pool, [ticket.id])
    await start_worker(jobs)
    await eventually(partial(in_state, pool, ticket.id, RunState.DONE))
    assert waiting.passes == {Pass.CHANGES, Pass.SWEEP}
    assert refresher.passes == [{Pass.CHANGES, Pass.SWEEP}]


async def test_a_hint_notes_its_documents_and_asks_for_their_reading_alone(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """Both or neither, and before refreshes that nobody waits for."""
    queue.request("tickets", requested_by="schedule")
    ticket = queue.hint("wiki", ["7", "8"], requested_by="webhook")
    with pool.connection() as connection:
        noted = connection.execute("select source_id, priority from reading_list order by 1").fetchall()
        jobs_first = connection.execute("select priority from procrastinate_jobs order by id").fetchall()
    assert (noted, jobs_first) == ([("7", 0), ("8", 0)], [(0,), (10,)])
    worker = Worker(jobs, concurrency=1, grace_seconds=0.3, polling_seconds=0.3)
    running = asyncio.create_task(worker.run())
    await eventually(partial(in_state, pool, ticket.id, RunState.DONE))
    worker.stop()
    await running
    assert (refresher.asked[0], refresher.passes[0]) == (("wiki", False), frozenset())


async def test_asking_at_the_same_moment_gives_one_refresh(queue: RefreshQueue, pool: ConnectionPool) -> None:
    """Eight admins, one button."""
    tickets = await asyncio.gather(
        *(asyncio.to_thread(queue.request, "wiki", requested_by=f"U{number}") for number in range(8))
    )
    assert len({ticket.id for ticket in tickets}) == 1
    assert [ticket.created for ticket in tickets].count(True) == 1
    with pool.connection() as connection:
        row = connection.execute("select count(*) from procrastinate_jobs").fetchone()
    assert row == (1,)


async def test_who_asks_during_a_refresh_gets_the_next_one_and_they_never_overlap(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """The running one may have read past what has changed since."""
    refresher.gate.clear()
    first = queue.request("wiki", requested_by="U1")
    await start_worker(jobs)
    await eventually(partial(in_state, pool, first.id, RunState.RUNNING))
    second = queue.request("wiki", requested_by="U2")
    assert second.created
    refresher.gate.set()
    await eventually(partial(in_state, pool, second.id, RunState.DONE))
    assert (len(refresher.asked), refresher.most_at_once) == (2, 1)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (AuthenticationError("Confluence refused the token."), "Confluence refused the token."),
        (RuntimeError("the secret word"), "Something went wrong on my side (reference "),
    ],
)
async def test_a_failed_refresh_says_why_in_a_sentence(
    queue: RefreshQueue,
    jobs: App,
    start_worker: StartWorker,
    pool: ConnectionPool,
    refresher: Refresher,
    error: Exception,
    shown: str,
) -> None:
    """What was expected in its own words, what was not with a reference."""
    refresher.error = error
    ticket = queue.request("wiki", requested_by="U1")
    await start_worker(jobs)
    failed = await eventually(partial(in_state, pool, ticket.id, RunState.FAILED))
    assert failed.error.startswith(shown)
    assert "secret" not in failed.error
    refresher.error = None
    again = queue.request("wiki", requested_by="U1")
    await eventually(partial(in_state, pool, again.id, RunState.DONE))


async def test_what_the_database_says_of_a_text_is_in_no_log(
    queue: RefreshQueue,
    jobs: App,
    start_worker: StartWorker,
    pool: ConnectionPool,
    refresher: Refresher,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its errors quote values: what is logged is what kind of error it was, and where."""
    with (
        pytest.raises(psycopg.errors.UniqueViolation, match="secret") as raised,
        pool.connection() as connection,
    ):
        connection.execute("insert into terms (lexeme) values ('secret'), ('secret')")
    refresher.error = raised.value
    ticket = queue.request("wiki", requested_by="U1")
    await start_worker(jobs)
    failed = await eventually(partial(in_state, pool, ticket.id, RunState.FAILED))
    await eventually(lambda: caplog.text)

    printed = capsys.readouterr().out
    assert "secret" not in caplog.text + printed + failed.error
    assert "UniqueViolation" in printed
    assert "conftest.py:" in printed
    reference = failed.error.partition("(reference ")[2][:6]
    assert reference in printed
    assert reference in caplog.text


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that the server's own user may reach when the tests run as root."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path / "data"


async def test_a_worker_survives_a_restart_of_the_database(
    open_folder: Path, start_worker: StartWorker
) -> None:
    """Procrastinate's own worker ends then, without an error."""
    refresher = Refresher()
    server = await asyncio.to_thread(embedded.start, open_folder)
    with open_pool(server.url) as pool:
        ensure_job_schema(pool)
        queue = RefreshQueue(pool)
        await start_worker(create_jobs(server.url, pool=pool, refresh_source=refresher))
        before = queue.request("wiki", requested_by="U1")
        await eventually(partial(in_state, pool, before.id, RunState.DONE))
        await asyncio.to_thread(server.close)
        await eventually(partial(is_down, server.url))
        server = await asyncio.to_thread(embedded.start, open_folder)
        try:
            # The pool finds out by failing that its connections are gone.
            after = await eventually(partial(ask_again, queue))
            await eventually(partial(is_done_by_now, pool, after.id))
        finally:
            await asyncio.to_thread(server.close)


def is_down(url: str) -> bool:
    """Whether the server takes no connection."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return True
    return False


def ask_again(queue: RefreshQueue) -> RunTicket | None:
    """A ticket, as soon as the database answers."""
    try:
        return queue.request("wiki", requested_by="U1")
    except psycopg.OperationalError:
        return None


def is_done_by_now(pool: ConnectionPool, run_id: int) -> bool:
    """Whether the run is done; False while the database does not answer."""
    try:
        return in_state(pool, run_id, RunState.DONE) is not None
    except psycopg.OperationalError:
        return False


async def test_a_run_whose_job_was_lost_gets_another_when_asked_again(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool
) -> None:
    """Otherwise it would wait for ever, and its source would never be refreshed."""
    lost = queue.request("wiki", requested_by="U1")
    with pool.connection() as connection:
        connection.execute("delete from procrastinate_jobs")
    again = queue.request("wiki", requested_by="U2")
    assert (again.id, again.created) == (lost.id, False)
    await start_worker(jobs)
    await eventually(partial(in_state, pool, lost.id, RunState.DONE))


async def test_a_job_whose_run_is_over_does_the_run_that_waits(
    queue: RefreshQueue, jobs: App, start_worker: StartWorker, pool: ConnectionPool, refresher: Refresher
) -> None:
    """A request during a refresh may queue a second job for it, which then stands in the way of a job for the next."""
    first = queue.request("wiki", requested_by="U1")
    with pool.connection() as connection:
        connection.execute("update refresh_runs set state = 'done' where id = %s", [first.id])
    waiting = queue.request("wiki", requested_by="U2")
    assert waiting.created
    await start_worker(jobs)
    await eventually(partial(in_state, pool, waiting.id, RunState.DONE))
    assert refresher.asked == [("wiki", False)]


async def test_refreshes_leave_the_threads_of_others_alone(
    queue: RefreshQueue, jobs: App, pool: ConnectionPool, refresher: Refresher
) -> None:
    """The bot of the same process uses them for every question."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    refresher.gate.clear()
    tickets = [queue.request(f"source-{number}", requested_by="U1") for number in range(4)]
    worker = Worker(jobs, concurrency=4, grace_seconds=0.2)
    running = asyncio.create_task(worker.run())
    await eventually(lambda: refresher.at_once == 4)
    refresher.gate.set()
    for ticket in tickets:
        await eventually(partial(in_state, pool, ticket.id, RunState.DONE))
    worker.stop()
    await running


async def test_the_job_tables_are_made_once_whoever_comes_first(pool: ConnectionPool) -> None:
    """Several processes start at the same moment."""
    made = await asyncio.gather(*(asyncio.to_thread(ensure_job_schema, pool) for _ in range(4)))
    assert sorted(made) == [False, False, False, True]


async def test_a_schedule_asks_for_refreshes(queue: RefreshQueue, pool: ConnectionPool) -> None:
    """At the start for changes; the other passes and the full one wait for their time."""
    scheduler = create_scheduler(
        [
            ScheduledRefresh(source="wiki", trigger=parse_schedule("15m"), passes=frozenset({Pass.CHANGES})),
            ScheduledRefresh(
                source="wiki", trigger=parse_schedule("1h"), passes=frozenset({Pass.PERMISSIONS})
            ),
            ScheduledRefresh(source="wiki", trigger=parse_schedule("1d"), passes=frozenset({Pass.SWEEP})),
            ScheduledRefresh(source="wiki", trigger=parse_schedule("0 3 * * sun"), full=True),
        ],
        queue,
        run_at_start=True,
    )
    scheduler.start()
    try:
        [run] = await eventually(lambda: runs.latest(pool))
    finally:
        scheduler.shutdown(wait=False)
    assert (run.source, run.passes, run.full) == ("wiki", {Pass.CHANGES}, False)
    assert run.requested_by == "schedule"
