"""The connection pool that every part of the process shares."""

from __future__ import annotations

import psycopg
from pgvector.psycopg import register_vector
from psycopg_pool import ConnectionPool, PoolTimeout

from lorebot.database.migrations import migrate
from lorebot.errors import DatabaseError

#: Seconds to wait for a first connection before giving up with a clear line.
CONNECT_TIMEOUT = 10.0

#: Enough for the bot's answers, the refreshes of the worker
#: and what runs beside them; their locks have connections of their own.
MAX_CONNECTIONS = 16

#: A generic plan ignores how few rows a reader may see and is 60 times slower for narrow readers; planning
#: afresh costs 0.1 ms. JIT never pays for queries of milliseconds.
_OPTIONS = "-c plan_cache_mode=force_custom_plan -c jit=off -c statement_timeout=120000"


def open_pool(url: str, *, max_size: int = MAX_CONNECTIONS, schema: str | None = None) -> ConnectionPool:
    """Migrate the database at ``url`` and open a pool on it; the caller closes it.

    With ``schema`` everything happens inside that schema, which has to exist.

    Raises:
        DatabaseError: the server does not answer or cannot be migrated.
    """
    options = _OPTIONS if schema is None else f"{_OPTIONS} -c search_path={schema},public"
    try:
        with psycopg.connect(
            url, connect_timeout=int(CONNECT_TIMEOUT), autocommit=True, options=options
        ) as connection:
            connection.execute("set statement_timeout = 0")  # a migration takes as long as it takes
            migrate(connection)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:  # the latter: not a URL at all
        raise DatabaseError(
            "The database does not answer: check database.url (host, port, user and password)."
        ) from error
    pool = ConnectionPool(
        url,
        min_size=1,
        max_size=max_size,
        open=False,
        configure=_configure,
        # After a restart of the database the connections that it closed are replaced unseen; costs 20 us.
        check=ConnectionPool.check_connection,
        kwargs={"options": options},
    )
    try:
        pool.open(wait=True, timeout=CONNECT_TIMEOUT)
    except PoolTimeout as error:
        pool.close()
        raise DatabaseError("The database does not answer: check database.url.") from error
    return pool


def _configure(connection: psycopg.Connection) -> None:
    register_vector(connection)
    connection.commit()
