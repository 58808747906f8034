"""LangChain's and LlamaIndex's stores for Postgres beside Lorebot, on the same server, chunks, vectors and questions.

Each runs in a virtual environment of its own, with the current releases of PyPI, made in the cache folder when it is
first needed. Nobody embeds: what is measured is storing and searching alone. The chunks are Lorebot's, as text with
their title in front. The collection is ``../shared/data/judged/titanium-small``: 3,000 real tickets.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from cached_model import cached_embedder
from corpus import database, progress
from figures import Figure, percentiles
from processes import temporary_folder
from psycopg_pool import ConnectionPool

from connectors.collection import CollectionConnector
from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.refresh import refresh
from indexer.search import search
from lorebot.evaluation.judged import Judged, read_judged
from lorebot.evaluation.scores import FIGURES, score_queries

COLLECTION = Path(__file__).parents[3] / "shared" / "data" / "judged" / "titanium-small"
_SCRIPTS = Path(__file__).with_name("peers")

#: Script and PyPI packages of each store.
STORES = {
    "langchain_store.py": ["langchain-postgres", "psycopg[binary]"],
    "llamaindex_store.py": ["llama-index-vector-stores-postgres", "psycopg2-binary"],
}
#: Documents that are looked at: ten, and those that are not to be found.
_DEPTH = 30


@dataclass(frozen=True, kw_only=True)
class Store:
    """What was measured of a store."""

    name: str
    documents_per_second: float
    #: Milliseconds of each search.
    times: Sequence[float]
    ndcg: float


def measure(repeats: int, *, cache: Path | None = None) -> list[Figure]:
    """One store after another; each question is asked twice and counted once.

    Args:
        repeats: without a meaning here.
        cache: a folder for vectors and packages between runs; without it, the packages are in a temporary folder.
    """
    if not COLLECTION.exists():
        print("peers: skipped, the real data (../shared/data) is not beside this checkout", file=sys.stderr)
        return []
    judged = read_judged(COLLECTION, limit=None)
    with temporary_folder() as folder, database(folder / "data") as (_, pool):
        embedder, _ = cached_embedder(cache or folder / "vectors", questions=True)
        stores = [_lorebot(pool, embedder, judged)]
        material = folder / "material"
        documents = _write_material(pool, embedder, judged, material)
        for script, packages in STORES.items():
            python = _environment((cache or folder) / f"peer-{Path(script).stem}", packages)
            url = _own_database(pool, Path(script).stem)
            stores += _peer(python, script, url, material, judged, documents)
    return [figure for store in stores for figure in _figures(store)]


def _figures(store: Store) -> Iterator[Figure]:
    yield Figure(name=f"{store.name}, stored documents", value=store.documents_per_second, unit="1/s")
    yield from percentiles(f"{store.name}, search", store.times, "ms")
    yield Figure(name=f"{store.name}, nDCG@10", value=store.ndcg, unit="")


def _lorebot(pool: ConnectionPool, embedder: Embedder, judged: Judged) -> Store:
    """Reading and cutting are in it, which the others get done."""
    connector = CollectionConnector(name="tickets", folder=COLLECTION)
    progress("Lorebot: once, for the vectors")
    refresh(pool, connector, embedder, full=True, mode="eager", progress=lambda _: None)
    with pool.connection() as connection:
        connection.execute("truncate sources, documents, reading_list, terms cascade")
    progress("Lorebot: storing")
    started = time.perf_counter()
    done = refresh(pool, connector, embedder, full=True, mode="eager", progress=lambda _: None)
    seconds = time.perf_counter() - started
    times: list[float] = []
    rankings: dict[str, list[str]] = {}
    for _ in range(2):
        times.clear()
        for query, text in judged.queries.items():
            asked = time.perf_counter()
            found = search(pool, embedder, text, audience=Audience.operator(), limit=_DEPTH, per_document=1)
            times.append((time.perf_counter() - asked) * 1000)
            rankings[query] = [hit.external_id for hit in found.hits]
    return Store(
        name="Lorebot",
        documents_per_second=done.documents / seconds,
        times=times,
        ndcg=_ndcg(judged, rankings),
    )


def _ndcg(judged: Judged, rankings: Mapping[str, Sequence[str]]) -> float:
    allowed = {
        query: [each for each in ranking if each not in judged.excluded.get(query, frozenset())]
        for query, ranking in rankings.items()
    }
    return float(score_queries(allowed, judged.relevant)[:, FIGURES.index("ndcg@10")].mean())


def _write_material(pool: ConnectionPool, embedder: Embedder, judged: Judged, folder: Path) -> int:
    """The chunks as they are stored, with their vectors and those of the questions; how many documents."""
    folder.mkdir()
    with pool.connection() as connection:
        rows = connection.execute(
            "select d.external_id, c.context, c.text from chunks c join documents d on d.id = c.document_id "
            "order by c.id"
        ).fetchall()
        (documents,) = connection.execute("select count(*) from documents").fetchone() or (0,)
    texts = [f"{context}\n{text}" if context else text for _, context, text in rows]
    questions = list(dict.fromkeys(judged.queries.values()))
    np.save(folder / "chunks.npy", embedder.encode(texts))
    np.save(folder / "questions.npy", embedder.encode(questions, query=True))
    content = {"texts": texts, "documents": [row[0] for row in rows], "questions": questions}
    (folder / "material.json").write_text(json.dumps(content), "utf-8")
    return int(documents)


def _environment(folder: Path, packages: Sequence[str]) -> Path:
    """The interpreter of a virtual environment with the current releases of these packages."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        progress(f"installing {', '.join(packages)}")
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
            check=True,
            stdout=sys.stderr,
            timeout=900,
        )
        (folder / "complete").touch()
    return python


def _own_database(pool: ConnectionPool, name: str) -> str:
    with pool.connection() as connection:
        info = connection.info
        connection.autocommit = True
        connection.execute(f"create database {name}")
        connection.autocommit = False
        url = f"postgresql://{info.user}@/{name}?host={info.host}"
    with psycopg.connect(url) as connection:
        connection.execute("create extension vector")
    return url


def _peer(python: Path, script: str, url: str, material: Path, judged: Judged, documents: int) -> list[Store]:
    progress(script)
    output = subprocess.run(
        [python, _SCRIPTS / script, url, str(material)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=1800,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    ).stdout
    found: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    questions = list(dict.fromkeys(judged.queries.values()))
    stores = []
    for each in found:
        ranking_of = dict(zip(questions, each["rankings"], strict=True))
        rankings = {query: ranking_of[text] for query, text in judged.queries.items()}
        stores.append(
            Store(
                name=each["name"],
                documents_per_second=documents / each["ingest_seconds"],
                times=each["times"],
                ndcg=_ndcg(judged, rankings),
            )
        )
    return stores
