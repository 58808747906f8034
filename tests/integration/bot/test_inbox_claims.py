"""Who may write to a message of the inbox: the process that claimed it last, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from psycopg_pool import ConnectionPool

from bot.errors import ClaimLostError
from bot.inbox import Inbox, Incoming, Item
from bot.replies import Reply

MESSAGE = Incoming(
    team="T1", channel="C1", ts="1.0", thread_ts="1.0", event_id="Ev1", user="U1", text="question"
)


@pytest.fixture
def inbox(pool: ConnectionPool) -> Inbox:
    """An inbox with one message, in which leases end at once."""
    inbox = Inbox(pool, lease_seconds=0.0)
    assert inbox.store(MESSAGE)
    return inbox


def claim(inbox: Inbox) -> Item:
    """The message, claimed."""
    item = inbox.claim()
    assert item is not None
    return item


def state(pool: ConnectionPool) -> tuple[object, ...] | None:
    """Everything that a process may write."""
    with pool.connection() as connection:
        return connection.execute("select to_jsonb(inbox) from inbox").fetchone()


WRITES: dict[str, Callable[[Inbox, Item], None]] = {
    "renew": lambda inbox, item: inbox.renew(item),
    "set_posted": lambda inbox, item: inbox.set_posted(item, ["1.1"]),
    "set_reply": lambda inbox, item: inbox.set_reply(item, Reply(messages=[], readers=None)),
    "finish": lambda inbox, item: inbox.finish(item),
    "drop": lambda inbox, item: inbox.drop(item, reference="abc"),
    "retry": lambda inbox, item: inbox.retry(item, seconds=1.0),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_only_the_last_claimer_may_write(
    inbox: Inbox, pool: ConnectionPool, write: Callable[[Inbox, Item], None]
) -> None:
    """A process that was suspended for longer than its lease is told so."""
    suspended, successor = claim(inbox), claim(inbox)
    before = state(pool)
    with pytest.raises(ClaimLostError):
        write(inbox, suspended)
    assert state(pool) == before
    write(inbox, successor)
    assert state(pool) != before


def test_a_released_message_is_a_first_attempt_but_no_first_claim(inbox: Inbox) -> None:
    """What is claimed for the first time has nothing in its thread; this may have."""
    first = claim(inbox)
    inbox.release([first])
    second = claim(inbox)
    assert (first.attempts, first.claims) == (1, 1)
    assert (second.attempts, second.claims) == (1, 2)


def test_the_claim_before_a_release_is_over(inbox: Inbox) -> None:
    """Though the number of attempts is the same again."""
    first = claim(inbox)
    inbox.release([first])
    claim(inbox)
    with pytest.raises(ClaimLostError):
        inbox.finish(first)


def test_who_lost_a_message_cannot_release_it(inbox: Inbox, pool: ConnectionPool) -> None:
    """Nobody is told: it is in good hands."""
    suspended = claim(inbox)
    claim(inbox)
    before = state(pool)
    inbox.release([suspended])
    assert state(pool) == before
