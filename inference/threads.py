"""Conversations in Postgres: one row a thread, with its running summary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from psycopg_pool import ConnectionPool

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


def read_thread(pool: ConnectionPool, key: str | None) -> Thread:
    """What is remembered; an empty thread when it is new or expired, or for None."""
    if key is None:
        return Thread()
    with pool.connection() as connection:
        row = connection.execute(SQL["read"], {"key": key, "expires": EXPIRES_AFTER}).fetchone()
    return Thread(summary=row[0], last_question=row[1]) if row else Thread()


def write_thread(pool: ConnectionPool, key: str | None, thread: Thread) -> None:
    """Remember a conversation under its key; None is not remembered."""
    if key is None:
        return
    with pool.connection() as connection:
        connection.execute(SQL["write"], {"key": key, **vars(thread)})


def forget_thread(pool: ConnectionPool, key: str) -> None:
    """Forget a conversation."""
    with pool.connection() as connection:
        connection.execute(SQL["forget"], {"key": key})
