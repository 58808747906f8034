"""Hybrid search, steps b to f: keywords, the question's vector, missing vectors, nearest vectors, fusion.

Permissions are part of every statement: what the audience may not read is never fetched or ranked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from pgvector import HalfVector
from psycopg import Connection, IsolationLevel, sql
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from indexer.audience import Audience
from indexer.chunking import Anchor
from indexer.embedding import Embedder
from indexer.fusion import fuse
from indexer.identifiers import identifiers, ticket_keys
from indexer.statements import load
from indexer.texts import storable
from indexer.vectors import embed_missing, ensure_model

SQL = load("indexer", "search.sql")

#: "seed" is the algorithm whole; the others measure its halves.
Strategy = Literal["seed", "keyword", "vector"]

#: Candidates of each ranking (X and Y of the algorithm).
KEYWORD_CANDIDATES = 50
VECTOR_CANDIDATES = 50

#: Up to here an exact scan takes under 10 ms and misses nothing; beyond, the HNSW index is used.
EXACT_UP_TO = 20_000


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A chunk that was found, with what a citation of it needs."""

    chunk_id: int
    document_id: int
    source: str
    external_id: str
    title: str
    #: The page section, ticket or comment.
    url: str
    document_url: str
    #: The chunk's kind and the document's.
    kind: str
    document_kind: str
    place: str
    heading: str
    text: str
    author: str | None
    #: When the document last changed.
    updated: datetime | None
    #: When the comment was written, for comments.
    created: datetime | None
    status: str | None
    #: The access rules of its document and its own, of which the audience satisfies all.
    rule_ids: Sequence[int] = ()
    #: Of a run of comments: start, url, author and created of each, in order; empty elsewhere.
    anchors: tuple[Anchor, ...] = ()
    #: Fused score: above 1 when keywords and vectors agree; only the order means something.
    score: float = 0.0
    #: Cosine of question and chunk, -1 to 1; None when the chunk has no vector yet.
    similarity: float | None = None
    #: BM25 of question and chunk; 0 when no word matched.
    keyword_score: float = 0.0
    #: The question names this very ticket by its key.
    named: bool = False


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """Hits, best first, and the milliseconds of each step."""

    hits: tuple[Hit, ...]
    timings_ms: dict[str, float]


class _Stopwatch:
    def __init__(self) -> None:
        self.timings: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = round((time.perf_counter() - started) * 1000, 2)


def search(
    pool: ConnectionPool,
    embedder: Embedder,
    question: str,
    *,
    audience: Audience,
    limit: int,
    per_document: int | None = None,
    sources: Sequence[str] | None = None,
    strategy: Strategy = "seed",
) -> SearchResult:
    """The chunks that fit a question best, only from what the whole audience may read.

    ``per_document`` bounds how many chunks of one document are returned; ``sources`` names the only ones to
    search in; ``strategy`` leaves one of the two rankings out. A question without a word gives no hits.
    """
    question = storable(question)
    if not any(character.isalnum() for character in question):
        return SearchResult(hits=(), timings_ms={"total": 0.0})
    watch = _Stopwatch()
    with watch.step("total"):
        filters: dict[str, Any] = {
            "emails": None if audience.emails is None else sorted(audience.emails),
            "sources": None if sources is None else list(sources),
        }
        with watch.step("keyword"):
            keyword = {} if strategy == "vector" else _keyword_hits(pool, question, filters)
        with watch.step("embed"):
            vector = HalfVector(embedder.encode([question])[0])
        model_id = ensure_model(pool, embedder)
        with watch.step("lazy"):
            embed_missing(pool, list(keyword), embedder, model_id)
        with watch.step("vector"), _snapshot(pool) as connection:
            parameters = filters | {"vector": vector, "model_id": model_id}
            nearest = {} if strategy == "keyword" else _nearest(connection, parameters)
        with watch.step("fuse"):
            scores = fuse(list(keyword), list(nearest))
            ranked = sorted(scores, key=lambda chunk: not (chunk in keyword and keyword[chunk][1]))
        with watch.step("fetch"), _snapshot(pool) as connection:
            hits = _fetch(connection, ranked, parameters)
    complete = [
        replace(
            hit,
            score=scores[hit.chunk_id],
            keyword_score=keyword.get(hit.chunk_id, (0.0, False))[0],
            named=keyword.get(hit.chunk_id, (0.0, False))[1],
        )
        for hit in hits
    ]
    return SearchResult(hits=_spread(complete, limit, per_document), timings_ms=watch.timings)


def _keyword_hits(
    pool: ConnectionPool, question: str, filters: Mapping[str, Any]
) -> dict[int, tuple[float, bool]]:
    """BM25 score, and whether the question names the ticket, by chunk id, best first."""
    parameters = {
        "question": question,
        "identifiers": list(identifiers(question)),
        "keys": ticket_keys(question),
        "limit": KEYWORD_CANDIDATES,
    }
    with pool.connection() as connection:
        rows = connection.execute(SQL["keyword_hits"], parameters | dict(filters)).fetchall()
    return {chunk: (float(score), bool(named)) for chunk, score, named in rows}


@contextmanager
def _snapshot(pool: ConnectionPool) -> Iterator[Connection]:
    with pool.connection() as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        try:
            with connection.transaction():
                yield connection
        finally:
            connection.isolation_level = None


def _nearest(connection: Connection, parameters: dict[str, Any]) -> dict[int, float]:
    """Similarity by chunk id, best first."""
    parameters = parameters | {"threshold": EXACT_UP_TO, "limit": VECTOR_CANDIDATES}
    (many,) = connection.execute(SQL["many_vectors"], parameters).fetchone() or (False,)
    if many:
        connection.execute(SQL["widen_search"])
    statement = sql.SQL(SQL["nearest_indexed" if many else "nearest_exact"])
    # The index is on an expression with the length as a literal; the query has to say the same.
    composed = statement.format(dimensions=sql.Literal(len(parameters["vector"].to_list())))
    return {chunk: float(similarity) for chunk, similarity in connection.execute(composed, parameters)}


def _fetch(connection: Connection, ranked: Sequence[int], parameters: dict[str, Any]) -> list[Hit]:
    parameters = parameters | {"ids": list(ranked)}
    similarity: dict[int, float] = dict(connection.execute(SQL["similarities"], parameters).fetchall())
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = {row["chunk_id"]: row for row in cursor.execute(SQL["hits"], parameters)}
    return [
        Hit(**(rows[chunk] | {"anchors": _anchors(rows[chunk])}), similarity=similarity.get(chunk))
        for chunk in ranked
        if chunk in rows
    ]


def _anchors(row: Mapping[str, Any]) -> tuple[Anchor, ...]:
    return tuple(
        Anchor(**(anchor | {"created": anchor["created"] and datetime.fromisoformat(anchor["created"])}))
        for anchor in row["anchors"]
    )


def _spread(hits: Sequence[Hit], limit: int, per_document: int | None) -> tuple[Hit, ...]:
    if per_document is None:
        return tuple(hits[:limit])
    taken: dict[int, int] = {}
    chosen: list[Hit] = []
    for hit in hits:
        if taken.get(hit.document_id, 0) < per_document:
            taken[hit.document_id] = taken.get(hit.document_id, 0) + 1
            chosen.append(hit)
    return tuple(chosen[:limit])
