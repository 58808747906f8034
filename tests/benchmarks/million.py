"""From ten thousand chunks to a million: build time, sizes, latency and recall, each size on top of the one before.

The first are real tickets; the others are copies of them with noise (noise.py). By default it ends at 100,000, in
minutes; ``--set sizes=10000,100000,300000,1000000`` takes hours on two cores, and some 12 GB of disk.
docs/scaling.md carries the curve on.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path

from asking import latencies, recall
from cached_model import cached_embedder
from corpus import COLLECTION, Corpus, database, load, progress, reader, settle, timed
from figures import Figure, percentiles
from noise import Copies
from processes import temporary_folder
from psycopg_pool import ConnectionPool

from indexer import terms
from indexer.embedding import Embedder
from indexer.vector_index import drop_indexes, settle_index

#: Who asks: everybody, and one who may read little of it.
SHARES = (100, 30, 1)
#: Vectors in the sample that says what pgvector's two types cost.
_SAMPLE = 20_000
_WARM_UP = 30


def measure(
    repeats: int,
    *,
    sizes: str = "10000,100000",
    real: int = 100_000,
    questions: int = 100,
    shared_buffers: str = "256MB",
    cache: Path | None = None,
) -> list[Figure]:
    """Load up to each size in turn, and measure there.

    Args:
        repeats: without a meaning here: each question is asked once of each size.
        sizes: numbers of chunks, rising, with commas between.
        real: how many of them are real; the others are noisy copies of these.
        questions: of each measurement.
        shared_buffers: of the server; as it ships by default.
        cache: a folder for the vectors of the real ones between runs.
    """
    if not COLLECTION.exists():
        print("million: skipped, the real data (../shared/data) is not beside this checkout", file=sys.stderr)
        return []
    figures: list[Figure] = []
    steps = [int(size) for size in sizes.split(",")]
    for real_size in [size for size in steps if size < real]:
        figures += _real_alone(real_size, questions, shared_buffers, cache)
    larger = [size for size in steps if size >= real]
    if larger:
        figures += _with_copies(real, larger, questions, shared_buffers, cache)
    return figures


def _real_alone(chunks: int, questions: int, shared_buffers: str, cache: Path | None) -> list[Figure]:
    with (
        temporary_folder() as folder,
        database(folder / "data", shared_buffers=shared_buffers) as (_, pool),
    ):
        embedder, model = cached_embedder(cache or folder / "vectors")
        corpus = load(pool, embedder, model, chunks=chunks)
        return _measure_size(pool, embedder, corpus, chunks, questions)


def _with_copies(
    real: int, sizes: Sequence[int], questions: int, shared_buffers: str, cache: Path | None
) -> list[Figure]:
    figures: list[Figure] = []
    with (
        temporary_folder() as folder,
        database(folder / "data", shared_buffers=shared_buffers) as (_, pool),
    ):
        embedder, model = cached_embedder(cache or folder / "vectors")
        corpus = load(pool, embedder, model, chunks=real)
        copies, now = Copies(pool, corpus.model_id), corpus.chunks
        for size in sizes:
            if size > now:
                drop_indexes(pool, corpus.model_id)
                with timed(corpus.seconds, "store"):
                    now += copies.add(size - now)
                with timed(corpus.seconds, "vector index"):
                    settle_index(pool, corpus.model_id)
                with timed(corpus.seconds, "figures of terms"):
                    terms.true_up(pool)
                settle(pool)
            found = _measure_size(pool, embedder, corpus, now, questions)
            for figure in found:
                progress(f"{figure.name}: {figure.value:.4g} {figure.unit}")
            figures += found
        figures += _types(pool, corpus.model_id)
    return figures


def _measure_size(
    pool: ConnectionPool, embedder: Embedder, corpus: Corpus, chunks: int, questions: int
) -> list[Figure]:
    name = f"{chunks:,} chunks"
    asked = list(corpus.questions)
    random.Random(4).shuffle(asked)
    latencies(pool, embedder, asked[:_WARM_UP], reader(100))
    figures = [
        Figure(name=f"{name}: {what}", value=corpus.seconds[what], unit="s")
        for what in ("vector index", "figures of terms")
    ]
    figures += _sizes(pool, name, chunks)
    for share in SHARES:
        progress(f"{name}: asking as one who may read {share} %")
        times = latencies(pool, embedder, asked[_WARM_UP : _WARM_UP + questions], reader(share))
        figures += percentiles(f"{name}: search, reads {share} %", times, "ms")
        found = recall(pool, embedder, corpus.model_id, asked[:questions], reader(share))
        figures.append(
            Figure(name=f"{name}: vector leg, reads {share} %, recall@10", value=found.at_10, unit="")
        )
        figures += percentiles(f"{name}: vector leg, reads {share} %", found.times, "ms")
    return figures


def _sizes(pool: ConnectionPool, name: str, chunks: int) -> list[Figure]:
    """Bytes a chunk of each table with its TOAST, and of each kind of index."""
    with pool.connection() as connection:
        rows = connection.execute(
            "select c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid) from pg_class c "
            "where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' "
            "and pg_total_relation_size(c.oid) > pg_database_size(current_database()) / 200"
        ).fetchall()
        (hnsw,) = connection.execute(
            "select coalesce(sum(pg_relation_size(c.oid)), 0)::bigint from pg_class c join pg_am a on a.oid = c.relam "
            "where c.relnamespace = current_schema()::regnamespace and a.amname = 'hnsw'"
        ).fetchone() or (0,)
        (whole,) = connection.execute("select pg_database_size(current_database())").fetchone() or (0,)
        postings, words = connection.execute(
            "select (select count(*) from postings), (select count(*) from terms)"
        ).fetchone() or (0, 0)
    figures = []
    for table, size, indexes in sorted(rows):
        figures.append(Figure(name=f"{name}: table {table}", value=size / chunks, unit="B/chunk"))
        if indexes:
            figures.append(Figure(name=f"{name}: indexes of {table}", value=indexes / chunks, unit="B/chunk"))
    return [
        *figures,
        Figure(name=f"{name}: of them HNSW", value=hnsw / chunks, unit="B/chunk"),
        Figure(name=f"{name}: the whole database", value=whole / chunks, unit="B/chunk"),
        Figure(name=f"{name}: postings", value=postings / chunks, unit="1/chunk"),
        Figure(name=f"{name}: terms", value=words, unit=""),
    ]


def _types(pool: ConnectionPool, model_id: int) -> list[Figure]:
    """What a vector takes as halfvec and as vector, in the table and in the index, on a sample."""
    figures = []
    with pool.connection() as connection:
        connection.execute("set local statement_timeout = 0")
        (dimensions,) = connection.execute(
            "select dimensions from embedding_models where id = %s", [model_id]
        ).fetchone() or (0,)
        for kind in ("halfvec", "vector"):
            connection.execute(
                f"create temporary table sample_{kind} on commit drop as "
                f"select chunk_id, embedding::halfvec({dimensions})::{kind}({dimensions}) as embedding "
                "from embeddings where model_id = %s limit %s",
                [model_id, _SAMPLE],
            )
            connection.execute(
                f"create index index_{kind} on sample_{kind} using hnsw (embedding {kind}_cosine_ops) with (m = 32)"
            )
            for what, relation in (("table", f"sample_{kind}"), ("index", f"index_{kind}")):
                (size,) = connection.execute("select pg_table_size(%s::regclass)", [relation]).fetchone() or (
                    0,
                )
                figures.append(Figure(name=f"{kind}, {what}", value=size / _SAMPLE, unit="B/vector"))
    return figures
