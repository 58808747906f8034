"""pgbench with the bare HNSW query: what the server gives to clients without permissions, words or a model."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg_pool import ConnectionPool

from lorebot.database.installation import Installation

_SCRIPT = """\\set number random(1, {questions})
select e.chunk_id from embeddings e where e.model_id = {model_id}
order by e.embedding::halfvec({dimensions}) <=>
    (select q.vector from benchmark_questions q where q.id = :number)::halfvec({dimensions})
limit 10;
"""


@dataclass(frozen=True, kw_only=True)
class Bare:
    """The bare query at one ``hnsw.ef_search``."""

    ef_search: int
    per_second: float
    recall_at_10: float


def prepare(pool: ConnectionPool, vectors: NDArray[np.float32]) -> None:
    """Put the questions' vectors where pgbench finds them."""
    with pool.connection() as connection:
        dimensions = vectors.shape[1]
        connection.execute(
            f"create table benchmark_questions (id int primary key, vector halfvec({dimensions}))"
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into benchmark_questions values (%s, %s)",
                [(number, HalfVector(vector)) for number, vector in enumerate(vectors, 1)],
            )
        connection.execute("analyze benchmark_questions")


def run(
    installation: Installation,
    pool: ConnectionPool,
    model_id: int,
    folder: Path,
    *,
    ef_search: int,
    clients: int,
    seconds: float,
) -> Bare:
    """So many clients for so long."""
    (count, dimensions), recall = _recall(pool, model_id, ef_search)
    script = folder / "bare.sql"
    script.write_text(_SCRIPT.format(questions=count, model_id=model_id, dimensions=dimensions), "utf-8")
    server = [f"--host={installation.socket_folder}", "--username=postgres", "postgres"]
    arguments = ["--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2"]
    arguments += [f"--time={max(1, round(seconds))}", f"--file={script}"]
    output = subprocess.run(
        [installation.bin / "pgbench", *arguments, *server],
        env=os.environ | {"PGOPTIONS": f"-c hnsw.ef_search={ef_search} -c jit=off"},
        check=True,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    ).stdout
    found = re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)
    assert found, f"pgbench tells its rate: {output}"
    return Bare(ef_search=ef_search, per_second=float(found[1]), recall_at_10=recall)


def _recall(pool: ConnectionPool, model_id: int, ef_search: int) -> tuple[tuple[int, int], float]:
    """Questions and dimensions; and how many of the ten nearest the bare query finds (ties forgiven)."""
    with pool.connection() as connection:
        vectors: Sequence[HalfVector] = [
            row[0]
            for row in connection.execute("select vector from benchmark_questions order by id limit 100")
        ]
        (count,) = connection.execute("select count(*) from benchmark_questions").fetchone() or (0,)
        dimensions = vectors[0].dimensions()
        connection.execute(f"set local hnsw.ef_search = {ef_search}")
        shares = []
        for vector in vectors:
            indexed, exact = (
                [
                    distance
                    for (distance,) in connection.execute(
                        f"select e.embedding <=> %(v)s from embeddings e where e.model_id = {model_id} "
                        f"order by e.embedding{cast} <=> %(v)s::halfvec{cast.removeprefix('::halfvec')} limit 10",
                        {"v": vector},
                    )
                ]
                for cast in (f"::halfvec({dimensions})", "")
            )
            shares.append(min(1.0, sum(each <= exact[-1] + 1e-4 for each in indexed) / len(exact)))
    return (count, dimensions), sum(shares) / len(shares)
