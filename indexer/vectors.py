"""Embeddings in Postgres: which chunks still lack one, and storing them.

Vectors are kept per model in one narrow table, with a partial HNSW index per model, so that another model can
be built beside the one in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pgvector import HalfVector
from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from indexer.embedding import Embedder
from indexer.store import SQL

#: Chunks embedded and stored at a time: enough to sort by length, few enough for a smooth progress bar.
BATCH = 64

#: HNSW's build parameters (pgvector's README); the defaults lose a tenth of the neighbours more.
_HNSW = "m = 16, ef_construction = 200"


def ensure_model(pool: ConnectionPool, embedder: Embedder) -> int:
    """The id that vectors of this model are stored under; a new model gets its own partial index."""
    with pool.connection() as connection:
        row = connection.execute(
            "select id from embedding_models where name = %s", [embedder.name]
        ).fetchone()
        if row is not None:
            return int(row[0])
        dimensions = embedder.dimensions
        parameters = {"name": embedder.name, "dimensions": dimensions}
        (model_id,) = connection.execute(SQL["model_id"], parameters).fetchone() or (0,)
        connection.execute(
            sql.SQL(
                "create index if not exists {} on embeddings using hnsw "
                "((embedding::halfvec({})) halfvec_cosine_ops) with ({}) where model_id = {}"
            ).format(
                sql.Identifier(f"embeddings_hnsw_{model_id}"),
                sql.Literal(dimensions),
                sql.SQL(_HNSW),
                sql.Literal(model_id),
            )
        )
        return int(model_id)


def embed_source(
    pool: ConnectionPool, source: str, embedder: Embedder, *, progress: Callable[[int, int], None]
) -> int:
    """Embed every chunk of a source that has no vector yet; return how many were embedded.

    ``progress`` is told how many are done, of how many.
    """
    model_id = ensure_model(pool, embedder)
    with pool.connection() as connection:
        parameters = {"source": source, "model_id": model_id}
        ids = [row[0] for row in connection.execute(SQL["chunks_without_vector"], parameters)]
    embedded = 0
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        embedded += embed_missing(pool, batch, embedder, model_id)
        progress(start + len(batch), len(ids))
    return embedded


def embed_missing(pool: ConnectionPool, ids: Sequence[int], embedder: Embedder, model_id: int) -> int:
    """Embed those of these chunks that have no vector yet, and store them; return how many."""
    with pool.connection() as connection:
        parameters = {"ids": list(ids), "model_id": model_id}
        rows = connection.execute(SQL["missing_among"], parameters).fetchall()
    if not rows:
        return 0
    vectors = embedder.encode([f"{context}\n{text}" if context else text for _, context, text in rows])
    with pool.connection() as connection:
        _store(connection, model_id, [row[0] for row in rows], vectors)
    return len(rows)


def _store(connection: Connection, model_id: int, ids: Sequence[int], vectors: np.ndarray) -> None:
    rows = [
        {"model_id": model_id, "chunk_id": chunk_id, "embedding": HalfVector(vector)}
        for chunk_id, vector in zip(ids, vectors, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(SQL["insert_vector"], rows)
