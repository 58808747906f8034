"""What is indexed, how fresh it is, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from indexer.statements import load

SQL = load("indexer", "status.sql")


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """One source at a glance."""

    name: str
    documents: int
    chunks: int
    #: Chunks that have a vector.
    embedded: int
    #: Documents that could not be read.
    failed: int
    last_started: datetime | None
    last_finished: datetime | None
    #: Why the last refresh failed, one sentence; None when it did not.
    last_error: str | None
    #: The newest change that is stored.
    watermark: datetime | None


@dataclass(frozen=True, kw_only=True)
class UnreadableDocument:
    """A document that could not be read, and why."""

    source: str
    external_id: str
    reason: str
    seen_at: datetime


def sources(pool: ConnectionPool) -> list[SourceStatus]:
    """Every source that has ever been refreshed, by name."""
    with pool.connection() as connection, connection.cursor(row_factory=class_row(SourceStatus)) as cursor:
        return cursor.execute(SQL["sources"]).fetchall()


def unreadable(pool: ConnectionPool, *, limit: int = 20) -> list[UnreadableDocument]:
    """The documents that could not be read, the latest first."""
    with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(UnreadableDocument)) as cursor,
    ):
        return cursor.execute(SQL["unreadable"], {"limit": limit}).fetchall()
