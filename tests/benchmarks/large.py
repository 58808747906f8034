"""A hundred thousand chunks of real tickets: latency and throughput of the search, recall of its vector leg.

Figures that are divided by each other are taken in turns in one process. Without ``../shared/data`` nothing is
measured.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pgbench
from asking import latencies, recall, sustained
from cached_model import cached_embedder
from corpus import COLLECTION, Corpus, database, load, progress, reader
from figures import Figure, median, percentiles
from processes import temporary_folder
from psycopg_pool import ConnectionPool

from indexer.embedding import Embedder
from lorebot.database.installation import Installation

#: Milliseconds of one search with one client, the question's vector included.
P50, P95 = 20.0, 60.0
#: Of the ten nearest.
RECALL = 0.98
#: Percent of the spaces that the readers may read; 100 is the operator.
SHARES = (100, 60, 30, 1)
#: Who asks at once when many do.
CROWD = (100, 60, 30, 10, 5, 1)
CLIENTS = 16
#: Questions that warm caches up and are not counted.
_WARM_UP = 30


def measure(
    repeats: int,
    *,
    chunks: int = 100_000,
    questions: int = 150,
    seconds: float = 10.0,
    cache: Path | None = None,
) -> list[Figure]:
    """Load once; then ask, so many times over, so many questions of each kind, none of them twice a reader.

    Args:
        repeats: of each measurement, all with other questions.
        chunks: how many to load.
        questions: of each latency measurement.
        seconds: of each throughput measurement.
        cache: a folder for the vectors between runs.
    """
    if not COLLECTION.exists():
        print("large: skipped, the real data (../shared/data) is not beside this checkout", file=sys.stderr)
        return []
    with temporary_folder() as folder, database(folder / "data") as (installation, pool):
        embedder, model = cached_embedder(cache or folder / "vectors")
        corpus = load(pool, embedder, model, chunks=chunks)
        random.Random(2).shuffle(asked := list(corpus.questions))
        latencies(pool, embedder, asked[:_WARM_UP], reader(100))
        rounds = [asked[start::repeats] for start in range(repeats)]
        return [
            *_loading(corpus),
            *_one_client(pool, embedder, rounds, questions),
            *_recall(pool, embedder, corpus, asked[:questions]),
            *_many_clients(installation, pool, embedder, corpus, rounds, folder, seconds),
        ]


def _loading(corpus: Corpus) -> list[Figure]:
    return [
        Figure(name="documents", value=corpus.documents, unit=""),
        Figure(name="chunks", value=corpus.chunks, unit=""),
        Figure(
            name="stored without vectors, chunks", value=corpus.chunks / corpus.seconds["store"], unit="1/s"
        ),
        *(
            Figure(name=name, value=corpus.seconds[name], unit="s")
            for name in ("vector index", "figures of terms")
        ),
    ]


def _one_client(
    pool: ConnectionPool, embedder: Embedder, rounds: Sequence[Sequence[str]], questions: int
) -> list[Figure]:
    figures = []
    for share in SHARES:
        progress(f"one client who may read {share} %")
        times = [latencies(pool, embedder, each[:questions], reader(share)) for each in rounds]
        for at, target in ((0, P50), (1, P95)):
            samples = [percentiles("", each, "ms")[at] for each in times]
            name = f"search, reads {share} %{samples[0].name}"
            figures.append(median(name, [each.value for each in samples], "ms", at_most=target))
    return figures


def _recall(
    pool: ConnectionPool, embedder: Embedder, corpus: Corpus, questions: Sequence[str]
) -> list[Figure]:
    figures = []
    for share in SHARES:
        progress(f"recall for one who may read {share} %")
        found = recall(pool, embedder, corpus.model_id, questions, reader(share))
        name = f"vector leg, reads {share} %"
        figures += [
            Figure(name=f"{name}: of all chunks", value=found.visible, unit="%"),
            Figure(name=f"{name}, recall@10", value=found.at_10, unit="", at_least=RECALL),
            *percentiles(name, found.times, "ms"),
        ]
    return figures


def _many_clients(
    installation: Installation,
    pool: ConnectionPool,
    embedder: Embedder,
    corpus: Corpus,
    rounds: Sequence[Sequence[str]],
    folder: Path,
    seconds: float,
) -> list[Figure]:
    """The whole search and the bare index query in turns."""
    pgbench.prepare(pool, embedder.encode(list(corpus.questions[:500]), query=True))
    crowd = [reader(share) for share in CROWD]
    runs = {name: list[float]() for name in ("search", "default", "high")}
    times: list[float] = []
    recalls: dict[str, float] = {}
    for number, questions in enumerate(rounds, 1):
        progress(f"{CLIENTS} clients, round {number} of {len(rounds)}")
        found = sustained(pool, embedder, questions, crowd, clients=CLIENTS, seconds=seconds)
        runs["search"].append(found.per_second)
        times += found.times
        for name, ef_search in (("default", 40), ("high", 400)):
            bare = pgbench.run(
                installation,
                pool,
                corpus.model_id,
                folder,
                ef_search=ef_search,
                clients=CLIENTS,
                seconds=seconds,
            )
            runs[name].append(bare.per_second)
            recalls[name] = bare.recall_at_10
    ratios = [search / bare for search, bare in zip(runs["search"], runs["high"], strict=True)]
    return [
        median(f"{CLIENTS} clients, search", runs["search"], "1/s"),
        *percentiles(f"{CLIENTS} clients, search", times, "ms"),
        median(f"{CLIENTS} clients, pgbench, ef_search 40", runs["default"], "1/s"),
        Figure(name="pgbench, ef_search 40, recall@10", value=recalls["default"], unit=""),
        median(f"{CLIENTS} clients, pgbench, ef_search 400", runs["high"], "1/s"),
        Figure(name="pgbench, ef_search 400, recall@10", value=recalls["high"], unit=""),
        median(f"{CLIENTS} clients, search : pgbench, ef_search 400", ratios, "x"),
    ]
