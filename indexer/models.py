"""The embedding models in the database: which one searches use, and following it.

The configuration's model counts while none is live. From then on the database says which one is, and every process
takes it up at its next question or refresh; ``indexer.model_build`` makes another one live.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from psycopg import Connection
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from indexer.embedding import Embedder, Model
from indexer.statements import load

SQL = load("indexer", "models.sql")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A model that the database has, or had, vectors of."""

    id: int
    name: str
    dimensions: int
    #: A folder or address; None: the model of that name that comes along, or is configured.
    location: str | None
    #: Searches use it.
    live: bool
    #: Its vectors are being made.
    building: bool
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class LiveModel:
    """The model that searches use: the id of its vectors, and what makes them."""

    id: int
    name: str
    model: Model


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How far a model's vectors are."""

    name: str
    live: bool
    embedded: int
    chunks: int


def live(pool: ConnectionPool) -> StoredModel | None:
    """The model that searches use; None before the first vector."""
    with pool.connection() as connection:
        return _live(connection)


def follow(pool: ConnectionPool, embedder: Embedder) -> LiveModel:
    """Let the embedder go on with the live model; where none is live, its own becomes that.

    One short statement where nothing has changed. The vectors of a model that is replaced stay for some seconds, so
    that a search that has just asked for it here still finds them.

    Raises:
        EmbeddingError: the live model is not on this machine.
    """
    found = live(pool) or _first(pool, embedder.model)
    model = embedder.model
    while not model.matches(found.name, found.location):
        log.info("embedding_model_followed", model=found.name)
        model = embedder.use(found.name, found.location)
        # The first time it is exported, which takes so long that another may be live by then.
        model.load()
        found = live(pool) or found
    return LiveModel(id=found.id, name=found.name, model=model)


def register(connection: Connection, model: Model) -> int:
    """The id that the model's vectors are stored under."""
    parameters = {"name": model.name, "dimensions": model.dimensions, "location": model.location}
    row = connection.execute(SQL["register"], parameters).fetchone()
    assert row is not None, "insert … returning gives a row"
    return int(row[0])


def coverage(pool: ConnectionPool) -> list[Coverage]:
    """How far the vectors of the live model are, and of the one that is being built."""
    with pool.connection() as connection:
        known = {model.id: model for model in _all(connection)}
        rows = connection.execute(SQL["coverage"]).fetchall()
    return [
        Coverage(name=known[id_].name, live=known[id_].live, embedded=embedded, chunks=chunks)
        for id_, embedded, chunks in rows
    ]


def stored(pool: ConnectionPool) -> list[StoredModel]:
    """Every model that the database knows, the oldest first."""
    with pool.connection() as connection:
        return _all(connection)


def _all(connection: Connection) -> list[StoredModel]:
    with connection.cursor(row_factory=class_row(StoredModel)) as cursor:
        return cursor.execute(SQL["all"]).fetchall()


def _live(connection: Connection) -> StoredModel | None:
    with connection.cursor(row_factory=class_row(StoredModel)) as cursor:
        return cursor.execute(SQL["live"]).fetchone()


def _first(pool: ConnectionPool, model: Model) -> StoredModel:
    _ = model.dimensions  # loaded now, and not while others wait for the lock
    with pool.connection() as connection:
        connection.execute(SQL["lock_models"])
        if _live(connection) is None:
            connection.execute(SQL["first_live"], {"id": register(connection, model)})
        found = _live(connection)
    assert found is not None, "it has just been made live"
    return found
