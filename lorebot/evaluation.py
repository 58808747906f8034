"""Scoring retrieval on a judged collection: indexed into a scratch schema, searched, compared, dropped."""

from __future__ import annotations

import csv
import json
import math
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg_pool import ConnectionPool

from connectors.collection import CollectionConnector
from indexer.audience import Audience
from indexer.refresh import Progress, refresh
from indexer.search import Strategy, search
from lorebot.database.pool import open_pool
from lorebot.errors import LorebotError
from lorebot.wiring import Services

#: Documents of a ranking that are looked at.
DEPTH = 100


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The questions of a collection and which documents answer them."""

    queries: Mapping[str, str]
    #: Gain by document, by query.
    relevant: Mapping[str, Mapping[str, float]]
    #: Never returned, by query.
    excluded: Mapping[str, frozenset[str]]


def read_judged(folder: Path, *, limit: int | None) -> Judged:
    """Read queries.jsonl, qrels/test.tsv and exclude.tsv; queries without judgements are left out.

    Raises:
        LorebotError: a file is missing or broken.
    """
    try:
        lines = (folder / "queries.jsonl").read_text("utf-8").splitlines()
        queries = {row["_id"]: row["text"] for row in map(json.loads, filter(None, lines))}
        relevant: dict[str, dict[str, float]] = {}
        for query, document, score in _rows(folder / "qrels" / "test.tsv"):
            relevant.setdefault(query, {})[document] = float(score)
        excluded: dict[str, set[str]] = {}
        if (folder / "exclude.tsv").exists():
            for query, document, *_ in _rows(folder / "exclude.tsv"):
                excluded.setdefault(query, set()).add(document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LorebotError(
            f"{folder} is no judged collection: it needs queries.jsonl and qrels/test.tsv (see docs/formats.md)."
        ) from error
    judged = [query for query in queries if query in relevant][:limit]
    if not judged:
        raise LorebotError(f"{folder} judges none of its queries.")
    return Judged(
        queries={query: queries[query] for query in judged},
        relevant=relevant,
        excluded={query: frozenset(documents) for query, documents in excluded.items()},
    )


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows, None)
        yield from (row for row in rows if row)


def evaluate(
    services: Services,
    folder: Path,
    *,
    limit: int | None,
    strategy: Strategy,
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """Index the collection into a scratch schema and score retrieval; the result is what ``--json`` prints.

    Raises:
        LorebotError: the folder is no judged collection.
    """
    judged = read_judged(folder, limit=limit)
    connector = CollectionConnector(name="collection", folder=folder)
    with _scratch(services.database_url) as pool:
        report = refresh(pool, connector, services.embedder, full=True, mode="eager", progress=progress)
        rankings: dict[str, list[str]] = {}
        latencies: list[float] = []
        for query, text in judged.queries.items():
            started = time.perf_counter()
            result = search(
                pool,
                services.embedder,
                text,
                audience=Audience.operator(),
                limit=DEPTH,
                per_document=1,
                strategy=strategy,
            )
            latencies.append((time.perf_counter() - started) * 1000)
            excluded = judged.excluded.get(query, frozenset())
            rankings[query] = [hit.external_id for hit in result.hits if hit.external_id not in excluded]
    return {
        "queries": len(rankings),
        **scores(rankings, judged.relevant),
        "latency_ms": {"p50": percentile(latencies, 50), "p95": percentile(latencies, 95)},
        "documents": report.documents,
        "chunks": report.chunks,
        "index_seconds": report.seconds,
    }


@contextmanager
def _scratch(database_url: str) -> Iterator[ConnectionPool]:
    name = f"lorebot_eval_{secrets.token_hex(4)}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
        try:
            with open_pool(database_url, schema=name) as pool:
                yield pool
        finally:
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(name)))


def scores(
    rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Mean recall@1/5/10/100, nDCG@10 (linear gain, as trec_eval) and MRR@10 over the queries, 0 to 1."""
    pairs = [(ranking, relevant[query]) for query, ranking in rankings.items()]
    figures = {
        f"recall@{k}": [_recall(ranking, gains, k) for ranking, gains in pairs] for k in (1, 5, 10, DEPTH)
    }
    figures["ndcg@10"] = [_ndcg(ranking, gains, 10) for ranking, gains in pairs]
    figures["mrr@10"] = [_reciprocal_rank(ranking, gains, 10) for ranking, gains in pairs]
    return {name: round(statistics.fmean(values), 4) for name, values in figures.items()}


def _recall(ranking: Sequence[str], gains: Mapping[str, float], k: int) -> float:
    wanted = {document for document, gain in gains.items() if gain > 0}
    return len(wanted & set(ranking[:k])) / len(wanted) if wanted else 0.0


def _ndcg(ranking: Sequence[str], gains: Mapping[str, float], k: int) -> float:
    def discounted(values: Sequence[float]) -> float:
        return sum(value / math.log2(rank + 1) for rank, value in enumerate(values[:k], start=1))

    best = discounted(sorted(gains.values(), reverse=True))
    return discounted([gains.get(document, 0.0) for document in ranking]) / best if best else 0.0


def _reciprocal_rank(ranking: Sequence[str], gains: Mapping[str, float], k: int) -> float:
    ranks = (rank for rank, document in enumerate(ranking[:k], start=1) if gains.get(document, 0.0) > 0)
    return 1 / next(ranks, math.inf)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which ``percent`` % of the values lie (nearest rank)."""
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 2)
