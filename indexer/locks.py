"""One refresh of a source at a time, wherever it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg_pool import ConnectionPool

from indexer.errors import IndexerError
from indexer.statements import load

SQL = load("indexer", "sources.sql")


@contextlib.contextmanager
def one_refresh(pool: ConnectionPool, source: str) -> Iterator[None]:
    """Hold the lock of a source.

    On a connection of its own: the lock lives as long as the session, kill -9 included, and one of the pool's would be
    missing to the work itself as long as that takes.

    Raises:
        IndexerError: somebody else holds it.
    """
    with own_connection(pool) as connection:
        (locked,) = connection.execute(SQL["lock_source"], {"source": source}).fetchone() or (False,)
        if not locked:
            raise IndexerError(f"{source} is being refreshed just now; wait until that is done.")
        try:
            yield
        finally:
            # A session that was lost has no lock any more.
            with contextlib.suppress(psycopg.OperationalError):
                connection.execute(SQL["unlock_source"], {"source": source})


def own_connection(pool: ConnectionPool) -> psycopg.Connection:
    """A new connection to the pool's database, which the pool does not count; it commits each statement."""
    conninfo = pool.conninfo() if callable(pool.conninfo) else pool.conninfo
    options = pool.kwargs() if callable(pool.kwargs) else pool.kwargs
    return psycopg.connect(conninfo, **{**(options or {}), "autocommit": True, "connect_timeout": 10})
