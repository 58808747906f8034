"""Indexing the sample company over HTTP, beside plain embedding of the same texts; and a refresh of nothing new."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests
from cached_model import open_embedder
from company import company_connectors
from figures import Figure, median
from numpy.typing import NDArray
from processes import sandbox, temporary_folder
from psycopg_pool import ConnectionPool
from sentence_transformers import SentenceTransformer

from connectors.documents import Connector
from indexer.embedding import Embedder, Model, model_folder
from indexer.refresh import RefreshReport, refresh
from lorebot.commands.demo import sample_company
from lorebot.database import embedded
from lorebot.database.pool import open_pool


def measure(repeats: int) -> list[Figure]:
    """Index the company into so many empty databases."""
    plain = SentenceTransformer(str(model_folder(None)), device="cpu", local_files_only=True)
    plain.encode(["loads the model"], show_progress_bar=False)
    with temporary_folder() as folder, sandbox(sample_company(), folder) as (_, addresses):
        embedder = open_embedder(folder)
        embedder.model.tune()
        model = _TimedModel(embedder.model)
        embedder.adopt(model)
        connectors = company_connectors(addresses)
        requests_url = f"{addresses['page_url']}_admin/requests"
        runs = [
            _index_once(folder / f"data-{number}", connectors, embedder, plain, requests_url)
            for number in range(repeats)
        ]
    return [
        Figure(name="documents", value=runs[0].documents, unit=""),
        Figure(name="chunks", value=runs[0].chunks, unit=""),
        median("first refresh", [run.seconds for run in runs], "s"),
        median("first refresh, documents", [run.documents / run.seconds for run in runs], "1/s"),
        median("first refresh, chunks", [run.chunks / run.seconds for run in runs], "1/s"),
        median("plain encode, chunks", [run.chunks / run.plain_seconds for run in runs], "1/s"),
        median("first refresh : plain encode, time", [run.seconds / run.plain_seconds for run in runs], "x"),
        median("of it embedding", [100 * run.encode_seconds / run.seconds for run in runs], "%"),
        median("of it counting tokens", [100 * run.count_seconds / run.seconds for run in runs], "%"),
        Figure(name="first refresh, requests", value=runs[0].requests, unit=""),
        *_again("unchanged, incremental", [run.incremental for run in runs]),
        *_again("unchanged, full", [run.full for run in runs]),
    ]


@dataclass(frozen=True, kw_only=True)
class _Again:
    """A refresh of a site that has not changed."""

    seconds: float
    requests: int
    embedded: int


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One empty database, filled and refreshed."""

    documents: int
    chunks: int
    seconds: float
    encode_seconds: float
    count_seconds: float
    plain_seconds: float
    requests: int
    incremental: _Again
    full: _Again


class _TimedModel:
    """The real model with a watch on its two services."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.encode_seconds = 0.0
        self.count_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def encode(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """As the model does."""
        started = time.perf_counter()
        try:
            return self._model.encode(texts, query=query)
        finally:
            self.encode_seconds += time.perf_counter() - started

    def count_tokens(self, text: str) -> int:
        """As the model does."""
        started = time.perf_counter()
        try:
            return self._model.count_tokens(text)
        finally:
            self.count_seconds += time.perf_counter() - started


def _index_once(
    data_dir: Path,
    connectors: Sequence[Connector],
    embedder: Embedder,
    plain: SentenceTransformer,
    requests_url: str,
) -> _Run:
    model = embedder.model
    assert isinstance(model, _TimedModel), "the one that was adopted"
    server = embedded.start(data_dir)
    try:
        with open_pool(server.url) as pool:
            model.encode_seconds = model.count_seconds = 0.0
            reports, seconds, count = _refresh(pool, connectors, embedder, requests_url, full=True)
            encode_seconds, count_seconds = model.encode_seconds, model.count_seconds
            chunks = sum(report.chunks for report in reports)
            if sum(report.embedded for report in reports) != chunks or any(each.failed for each in reports):
                raise RuntimeError(f"the first refresh was not complete: {reports}")
            return _Run(
                documents=sum(report.documents for report in reports),
                chunks=chunks,
                seconds=seconds,
                encode_seconds=encode_seconds,
                count_seconds=count_seconds,
                plain_seconds=_plain_encode(pool, plain),
                requests=count,
                incremental=_refresh_again(pool, connectors, embedder, requests_url, full=False),
                full=_refresh_again(pool, connectors, embedder, requests_url, full=True),
            )
    finally:
        server.close()


def _refresh(
    pool: ConnectionPool,
    connectors: Sequence[Connector],
    embedder: Embedder,
    requests_url: str,
    *,
    full: bool,
) -> tuple[list[RefreshReport], float, int]:
    """The reports, the seconds of all together, and how many requests the site got."""
    requests.delete(requests_url, timeout=10).raise_for_status()
    started = time.perf_counter()
    reports = [
        refresh(pool, connector, embedder, full=full, mode="eager", progress=lambda _: None)
        for connector in connectors
    ]
    seconds = time.perf_counter() - started
    counts: dict[str, int] = requests.get(requests_url, timeout=10).json()
    return reports, seconds, sum(counts.values())


def _refresh_again(
    pool: ConnectionPool,
    connectors: Sequence[Connector],
    embedder: Embedder,
    requests_url: str,
    *,
    full: bool,
) -> _Again:
    reports, seconds, count = _refresh(pool, connectors, embedder, requests_url, full=full)
    return _Again(seconds=seconds, requests=count, embedded=sum(report.embedded for report in reports))


def _plain_encode(pool: ConnectionPool, plain: SentenceTransformer) -> float:
    """Seconds that sentence-transformers needs for the same texts, given all at once, with its own defaults."""
    with pool.connection() as connection:
        rows = connection.execute("select context, text from chunks").fetchall()
    texts = [f"{context}\n{text}" if context else text for context, text in rows]
    started = time.perf_counter()
    plain.encode(texts, show_progress_bar=False)
    return time.perf_counter() - started


def _again(name: str, runs: Sequence[_Again]) -> list[Figure]:
    return [
        median(f"{name}", [run.seconds for run in runs], "s"),
        Figure(name=f"{name}, requests", value=max(run.requests for run in runs), unit=""),
        Figure(name=f"{name}, embedded", value=max(run.embedded for run in runs), unit="", at_most=0),
    ]
