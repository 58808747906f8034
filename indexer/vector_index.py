"""The HNSW index of a model's vectors: built when there are enough of them to be worth it.

Below that number every search scans exactly, and an index would only make storing slower. It is built beside running
searches and refreshes; one with other parameters, from an earlier version, is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import structlog
from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from indexer.statements import load

SQL = load("indexer", "vectors.sql")

log = structlog.get_logger(__name__)

#: Vectors from which on a model gets its index; an exact scan of as many takes a few milliseconds.
INDEX_FROM = 10_000

#: With ef_search = 200 nine neighbours of ten are found by m = 16, 98.5 % by these (measured on 100,000 chunks).
_HNSW = {"m": 32, "ef_construction": 200}

#: pgvector indexes halfvec up to here; longer vectors are scanned.
_MOST_DIMENSIONS = 4_000

#: Bytes of the graph for each vector beside its numbers, generously; and never more than this for all.
_GRAPH_BYTES, _MOST_MEMORY = 1_200, 2 << 30

#: Parallel builds share memory by /dev/shm, of which containers often have 64 MB.
_WORKERS = 2


def settle_index(pool: ConnectionPool, model_id: int) -> None:
    """Build the model's index if it should have one and has none that is whole; drop those that it should not have.

    Returns at once where another process is at it.
    """
    with _session(pool) as connection:
        (locked,) = connection.execute(SQL["lock_index"]).fetchone() or (False,)
        if not locked:
            return
        try:
            _settle(connection, model_id)
        finally:
            with suppress(psycopg.OperationalError):
                connection.execute(SQL["unlock_index"])


def drop_indexes(pool: ConnectionPool, model_id: int) -> None:
    """Drop every index of the model."""
    with _session(pool) as connection:
        for name in _indexes(connection, model_id):
            _drop(connection, name)


def _settle(connection: Connection, model_id: int) -> None:
    dimensions = _dimensions(connection, model_id)
    parameters = {"model_id": model_id, "limit": INDEX_FROM}
    (found,) = connection.execute(SQL["count_up_to"], parameters).fetchone() or (0,)
    name = f"embeddings_hnsw_{model_id}_m{_HNSW['m']}"
    wanted = found >= INDEX_FROM and dimensions <= _MOST_DIMENSIONS
    whole = _indexes(connection, model_id)
    if wanted and not whole.get(name, False):
        if name in whole:
            _drop(connection, name)  # what a build that was killed left behind
        _build(connection, name, model_id, dimensions)
    for other in whole:
        if other != name or not wanted:
            _drop(connection, other)


def _indexes(connection: Connection, model_id: int) -> dict[str, bool]:
    """The model's indexes and whether each is whole."""
    rows = connection.execute(SQL["indexes"], {"pattern": f"^embeddings_hnsw_{model_id}(_|$)"})
    return {name: valid for name, valid, _ in rows}


def _build(connection: Connection, name: str, model_id: int, dimensions: int) -> None:
    (count,) = connection.execute(
        "select count(*) from embeddings where model_id = %s", [model_id]
    ).fetchone() or (0,)
    memory = min(_MOST_MEMORY, max(64 << 20, count * (_GRAPH_BYTES + 2 * dimensions)))
    statement = sql.SQL(
        "create index concurrently {} on embeddings using hnsw "
        "((embedding::halfvec({})) halfvec_cosine_ops) with (m = {}, ef_construction = {}) where model_id = {}"
    ).format(sql.Identifier(name), *map(sql.Literal, (dimensions, *_HNSW.values(), model_id)))
    log.info("vector_index_build", model=model_id, vectors=count)
    for workers in (_WORKERS, 0):
        settings = {"memory": f"{memory >> 10}kB", "workers": str(workers)}
        connection.execute(SQL["index_settings"], settings)
        try:
            connection.execute(statement)
            break
        except psycopg.errors.DiskFull:
            _drop(connection, name)
            if not workers:
                raise
    log.info("vector_index_built", model=model_id, vectors=count)


def _drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("drop index if exists {}").format(sql.Identifier(name)))


def _dimensions(connection: Connection, model_id: int) -> int:
    row = connection.execute("select dimensions from embedding_models where id = %s", [model_id]).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _session(pool: ConnectionPool) -> Iterator[Connection]:
    """A connection that commits each statement, as building an index beside writers demands."""
    with pool.connection() as connection:
        connection.autocommit = True
        try:
            yield connection
        finally:
            with suppress(psycopg.OperationalError):
                connection.execute(SQL["reset_settings"])
                connection.autocommit = False
