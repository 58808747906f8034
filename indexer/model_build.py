"""Another embedding model: its vectors are made beside those in use, then all searches change over at once.

What was made is kept, so that a build that was killed goes on where it stopped. Searches and refreshes go on meanwhile
with the model in use; what refreshes store gets its vector of the new model too before that becomes live.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
import structlog
from psycopg import Connection
from psycopg_pool import ConnectionPool

from indexer.blending import encode_chunks
from indexer.embedding import Embedder, Model
from indexer.errors import IndexerError
from indexer.locks import own_connection
from indexer.models import follow, register
from indexer.statements import load
from indexer.vector_index import drop_indexes, settle_index
from indexer.vectors import SQL as VECTORS
from indexer.vectors import Embedded, chunks_without_vector, embed_chunks, store_vectors

SQL = load("indexer", "models.sql")

log = structlog.get_logger(__name__)

#: So many chunks are embedded while refreshes wait; more are embedded before.
_LAST_FEW = 64

#: Seconds that the former model's vectors stay for searches that are under way with them.
_GRACE = 2.0

#: Seconds before the change is tried again.
_PAUSE = 0.2

#: Milliseconds that others' transactions are waited for before the change; then it is tried again.
_PATIENCE = "5000"


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What a build did."""

    model: str
    #: The model that was live before; None when nothing had to change.
    before: str | None
    #: Chunks that got a vector in this run.
    embedded: int
    #: Of them, longer than the model's window.
    in_pieces: int


def build_model(
    pool: ConnectionPool, embedder: Embedder, model: Model, *, progress: Callable[[int, int], None]
) -> BuildReport:
    """Make this model the live one, once every chunk has its vector of it; the former one's vectors are then dropped.

    For the model that is live already, a build of another that was begun is given up.

    Args:
        pool: of the index.
        embedder: follows the change; other processes do so at their next question.
        model: the new model.
        progress: told how many chunks are done, of how many; what it raises interrupts the build, which goes on from
            there the next time.

    Raises:
        EmbeddingError: the model cannot be used.
        IndexerError: another build is running.
    """
    with _one_build(pool):
        before = follow(pool, embedder)
        with pool.connection() as connection:
            model_id = before.id if before.name == model.name else register(connection, model)
            connection.execute(SQL["begin_build"], {"id": None if model_id == before.id else model_id})
        done = Embedded()
        if model_id != before.id:
            log.info("model_build", model=model.name, before=before.name)
            done = _embed_all(pool, model, model_id, progress)
            while not _switch(pool, model, model_id):
                time.sleep(_PAUSE)
                done += _embed_all(pool, model, model_id, progress)
            log.info("model_live", model=model.name, before=before.name, in_pieces=done.in_pieces)
            embedder.adopt(model)
            time.sleep(_GRACE)
        drop_retired(pool)
    changed = model_id != before.id
    return BuildReport(
        model=model.name,
        before=before.name if changed else None,
        embedded=done.chunks,
        in_pieces=done.in_pieces,
    )


def drop_retired(pool: ConnectionPool) -> None:
    """Drop the vectors and indexes of models that are neither live nor being built."""
    with pool.connection() as connection:
        retired = [row[0] for row in connection.execute(SQL["retired"])]
    for model_id in retired:
        drop_indexes(pool, model_id)
        gone = 1
        while gone:
            with pool.connection() as connection:
                gone = connection.execute(SQL["delete_vectors"], {"id": model_id}).rowcount


def _embed_all(
    pool: ConnectionPool, model: Model, model_id: int, progress: Callable[[int, int], None]
) -> Embedded:
    with pool.connection() as connection:
        ids = _missing(connection, model_id)
    done = embed_chunks(pool, ids, model, model_id, progress=progress)
    settle_index(pool, model_id)
    return done


def _switch(pool: ConnectionPool, model: Model, model_id: int) -> bool:
    """Make the model live if all but a few chunks have its vector, which those get first; else False."""
    try:
        with pool.connection() as connection:
            connection.execute("select set_config('lock_timeout', %s, true)", [_PATIENCE])
            connection.execute(SQL["lock_chunks"])
            ids = _missing(connection, model_id)
            if len(ids) > _LAST_FEW:
                return False
            if ids:
                rows = chunks_without_vector(connection, ids, model_id)
                vectors, _ = encode_chunks(model, rows)
                store_vectors(connection, model_id, model.name, [row.chunk_id for row in rows], vectors)
                if _missing(connection, model_id):
                    # Somebody is changing one of them just now, and its vector was left out.
                    return False
            connection.execute(SQL["lock_models"])
            connection.execute(SQL["retire"])
            connection.execute(SQL["make_live"], {"id": model_id})
        return True
    except psycopg.errors.LockNotAvailable:
        # A refresh is storing something large. Meanwhile others go on.
        return False


def _missing(connection: Connection, model_id: int) -> list[int]:
    rows = connection.execute(VECTORS["all_without_vector"], {"model_id": model_id})
    return [row[0] for row in rows]


@contextmanager
def _one_build(pool: ConnectionPool) -> Iterator[None]:
    """Hold the lock of builds, on a connection of its own: it lives as long as the process, kill -9 included."""
    with own_connection(pool) as connection:
        (locked,) = connection.execute(SQL["lock_build"]).fetchone() or (False,)
        if not locked:
            raise IndexerError("Another embedding model is being built just now; wait until that is done.")
        try:
            yield
        finally:
            with suppress(psycopg.OperationalError):
                connection.execute(SQL["unlock_build"])
