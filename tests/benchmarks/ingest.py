"""Cutting, embedding and storing real tickets, beside embedding alone, and beside sentence-transformers' defaults.

In turns in one process, each into an empty database. Then the same once more, unchanged. The tickets are the first of
``../shared/data/judged/titanium-small``; without it nothing is measured.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from cached_model import open_embedder
from corpus import database, progress
from figures import Figure, median
from processes import temporary_folder
from sentence_transformers import SentenceTransformer

from connectors.collection import CollectionConnector
from connectors.documents import Listed
from indexer.embedding import Embedder, model_folder
from indexer.refresh import refresh

COLLECTION = Path(__file__).parents[3] / "shared" / "data" / "judged" / "titanium-small"

#: Of the bare embedding rate.
SHARE = 0.85
#: Times the rate of ``SentenceTransformer.encode`` as it comes, in float32.
FASTER = 3.0
#: Between the vectors of the two, the lowest of all.
COSINE = 0.999
#: Percent of the first time.
UNCHANGED = 5.0


class _FirstTickets(CollectionConnector):
    """Some of a collection."""

    def __init__(self, documents: int) -> None:
        super().__init__(name="tickets", folder=COLLECTION)
        self._documents = documents

    def listing(self) -> Iterator[Listed]:
        """The first of them."""
        return islice(super().listing(), self._documents)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One empty database, filled and refreshed; seconds."""

    documents: int
    chunks: int
    whole: float
    bare: float
    plain: float
    again: float
    embedded_again: int
    cosine: float


def measure(repeats: int, *, documents: int = 400, cache: Path | None = None) -> list[Figure]:
    """Index so many tickets so many times.

    Args:
        repeats: how often.
        documents: how many tickets, of about three chunks each.
        cache: a folder for the exported model between runs.
    """
    if not COLLECTION.exists():
        print("ingest: skipped, the real data (../shared/data) is not beside this checkout", file=sys.stderr)
        return []
    with temporary_folder() as folder:
        embedder = open_embedder(cache or folder)
        embedder.model.tune()
        progress(f"embedding by {embedder.model.backend}")
        return _measure(embedder, repeats, documents)


def _measure(embedder: Embedder, repeats: int, documents: int) -> list[Figure]:
    plain = SentenceTransformer(str(model_folder(None)), device="cpu", local_files_only=True)
    plain.encode(["loads the model"], show_progress_bar=False)
    runs = []
    for number in range(1, repeats + 1):
        progress(f"round {number} of {repeats}")
        runs.append(_run(embedder, plain, documents))
    rates = {
        "chunk + embed + store": [run.chunks / run.whole for run in runs],
        "bare embedding": [run.chunks / run.bare for run in runs],
        "SentenceTransformer.encode, float32": [run.chunks / run.plain for run in runs],
    }
    return [
        Figure(name="documents", value=runs[0].documents, unit=""),
        Figure(name="chunks", value=runs[0].chunks, unit=""),
        *(median(f"{name}, chunks", samples, "1/s") for name, samples in rates.items()),
        median("whole : bare embedding", [run.bare / run.whole for run in runs], "x", at_least=SHARE),
        median("whole : SentenceTransformer", [run.plain / run.whole for run in runs], "x", at_least=FASTER),
        median("bare : SentenceTransformer", [run.plain / run.bare for run in runs], "x"),
        Figure(name="lowest cosine", value=min(run.cosine for run in runs), unit="", at_least=COSINE),
        Figure(name="unchanged, embedded", value=max(run.embedded_again for run in runs), unit="", at_most=0),
        median("unchanged, time", [100 * run.again / run.whole for run in runs], "%", at_most=UNCHANGED),
    ]


def _run(embedder: Embedder, plain: SentenceTransformer, documents: int) -> _Run:
    connector = _FirstTickets(documents)
    with temporary_folder() as folder, database(folder / "data") as (_, pool):
        started = time.perf_counter()
        first = refresh(pool, connector, embedder, full=True, mode="eager", progress=lambda _: None)
        whole = time.perf_counter() - started
        started = time.perf_counter()
        second = refresh(pool, connector, embedder, full=True, mode="eager", progress=lambda _: None)
        again = time.perf_counter() - started
        with pool.connection() as connection:
            rows = connection.execute("select context, text from chunks").fetchall()
    texts = [f"{context}\n{text}" if context else text for context, text in rows]
    started = time.perf_counter()
    vectors = embedder.encode(texts)
    bare = time.perf_counter() - started
    started = time.perf_counter()
    reference = np.asarray(plain.encode(texts, show_progress_bar=False))
    seconds = time.perf_counter() - started
    reference /= np.linalg.norm(reference, axis=1, keepdims=True)
    return _Run(
        documents=first.documents,
        chunks=first.chunks,
        whole=whole,
        bare=bare,
        plain=seconds,
        again=again,
        embedded_again=second.embedded,
        cosine=float((vectors * reference).sum(axis=1).min()),
    )
