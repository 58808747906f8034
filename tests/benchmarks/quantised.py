"""Binary quantisation with re-scoring on real vectors: recall@10 and speed by how many candidates are re-scored.

Each vector is kept as one bit a dimension (pgvector's ``binary_quantize``) in an HNSW index; the candidates that are
nearest by Hamming distance are sorted again by their half-precision vectors. docs/scaling.md draws the conclusions.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from asking import TIE
from cached_model import cached_embedder
from corpus import COLLECTION, chunk_texts, database, progress
from figures import Figure, percentiles
from numpy.typing import NDArray
from pgvector import HalfVector
from processes import temporary_folder
from psycopg import Connection

from lorebot.evaluation.judged import read_judged

#: Candidates re-scored for each of the ten that are wanted.
OVERSAMPLING = (1, 4, 10, 20, 40, 80)

#: At least; as many as candidates are wanted where that is more.
_EF_SEARCH = 100

_QUERY = """
select c.id, c.embedding <=> %(vector)s as distance from (
    select id, embedding from quantised
    order by bits <~> binary_quantize(%(vector)s::halfvec({dimensions})) limit %(candidates)s) as c
order by distance limit 10
"""


def measure(
    repeats: int, *, chunks: int = 100_000, questions: int = 150, cache: Path | None = None
) -> list[Figure]:
    """Recall and latency of the same questions at each factor, through the index and by a scan of all bits.

    Args:
        repeats: of each question; the last counts.
        chunks: how many vectors.
        questions: how many.
        cache: a folder for the vectors between runs.
    """
    if not COLLECTION.exists():
        print(
            "quantised: skipped, the real data (../shared/data) is not beside this checkout", file=sys.stderr
        )
        return []
    with temporary_folder() as folder, database(folder / "data") as (_, pool):
        embedder, model = cached_embedder(cache or folder / "vectors")
        vectors = model.encode(chunk_texts(embedder, chunks))
        asked = list(read_judged(COLLECTION, limit=None).queries.values())
        random.Random(3).shuffle(asked)
        questions_vectors = embedder.encode(asked[:questions], query=True)
        with pool.connection() as connection:
            connection.execute("set statement_timeout = 0")
            seconds = _build(connection, vectors)
            sizes = connection.execute(
                "select pg_relation_size('quantised_bits'), pg_relation_size('quantised_half')"
            ).fetchone()
            assert sizes, "the indexes are there"
            figures = [
                Figure(name="vectors", value=len(vectors), unit=""),
                Figure(name="index of bits, built", value=seconds[0], unit="s"),
                Figure(name="index of halfvec, built", value=seconds[1], unit="s"),
                Figure(name="index of bits, a vector", value=sizes[0] / len(vectors), unit="B"),
                Figure(name="index of halfvec, a vector", value=sizes[1] / len(vectors), unit="B"),
            ]
            connection.execute("drop index quantised_half")
            exact = _exact(vectors, questions_vectors)
            for how, setting in (("index", "off"), ("scan", "on")):
                connection.execute(f"set enable_indexscan = {'on' if how == 'index' else 'off'}")
                connection.execute(f"set enable_seqscan = {setting}")
                for factor in OVERSAMPLING:
                    progress(f"{how}, {factor} candidates for each")
                    figures += _ask(
                        connection, f"{how}, {factor}x", factor, questions_vectors, exact, repeats
                    )
        return figures


def _build(connection: Connection, vectors: NDArray[np.float32]) -> tuple[float, float]:
    """Seconds of the index of bits and of that of halfvec."""
    dimensions = vectors.shape[1]
    connection.execute(
        f"create table quantised (id int primary key, embedding halfvec({dimensions}), bits bit({dimensions}))"
    )
    progress(f"copying {len(vectors):,} vectors")
    with connection.cursor().copy("copy quantised (id, embedding) from stdin with (format binary)") as copy:
        copy.set_types(["int4", "halfvec"])
        for number, vector in enumerate(vectors):
            copy.write_row((number, HalfVector(vector)))
    connection.execute("update quantised set bits = binary_quantize(embedding)")
    connection.commit()
    connection.autocommit = True
    connection.execute("vacuum full analyze quantised")
    connection.autocommit = False
    connection.execute("set maintenance_work_mem = '1GB'")
    seconds = []
    for name, column in (
        ("quantised_bits", "bits bit_hamming_ops"),
        ("quantised_half", "embedding halfvec_cosine_ops"),
    ):
        progress(f"building {name}")
        started = time.perf_counter()
        connection.execute(
            f"create index {name} on quantised using hnsw ({column}) with (m = 16, ef_construction = 200)"
        )
        seconds.append(time.perf_counter() - started)
    return seconds[0], seconds[1]


def _exact(vectors: NDArray[np.float32], questions: NDArray[np.float32]) -> list[float]:
    """The cosine distance of each question's tenth."""
    return [float(1 - np.partition(vectors @ question, -10)[-10]) for question in questions]


def _ask(
    connection: Connection,
    name: str,
    factor: int,
    questions: NDArray[np.float32],
    exact: Sequence[float],
    repeats: int,
) -> list[Figure]:
    statement = _QUERY.format(dimensions=questions.shape[1])
    connection.execute(f"set hnsw.ef_search = {max(_EF_SEARCH, 10 * factor)}")
    for _ in range(max(2, repeats)):
        times, shares = [], []
        for vector, tenth in zip(questions, exact, strict=True):
            parameters = {"vector": HalfVector(vector), "candidates": 10 * factor}
            started = time.perf_counter()
            rows = connection.execute(statement, parameters).fetchall()
            times.append((time.perf_counter() - started) * 1000)
            shares.append(min(1.0, sum(distance <= tenth + TIE for _, distance in rows) / 10))
    return [
        Figure(name=f"{name}, recall@10", value=sum(shares) / len(shares), unit=""),
        *percentiles(name, times, "ms"),
    ]
