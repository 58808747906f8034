"""A reply that an earlier attempt has made: delivered as it is only to those for whom it was made."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from bot.people import Readers
from bot.replies import digest
from bot.views.messages import notice
from indexer.audience import Audience
from sandbox.slack.serving import RunningSlack

MEMBERS = ("ada@example.com", "ben@example.com")


def readers(*emails: str) -> str:
    """The digest of these people."""
    return digest(Readers(audience=Audience.of(emails), external=False))


async def left_behind(
    slack: RunningSlack, pool: ConnectionPool, *, made_for: str | None, seconds_ago: int, posted: int = 1
) -> tuple[str, list[str]]:
    """A question in #secret whose reply was made, and perhaps delivered in part; its ts and those of our messages."""
    ts = await slack.admin.say("ada", "secret", "@Lorebot whose reply?")
    workspace = slack.sandbox.workspace
    ours = [
        workspace.post(
            channel=workspace.channels["C2"], user=workspace.bot, text=f"Part {number}", thread_ts=ts
        ).ts
        for number in range(posted)
    ]
    reply = [notice(f"The stored part {number}.").to_json() for number in range(posted)]
    with pool.connection() as connection:
        connection.execute(
            "insert into inbox (team, channel, ts, thread_ts, event_id, user_id, text, attempts, claims, posted,"
            " reply, reply_readers, replied_at)"
            " values (%s, 'C2', %s, %s, 'Ev1', 'U1', 'whose reply?', 1, 1, %s, %s, %s,"
            " now() - make_interval(secs => %s))",
            [workspace.team_id, ts, ts, ours, Jsonb(reply), made_for, seconds_ago],
        )
    return ts, ours


@pytest.mark.parametrize(
    "made_for", [readers(*MEMBERS), None], ids=["the same readers", "a sentence of ours"]
)
async def test_a_fresh_reply_for_the_same_readers_is_delivered_without_asking_again(
    slack: RunningSlack, pool: ConnectionPool, start_bot: Any, assistant: Any, made_for: str | None
) -> None:
    """The model was paid for it once."""
    ts, [placeholder] = await left_behind(slack, pool, made_for=made_for, seconds_ago=20)
    await start_bot()
    [answer] = await slack.admin.wait("secret", thread_ts=ts, contains="The stored part 0.")
    assert answer["ts"] == placeholder
    assert assistant.asked == []


@pytest.mark.parametrize(
    ("made_for", "seconds_ago"),
    [(readers("ada@example.com"), 20), (readers(*MEMBERS), 3_600)],
    ids=["other readers", "long ago"],
)
async def test_a_reply_for_other_readers_or_of_long_ago_is_made_again(
    slack: RunningSlack, pool: ConnectionPool, start_bot: Any, assistant: Any, made_for: str, seconds_ago: int
) -> None:
    """Somebody joined the channel, or lost a permission, while the process was down."""
    ts, [placeholder] = await left_behind(slack, pool, made_for=made_for, seconds_ago=seconds_ago)
    await start_bot()
    [answer] = await slack.admin.wait("secret", thread_ts=ts, contains="About whose reply")
    assert answer["ts"] == placeholder
    assert assistant.asked[0].audience.emails == set(MEMBERS)


async def test_what_is_left_of_a_longer_reply_for_others_is_deleted(
    slack: RunningSlack, pool: ConnectionPool, start_bot: Any, eventually: Any
) -> None:
    """The new reply has one message, the old one had three."""
    ts, ours = await left_behind(slack, pool, made_for=readers("ada@example.com"), seconds_ago=5, posted=3)
    await start_bot()
    await slack.admin.wait("secret", thread_ts=ts, contains="About whose reply")
    await eventually(lambda: slack.sandbox.calls.counts["chat.delete"] == 2)
    messages = await slack.admin.wait("secret", thread_ts=ts)
    assert [message["ts"] for message in messages] == ours[:1]


async def test_the_readers_are_stored_with_the_reply(
    slack: RunningSlack, pool: ConnectionPool, start_bot: Any, eventually: Any
) -> None:
    """As a digest, and only while the reply is there."""
    await slack.admin.call("POST", "faults", method="chat.update", status=500, times=3)
    await start_bot(retry_seconds=30.0)
    await slack.admin.say("ada", "secret", "@Lorebot stored?")

    def stored() -> str | None:
        with pool.connection() as connection:
            row = connection.execute("select reply_readers from inbox where reply is not null").fetchone()
        return row[0] if row else None

    assert await eventually(stored) == readers(*MEMBERS)
