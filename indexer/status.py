"""What is indexed, how fresh it is, what waits to be read or could not be, and which deletions were refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from indexer.deletion import refusals
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
    #: Documents that are noted to be read.
    waiting: int
    #: Documents that could not be read, and are tried again.
    failed: int
    last_started: datetime | None
    last_finished: datetime | None
    #: Why the last refresh failed, one sentence; None when it did not.
    last_error: str | None
    #: The newest change that is stored.
    watermark: datetime | None
    #: When the last of each pass began that saw everything.
    last_changes: datetime | None
    last_sweep: datetime | None
    last_permissions: datetime | None
    #: One sentence for each place whose documents are gone, and are kept until that is confirmed.
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class UnreadableDocument:
    """A document that could not be read, and why."""

    source: str
    external_id: str
    reason: str
    attempts: int
    #: Not before this.
    next_try: datetime


def sources(pool: ConnectionPool) -> list[SourceStatus]:
    """Every source that has ever been refreshed, by name."""
    with pool.connection() as connection:
        with connection.cursor(row_factory=class_row(SourceStatus)) as cursor:
            found = cursor.execute(SQL["sources"]).fetchall()
        return [replace(each, refused=refusals(connection, each.name)) for each in found]


def unreadable(pool: ConnectionPool, *, limit: int = 100) -> list[UnreadableDocument]:
    """The documents that could not be read, the next to be tried first."""
    with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(UnreadableDocument)) as cursor,
    ):
        return cursor.execute(SQL["unreadable"], {"limit": limit}).fetchall()
