"""The second wall: who reads for people does so in a role that sees no more than these people may.

A statement that returns documents holds the permission filter itself. This wall stands behind it: Postgres' row-level
security, as the role ``lorebot_reader``, for an audience that the transaction names (docs/permissions.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import structlog
from psycopg import ClientCursor, Connection
from psycopg_pool import ConnectionPool

from indexer.audience import Audience
from indexer.statements import load

SQL = load("indexer", "readers.sql")

log = structlog.get_logger(__name__)


@contextmanager
def reading(pool: ConnectionPool, audience: Audience) -> Iterator[Connection]:
    """A connection in a read-only transaction in which only what the whole audience may read exists.

    The transaction sees one snapshot (repeatable read), and ends with the block; nothing can be written in it. It costs
    the round trip that its ``begin`` takes anyway, and one to end it. Where the wall does not stand (see
    :func:`wall_gap`) the connection reads everything, and the log says so once: the statement's own filter still holds.

    Raises:
        psycopg.Error: as from the pool; also ``InsufficientPrivilege`` for a table that no search needs.
    """
    with pool.connection() as connection:
        # Otherwise psycopg sends a `begin` of its own first.
        connection.autocommit = True
        try:
            if not _enter(connection, audience):
                _warn_once()
            yield connection
            # A rollback would throw away what is prepared.
            connection.commit()
        finally:
            if not connection.closed:
                connection.rollback()
                connection.autocommit = False


def wall_gap(pool: ConnectionPool) -> str | None:
    """What is missing for the wall to stand, and how to mend it, in one sentence; None where it stands."""
    with pool.connection() as connection:
        row = connection.execute(SQL["wall_gap"]).fetchone()
    return None if row is None else row[0]


def named(audience: Audience) -> str:
    """An audience as the policies read it: a JSON array of e-mail addresses, or the word operator."""
    return json.dumps("operator" if audience.emails is None else sorted(audience.emails))


def _enter(connection: Connection, audience: Audience) -> bool:
    with ClientCursor(connection) as cursor:
        cursor.execute(SQL["begin"], [named(audience)])
        cursor.nextset()
        stands, _ = cursor.fetchone() or (False, None)
    return bool(stands)


@cache
def _warn_once() -> None:
    log.warning("wall_absent", hint="lorebot doctor says how to mend it")
