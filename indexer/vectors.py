"""Embeddings in Postgres: which chunks still lack one, making them, and storing them.

Vectors are kept per model in one narrow table, so that another model can be built beside the one in use. Reading
texts, embedding and storing overlap: while one batch is embedded, the next is read and the last one stored.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
import psycopg
import structlog
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import Connection
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from indexer.blending import Embeddable, encode_chunks
from indexer.embedding import Embedder, Model
from indexer.errors import IndexerError
from indexer.models import follow, live
from indexer.statements import load
from indexer.vector_index import settle_index

SQL = load("indexer", "vectors.sql")

log = structlog.get_logger(__name__)

#: Chunks embedded and stored at a time: enough to sort by length, few enough for a smooth progress bar.
BATCH = 128

#: From so many on it pays to find out first what embeds fastest here.
_MANY = 1_000


#: Seconds between two looks for new chunks while others are being stored.
_BESIDE = 0.5


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """What became of some chunks."""

    #: That have got a vector.
    chunks: int = 0
    #: Of them, longer than the model's window: the mean of their pieces' vectors stands for them.
    in_pieces: int = 0

    def __add__(self, other: Embedded) -> Embedded:
        return Embedded(chunks=self.chunks + other.chunks, in_pieces=self.in_pieces + other.in_pieces)


@dataclass(frozen=True, kw_only=True)
class _Batch:
    model: str
    ids: list[int]
    vectors: NDArray[np.float32]
    in_pieces: int


def ensure_model(pool: ConnectionPool, embedder: Embedder) -> int:
    """The id that the live model's vectors are stored under; the embedder goes on with that model."""
    return follow(pool, embedder).id


def embed_source(
    pool: ConnectionPool, source: str, embedder: Embedder, *, progress: Callable[[int, int], None]
) -> int:
    """Embed every chunk of a source that has no vector of the live model yet; return how many were embedded.

    ``progress`` is told how many are done, of how many.
    """
    embedded = _embed_source(pool, source, embedder, progress)
    settle_live_index(pool)
    return embedded


@contextmanager
def embedding_beside(pool: ConnectionPool, source: str, embedder: Embedder) -> Iterator[Callable[[], int]]:
    """Embed what is stored while the block goes on storing; what it gives says how many were embedded in the end.

    What is missing afterwards, and what went wrong, is left to ``embed_source``.
    """
    stop = threading.Event()
    embedded: list[int] = []

    def work() -> None:
        with suppress(IndexerError, psycopg.Error):
            while not stop.wait(_BESIDE):
                embedded.append(_embed_source(pool, source, embedder, lambda *_: None, stop))

    thread = threading.Thread(target=work, name=f"embed-{source}")
    thread.start()
    try:
        yield lambda: sum(embedded)
    finally:
        stop.set()
        thread.join()


def _embed_source(
    pool: ConnectionPool,
    source: str,
    embedder: Embedder,
    progress: Callable[[int, int], None],
    stop: threading.Event | None = None,
) -> int:
    current = follow(pool, embedder)
    with pool.connection() as connection:
        parameters = {"source": source, "model_id": current.id}
        ids = [row[0] for row in connection.execute(SQL["source_without_vector"], parameters)]
    return embed_chunks(pool, ids, current.model, current.id, progress=progress, stop=stop).chunks


def settle_live_index(pool: ConnectionPool) -> None:
    """See to the index of the live model's vectors, which searches have made since."""
    model = live(pool)
    if model:
        settle_index(pool, model.id)


def embed_chunks(
    pool: ConnectionPool,
    ids: Sequence[int],
    model: Model,
    model_id: int,
    *,
    progress: Callable[[int, int], None],
    stop: threading.Event | None = None,
) -> Embedded:
    """Embed those of these chunks that have no vector yet, in order, and store them; ``stop`` leaves the rest."""
    if len(ids) >= _MANY:
        model.tune()
    batches = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    total, storing = Embedded(), None
    with ThreadPoolExecutor(2, thread_name_prefix="vectors") as threads:
        reading: Future[list[Embeddable]] | None = None
        for number, batch in enumerate(batches):
            if stop and stop.is_set():
                break
            rows = reading.result() if reading else _read(pool, batch, model_id)
            if number + 1 < len(batches):
                reading = threads.submit(_read, pool, batches[number + 1], model_id)
            made = _embed(rows, model)
            if storing:
                total += storing.result()
                progress(number * BATCH, len(ids))
            storing = threads.submit(_store, pool, made, model_id)
        if storing:
            total += storing.result()
            progress(len(ids), len(ids))
    if total.in_pieces:
        log.info("chunks_embedded_in_pieces", model=model.name, chunks=total.in_pieces, of=total.chunks)
    return total


def embed_missing(pool: ConnectionPool, ids: Sequence[int], embedder: Embedder, model_id: int) -> int:
    """Embed those of these chunks that have no vector of the model in use yet, and store them; return how many."""
    return embed_few(pool, ids, embedder.model, model_id).chunks


def embed_few(pool: ConnectionPool, ids: Sequence[int], model: Model, model_id: int) -> Embedded:
    """The same at once: for a handful."""
    rows = _read(pool, ids, model_id)
    return _store(pool, _embed(rows, model), model_id) if rows else Embedded()


def store_vectors(
    connection: Connection, model_id: int, model: str, ids: Sequence[int], vectors: NDArray[np.float32]
) -> int:
    """Store the vectors of these chunks, as far as they still exist; return how many are new.

    Nothing is stored where the id is not that of the model of this name, or where the model was retired.
    """
    parameters = {
        "model_id": model_id,
        "model": model,
        "ids": list(ids),
        "vectors": [HalfVector(vector) for vector in vectors],
    }
    return connection.execute(SQL["insert_vectors"], parameters).rowcount


def chunks_without_vector(connection: Connection, ids: Sequence[int], model_id: int) -> list[Embeddable]:
    """Those of these chunks that have no vector of the model yet."""
    with connection.cursor(row_factory=class_row(Embeddable)) as cursor:
        return cursor.execute(SQL["missing_among"], {"ids": list(ids), "model_id": model_id}).fetchall()


def _read(pool: ConnectionPool, ids: Sequence[int], model_id: int) -> list[Embeddable]:
    with pool.connection() as connection:
        return chunks_without_vector(connection, ids, model_id)


def _embed(rows: Sequence[Embeddable], model: Model) -> _Batch:
    vectors, in_pieces = encode_chunks(model, rows)
    ids = [row.chunk_id for row in rows]
    return _Batch(model=model.name, ids=ids, vectors=vectors, in_pieces=in_pieces)


def _store(pool: ConnectionPool, batch: _Batch, model_id: int) -> Embedded:
    if not batch.ids:
        return Embedded()
    with pool.connection() as connection:
        stored = store_vectors(connection, model_id, batch.model, batch.ids, batch.vectors)
    return Embedded(chunks=stored, in_pieces=batch.in_pieces)
