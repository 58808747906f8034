"""``/lore`` over the real socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from indexer import runs
from indexer.refresh import RefreshReport
from sandbox.slack.models import Timing
from sandbox.slack.serving import RunningSlack

pytestmark = pytest.mark.usefixtures("bot")

REPORT = RefreshReport(
    name="wiki",
    documents=1_200,
    created=3,
    updated=4,
    deleted=0,
    unchanged=1_193,
    chunks=20,
    embedded=20,
    failed=0,
    seconds=2.5,
)


@pytest.fixture
def timing() -> Timing:
    """Slack's own: a command has three seconds."""
    return Timing()


async def lore(slack: RunningSlack, user: str, text: str, channel: str = "general") -> str:
    """What the command shows its caller, and nobody else."""
    answer = await slack.admin.command(user, channel, "/lore", text)
    assert answer["acknowledged"]
    assert answer["message"]["is_ephemeral"]
    return str(answer["message"]["blocks"])


def audit(pool: ConnectionPool) -> list[tuple[Any, ...]]:
    with pool.connection() as connection:
        return connection.execute(
            "select actor, action, allowed, details from audit_log order by id"
        ).fetchall()


@pytest.mark.parametrize("text", ["", "help", "dance"])
async def test_help_is_shown_for_nothing_help_and_unknown_words(slack: RunningSlack, text: str) -> None:
    """Nobody has to know the words."""
    shown = await lore(slack, "ben", text)
    assert "/lore status" in shown
    assert "/lore reindex" in shown


def refreshed(pool: ConnectionPool) -> None:
    """A source whose last refresh failed, after one that did not."""
    with pool.connection() as connection:
        connection.execute(
            "insert into sources (name, last_started, last_finished, last_error)"
            " values ('wiki', now(), now() - interval '3 hours', 'wiki.example.com refused the token.')"
        )


async def test_status_tells_admins_sources_figures_errors_queue_and_model(
    slack: RunningSlack, pool: ConnectionPool
) -> None:
    """Sources that were never indexed are named as well."""
    refreshed(pool)
    shown = await lore(slack, "ben", "status")
    assert "*wiki* · 0 documents" in shown
    assert "refreshed 3 hours ago" in shown
    assert "wiki.example.com refused the token." in shown
    assert "*tickets* · not indexed yet" in shown
    assert "*0* questions in the queue" in shown
    assert "extractive" in shown


async def test_status_tells_others_how_fresh_it_is_and_no_more(
    slack: RunningSlack, pool: ConnectionPool
) -> None:
    """Figures count what they may not read, and errors name machines."""
    refreshed(pool)
    shown = await lore(slack, "dan", "status")
    assert "*wiki* · refreshed 3 hours ago" in shown
    assert "*tickets* · not indexed yet" in shown
    for secret in ("documents", "chunks", "token", "example.com", "queue", "extractive"):
        assert secret not in shown


async def test_sources_lists_the_configured_ones(slack: RunningSlack) -> None:
    """By name; with figures for admins."""
    shown = await lore(slack, "dan", "sources")
    assert "*wiki*" in shown
    assert "*tickets*" in shown
    assert "documents" not in shown
    assert "*wiki*: 0 documents" in await lore(slack, "ben", "sources")


@pytest.mark.parametrize("user", ["eve", "gus"], ids=["external", "guest"])
@pytest.mark.parametrize("text", ["status", "sources", "reindex"])
async def test_people_from_outside_are_told_nothing(
    slack: RunningSlack, pool: ConnectionPool, user: str, text: str
) -> None:
    """Not even the names of the sources."""
    shown = await lore(slack, user, text)
    assert "members of this company" in shown
    assert "wiki" not in shown
    assert runs.latest(pool) == []


async def test_only_admins_may_reindex_and_the_attempt_is_written_down(
    slack: RunningSlack, pool: ConnectionPool
) -> None:
    """Dan has no e-mail address and is not named."""
    assert "Only Lorebot's admins" in await lore(slack, "dan", "reindex wiki")
    assert runs.latest(pool) == []
    assert audit(pool) == [("U5", "reindex", False, {"arguments": ["wiki"]})]


async def test_an_unknown_source_is_answered_with_the_known_ones(
    slack: RunningSlack, pool: ConnectionPool
) -> None:
    """Nothing is queued."""
    assert "wiki, tickets" in await lore(slack, "ada", "reindex wikki")
    assert runs.latest(pool) == []


async def test_an_admin_by_email_may_reindex_everything_in_full(
    slack: RunningSlack, pool: ConnectionPool
) -> None:
    """Upper and lower case do not matter in addresses."""
    assert "wiki, tickets in full" in await lore(slack, "ben", "reindex --full")
    assert [(run.source, run.full, run.requested_by) for run in runs.latest(pool)] == [
        ("tickets", True, "U2"),
        ("wiki", True, "U2"),
    ]
    assert audit(pool) == [("U2", "reindex", True, {"arguments": ["--full"]})]


async def test_asking_twice_names_the_refresh_that_waits(slack: RunningSlack) -> None:
    """There is one, not two."""
    await lore(slack, "ada", "reindex wiki")
    assert "waiting already" in await lore(slack, "ada", "reindex wiki")


async def test_a_progress_message_is_edited_until_the_figures_are_there(
    slack: RunningSlack, pool: ConnectionPool
) -> None:
    """Between the admin and the bot alone, wherever it was asked for."""
    await lore(slack, "ada", "reindex wiki")
    [message] = await slack.admin.wait("app", user="ada", contains="waits for a worker")
    [run] = runs.latest(pool)
    await asyncio.to_thread(runs.start, pool, run.id, source=run.source)
    await asyncio.to_thread(runs.progress, pool, run.id, phase="reading", done=50, total=1_200)
    [reading] = await slack.admin.wait("app", user="ada", contains="reading 50 of 1,200")
    await asyncio.to_thread(runs.finish, pool, run.id, REPORT)
    [done] = await slack.admin.wait(
        "app", user="ada", contains="1,200 documents (3 created, 4 updated) in 2.5 s"
    )
    assert {message["ts"], reading["ts"], done["ts"]} == {message["ts"]}
    assert "Refreshed" in str(done["blocks"])
    assert not [call for call in slack.sandbox.calls.calls if call[1].get("channel") == "C1"]


async def test_a_failed_refresh_shows_its_sentence(slack: RunningSlack, pool: ConnectionPool) -> None:
    """To the admin alone."""
    await lore(slack, "ada", "reindex wiki")
    await slack.admin.wait("app", user="ada", contains="waits for a worker")
    [run] = runs.latest(pool)
    await asyncio.to_thread(runs.fail, pool, run.id, "Confluence refused the token.")
    await slack.admin.wait("app", user="ada", contains="failed: Confluence refused the token.")


async def test_a_refresh_that_is_slow_to_start_is_reported_all_the_same(
    slack: RunningSlack, pool: ConnectionPool, reindexing: asyncio.Event
) -> None:
    """Slack wants an answer within three seconds; what was begun goes on, and is written down first."""
    reindexing.clear()
    assert "takes longer than usual" in await lore(slack, "ada", "reindex wiki")
    assert audit(pool) == [("U1", "reindex", True, {"arguments": ["wiki"]})]
    assert runs.latest(pool) == []
    reindexing.set()
    await slack.admin.wait("app", user="ada", contains="waits for a worker")
