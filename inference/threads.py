"""Conversations in Postgres: one row a thread, with its running summary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from psycopg_pool import ConnectionPool

from indexer.audience import Audience
from indexer.statements import load

SQL = load("inference", "threads.sql")

#: A thread that nobody wrote to for so long starts afresh.
EXPIRES_AFTER = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class Thread:
    """What is remembered of a conversation."""

    summary: str = ""
    #: The last question, as it was searched for.
    last_question: str = ""
    #: The access rules of all that went into the summary, as they were then.
    rule_ids: frozenset[int] = frozenset()
    #: The chunks that went into it. One that is no more was deleted or withdrawn, and is to be forgotten.
    chunk_ids: frozenset[int] = frozenset()


def read_thread(pool: ConnectionPool, key: str | None, audience: Audience) -> Thread:
    """What is remembered, for people who may know it.

    The thread is empty when it is new or expired, for None, and for an audience that may not read all that the
    summary was made of, as it is now: somebody has joined, a permission was withdrawn, a text or its document is gone.
    """
    if key is None:
        return Thread()
    parameters = {
        "key": key,
        "expires": EXPIRES_AFTER,
        "emails": None if audience.emails is None else sorted(audience.emails),
    }
    with pool.connection() as connection:
        row = connection.execute(SQL["read"], parameters).fetchone()
    if row is None:
        return Thread()
    summary, last_question, rule_ids, chunk_ids = row
    return Thread(
        summary=summary,
        last_question=last_question,
        rule_ids=frozenset(rule_ids),
        chunk_ids=frozenset(chunk_ids),
    )


def write_thread(pool: ConnectionPool, key: str | None, thread: Thread) -> None:
    """Remember a conversation under its key, and forget what has expired; None is not remembered."""
    if key is None:
        return
    with pool.connection() as connection:
        ids = {"rule_ids": sorted(thread.rule_ids), "chunk_ids": sorted(thread.chunk_ids)}
        connection.execute(SQL["write"], vars(thread) | {"key": key} | ids)
        connection.execute(SQL["purge"], {"expires": EXPIRES_AFTER})
