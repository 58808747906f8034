"""Running strategies over a judged collection: indexed once into a scratch schema, searched, and dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from psycopg import sql
from psycopg_pool import ConnectionPool

from connectors.collection import CollectionConnector
from connectors.documents import Document
from indexer.embedding import Embedder
from indexer.refresh import Progress, RefreshReport, refresh
from indexer.statements import load
from lorebot.errors import LorebotError
from lorebot.evaluation.judged import Judged, read_judged
from lorebot.evaluation.kept_vectors import KeptVectors, keeping
from lorebot.evaluation.plain import PLAIN, plain_scorers, require_packages
from lorebot.evaluation.scores import DEPTH
from lorebot.evaluation.scratch import scratch_index
from lorebot.evaluation.strategies import Ranker, plain_ranker, search_ranker
from lorebot.wiring import Services

SQL = load("lorebot.evaluation", "evaluation.sql")

log = structlog.get_logger(__name__)

#: The collection's source in its scratch index.
_SOURCE = "collection"

Tell = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one strategy found for every question."""

    strategy: str
    #: External ids by query, best first, each once, without what is excluded; at most :data:`scores.DEPTH`.
    rankings: Mapping[str, Sequence[str]]
    #: Milliseconds by query, from the question's text to its ranking.
    latencies_ms: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Strategies on one collection, run on one index."""

    collection: str
    judged: Judged
    runs: Sequence[Run]
    #: Titles of the documents by external id.
    titles: Mapping[str, str]
    documents: int
    chunks: int
    #: Reading, cutting, embedding and storing the collection for the search; not the plain strategies' work.
    index_seconds: float
    #: Texts (chunks and titles) that had no kept vector and were embedded then; None where none are kept.
    embedded: int | None


def evaluate(
    services: Services,
    folder: Path,
    *,
    limit: int | None,
    strategies: Sequence[str],
    keep_vectors: bool,
    progress: Tell,
) -> Evaluation:
    """Index the collection into a scratch schema and let every strategy answer its questions.

    Args:
        services: the database and the embedder; nothing outside of the scratch schema is touched.
        folder: of the collection.
        limit: how many questions to ask; None: all.
        strategies: see :func:`lorebot.evaluation.strategies.resolve`.
        keep_vectors: take vectors of texts embedded before from ``data_dir``, and keep the new ones there.
        progress: told how far the index and each strategy are.

    Raises:
        LorebotError: the folder is no judged collection, none of its documents can be read, or the plain
            strategies' packages are missing.
        ConnectorError: its documents cannot be read.
    """
    judged = read_judged(folder, limit=limit)
    plain = [name for name in strategies if name in PLAIN]
    if plain:
        require_packages()
    connector = CollectionConnector(name=_SOURCE, folder=folder)
    with ExitStack() as stack:
        pool = stack.enter_context(
            scratch_index(services.database_url, language=services.settings.search.language)
        )
        kept: KeptVectors | None = None
        if keep_vectors:
            folder_of_vectors = services.settings.data_dir / "vectors"
            kept = stack.enter_context(keeping(services.embedder, folder_of_vectors))
        report = refresh(pool, connector, services.embedder, full=True, mode="eager", progress=progress)
        if not report.documents:
            raise LorebotError(f"No document of {folder} could be read: check its files (docs/formats.md).")
        embedded = kept.embedded if kept else None
        titles = _settle(pool, report, judged)
        rankers = {name: search_ranker(pool, services.embedder, name) for name in strategies}
        rankers |= _plain_rankers(plain, connector, services.embedder, progress)
        runs = [_run(name, rankers[name], judged, progress) for name in strategies]
    return Evaluation(
        collection=folder.resolve().name,
        judged=judged,
        runs=runs,
        titles=titles,
        documents=report.documents,
        chunks=report.chunks,
        index_seconds=report.seconds,
        embedded=embedded,
    )


def _settle(pool: ConnectionPool, report: RefreshReport, judged: Judged) -> dict[str, str]:
    """Bring the index into the state that it is searched in; returns the titles by external id."""
    with pool.connection() as connection:
        # What autovacuum does for an index that is used: without statistics the plans are other ones.
        tables = [row[0] for row in connection.execute(SQL["tables"])]
        connection.execute(sql.SQL("analyze {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))
        titles: dict[str, str] = dict(connection.execute(SQL["titles"]).fetchall())
    absent = {document for query in judged.queries for document in judged.wanted(query)} - titles.keys()
    if report.failed or absent:
        log.warning(
            "collection_incomplete", unreadable_documents=report.failed, judged_but_absent=len(absent)
        )
    return titles


def _plain_rankers(
    names: Sequence[str], connector: CollectionConnector, embedder: Embedder, progress: Tell
) -> dict[str, Ranker]:
    if not names:
        return {}
    found = connector.documents([each.id for each in connector.listing()])
    documents = [each for each in found if isinstance(each, Document)]
    tell = partial(_tell, progress, "plain", "embedding")
    scorers = plain_scorers(names, documents, embedder, progress=tell)
    return {name: plain_ranker(documents, scorer) for name, scorer in scorers.items()}


def _run(strategy: str, rank: Ranker, judged: Judged, progress: Tell) -> Run:
    # Once unmeasured: the model is loaded and the pages are in memory, as in a bot that has been running.
    rank(next(iter(judged.queries.values())), DEPTH)
    rankings: dict[str, list[str]] = {}
    latencies: list[float] = []
    for number, (query, text) in enumerate(judged.queries.items(), start=1):
        excluded = judged.excluded[query]
        started = time.perf_counter()
        found = rank(text, DEPTH + len(excluded))
        latencies.append((time.perf_counter() - started) * 1000)
        # An attachment is found under its parent's id.
        once = dict.fromkeys(each for each in found if each not in excluded)
        rankings[query] = list(once)[:DEPTH]
        _tell(progress, strategy, "searching", number, len(judged.queries))
    return Run(strategy=strategy, rankings=rankings, latencies_ms=latencies)


def _tell(progress: Tell, source: str, phase: str, done: int, total: int) -> None:
    progress(Progress(source=source, phase=phase, done=done, total=total))
