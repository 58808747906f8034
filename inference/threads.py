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
    #: The access rules of every document that went into the summary.
    rule_ids: frozenset[int] = frozenset()


def read_thread(pool: ConnectionPool, key: str | None, audience: Audience) -> Thread:
    """What is remembered, for people who may know it.

    The thread is empty when it is new or expired, for None, and for an audience that may not read all that the
    summary was made of: somebody has joined, or a permission was withdrawn.
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
    return Thread(summary=row[0], last_question=row[1], rule_ids=frozenset(row[2])) if row else Thread()


def write_thread(pool: ConnectionPool, key: str | None, thread: Thread) -> None:
    """Remember a conversation under its key, and forget what has expired; None is not remembered."""
    if key is None:
        return
    with pool.connection() as connection:
        connection.execute(SQL["write"], vars(thread) | {"key": key, "rule_ids": sorted(thread.rule_ids)})
        connection.execute(SQL["purge"], {"expires": EXPIRES_AFTER})
