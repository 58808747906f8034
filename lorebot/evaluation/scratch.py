"""The scratch schema that a collection is indexed in: made for one evaluation, dropped at its end.

Every evaluation holds an advisory lock that is named after its schema; the lock ends with the process, kill -9
included. A schema whose lock is free is therefore left over, and the next evaluation drops it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog
from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from indexer.statements import load
from indexer.terms import prepare
from lorebot.database.pool import open_pool

SQL = load("lorebot.evaluation", "scratch.sql")

log = structlog.get_logger(__name__)


@contextmanager
def scratch_index(database_url: str, *, language: str) -> Iterator[ConnectionPool]:
    """A pool on an empty index of words in this language (``[search] language``).

    Raises:
        IndexerError: the database does not know the language.
    """
    name = f"lorebot_eval_{secrets.token_hex(4)}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        _drop_left_over(connection)
        # Before there is a schema, so that nobody ever sees it without its lock.
        _lock(connection, name)
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
        try:
            with open_pool(database_url, schema=name) as pool:
                prepare(pool, language=language)
                yield pool
        finally:
            _drop(connection, name)


def _drop_left_over(connection: Connection) -> None:
    for (name,) in connection.execute(SQL["schemas"]).fetchall():
        if _lock(connection, name):
            _drop(connection, name)
            connection.execute(SQL["unlock"], {"name": name})
            log.info("evaluation_schema_dropped", schema=name)


def _lock(connection: Connection, name: str) -> bool:
    (locked,) = connection.execute(SQL["lock"], {"name": name}).fetchone() or (False,)
    return bool(locked)


def _drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name)))
