"""Hybrid search, steps b to f, as one statement: keywords, nearest vectors, permissions, fusion, hits.

What the audience may not read is never fetched, ranked or counted, and a wall of row-level security stands behind the
statement's own filter. docs/search.md says how it works and what it costs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

import structlog
from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from indexer import terms
from indexer.adaptation.tunings import LiveTunings
from indexer.audience import Audience
from indexer.chunking import Anchor
from indexer.embedding import Embedder
from indexer.models import follow
from indexer.query import understand
from indexer.ranking import DEFAULT_STRATEGY, Ranking, Strategy
from indexer.readers import reading
from indexer.reranking import DEPTH, Reranker, RerankingError
from indexer.statements import load
from indexer.texts import storable
from indexer.vectors import embed_missing

SQL = load("indexer", "search.sql")

log = structlog.get_logger(__name__)

#: Candidates of each ranking at least, and for each hit that is asked for: few documents have the best chunks.
CANDIDATES = 100
CANDIDATES_PER_HIT = 4

#: Of the algorithm "seed", the candidates of each ranking at least (its X and Y).
SEED_DEPTH = 50

#: Candidates without a vector that are embedded for a search, the best by their words.
EMBED_UP_TO = 50

#: Stand in the statement as literals: what the planner has to know, and nothing that a person has written.
_FIXED = (
    "model_id",
    "strategy",
    "candidates",
    "limit",
    "per_document",
    "seed_depth",
    "embed_up_to",
    "exact_up_to",
    "few_up_to",
    "hash_up_to",
    "postings_up_to",
    "ef_search",
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of the index a search looks at, which decides its plan; measured in docs/search.md."""

    #: Up to so many visible chunks an exact scan of the vectors takes under 10 ms and misses nothing.
    exact_up_to: int = 20_000
    #: Of n chunks in all, an exact scan of v visible ones beats the HNSW index while v² is below n times this.
    exact_factor: float = 5_400.0
    #: Up to so many visible chunks the keyword ranking is served from these alone, whatever others have; ...
    few_up_to: int = 2_000
    #: ... up to so many while they are less than a fifth of all.
    hash_up_to: int = 20_000
    #: Postings that are read to find candidates; terms beyond count for the candidates alone.
    postings_up_to: int = 20_000
    #: Nearest neighbours that the HNSW index keeps in sight (1 to 1000).
    ef_search: int = 250


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
    #: Only the order means something; another strategy has another scale.
    score: float = 0.0
    #: Cosine of question and chunk, -1 to 1; None when the chunk has no vector yet.
    similarity: float | None = None
    #: BM25 of question and chunk; 0 when no word matched.
    keyword_score: float = 0.0
    #: The question names this very ticket by its key.
    named: bool = False
    #: Has a phrase that the question puts in quotation marks.
    quoted: bool = False


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """Hits, best first, and the milliseconds of each step."""

    hits: tuple[Hit, ...]
    timings_ms: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How an installation searches: what :func:`search` takes under these names."""

    strategy: Strategy = DEFAULT_STRATEGY
    ranking: Ranking = field(default_factory=Ranking)
    tunings: LiveTunings | None = None
    reranker: Reranker | None = None


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
    strategy: Strategy = DEFAULT_STRATEGY,
    ranking: Ranking | None = None,
    tunings: LiveTunings | None = None,
    reranker: Reranker | None = None,
    limits: Limits | None = None,
) -> SearchResult:
    """The chunks that fit a question best, only from what the whole audience may read.

    Args:
        pool: of the index.
        embedder: makes the question's vector, and those that candidates lack.
        question: as it was asked; a ticket key is looked up, and so is what stands in quotation marks.
        audience: everybody who will see the hits.
        limit: hits at most.
        per_document: hits of one document at most; None for no limit.
        sources: the only ones to search in; None for all.
        strategy: how the two rankings are put together (indexer/ranking.py).
        ranking: weights instead of the built-in ones.
        tunings: what was learned for the live model is applied; it takes weights from ``ranking``.
        reranker: puts the first hits in order; where it cannot be used the order stays as it is.
        limits: which plan is taken when.

    Returns:
        The hits; none for a question without a word.
    """
    question = storable(question)
    if not any(character.isalnum() for character in question):
        return SearchResult(hits=(), timings_ms={"total": 0.0})
    watch = _Stopwatch()
    with watch.step("total"):
        values = parameters(
            question,
            audience=audience,
            limit=max(limit, DEPTH) if reranker else limit,
            per_document=per_document,
            sources=sources,
            strategy=strategy,
            ranking=ranking or Ranking(),
            limits=limits or Limits(),
        )
        with watch.step("embed"):
            values |= _vector(pool, embedder, question, strategy, tunings)
        hits = [_hit(row) for row in _rows(pool, embedder, audience, values, watch)]
        if reranker and hits:
            with watch.step("rerank"):
                hits = _reranked(reranker, question, hits)[:limit]
    return SearchResult(hits=tuple(hits), timings_ms=watch.timings)


def parameters(
    question: str,
    *,
    audience: Audience,
    limit: int,
    per_document: int | None = None,
    sources: Sequence[str] | None = None,
    strategy: Strategy = DEFAULT_STRATEGY,
    ranking: Ranking | None = None,
    limits: Limits | None = None,
) -> dict[str, Any]:
    """What the statement and its text are told, but for ``vector`` and ``model_id``."""
    query = understand(question)
    return {
        **asdict(ranking or Ranking()),
        **asdict(limits or Limits()),
        "words": query.words,
        "identifiers": list(query.identifiers),
        "keys": list(query.ticket_keys),
        "phrases": list(query.phrases),
        "phrase_words": list(query.phrase_words),
        "emails": None if audience.emails is None else sorted(audience.emails),
        "sources": None if sources is None else list(sources),
        "strategy": strategy,
        "limit": limit,
        "per_document": per_document,
        "candidates": max(CANDIDATES, CANDIDATES_PER_HIT * limit),
        "seed_depth": max(SEED_DEPTH, limit),
        "embed_up_to": EMBED_UP_TO,
        "average_length": terms.AVERAGE_LENGTH,
        "rare": terms.RARE,
        "drift": terms.DRIFT,
    }


def statement(values: Mapping[str, Any]) -> sql.Composed:
    """The search with what seldom changes as literals, so that a connection plans it once (indexer/search.sql).

    Also the HNSW index is on an expression with the vectors' length as a literal, for one model: the query has to say
    the same.
    """
    vector = values["vector"]
    fixed = {name: sql.Literal(values[name]) for name in _FIXED}
    return sql.SQL(SQL["search"]).format(
        dimensions=sql.Literal(vector.dimensions() if vector else 1), **fixed
    )


def _vector(
    pool: ConnectionPool, embedder: Embedder, question: str, strategy: Strategy, tunings: LiveTunings | None
) -> dict[str, Any]:
    """The question's vector as the live model makes it, that model's id, and the weights that were learned for it."""
    model_id = follow(pool, embedder).id
    tuning = tunings.get(pool, model_id) if tunings else None
    learned = {each.name for each in fields(Ranking)} & set((tuning and tuning.weights) or {})
    values: dict[str, Any] = (
        {name: tuning.weights[name] for name in learned} if tuning and tuning.weights else {}
    )
    if strategy == "keyword":
        return values | {"vector": None, "model_id": model_id}
    vector = embedder.model.encode([question], query=True)[0]
    return values | {"vector": HalfVector(tuning.apply(vector) if tuning else vector), "model_id": model_id}


def _rows(
    pool: ConnectionPool,
    embedder: Embedder,
    audience: Audience,
    values: Mapping[str, Any],
    watch: _Stopwatch,
) -> list[dict[str, Any]]:
    """What is found; candidates that lack a vector get it first, and it is looked for again."""
    with watch.step("search"):
        rows, lacking = _run(pool, audience, values)
    if lacking:
        with watch.step("lazy"):
            embed_missing(pool, lacking, embedder, values["model_id"])
        with watch.step("again"):
            rows, _ = _run(pool, audience, values)
    return rows


def _run(
    pool: ConnectionPool, audience: Audience, values: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[int]]:
    """The hits, and the ids of candidates that lack a vector."""
    with reading(pool, audience) as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement(values), values, prepare=True).fetchall()
    lacking = rows[0]["lacking"]
    return [row for row in rows if row["chunk_id"] is not None], lacking


def _reranked(reranker: Reranker, question: str, hits: list[Hit]) -> list[Hit]:
    """The hits in the reranker's order; what is named or quoted stays in front."""
    try:
        scores = reranker.scores(question, [f"{hit.title}\n{hit.heading}\n{hit.text}" for hit in hits])
    except RerankingError as error:
        log.warning("reranker_fell_back", reason=str(error))
        return hits
    scored = [replace(hit, score=score) for hit, score in zip(hits, scores, strict=True)]
    return sorted(scored, key=lambda hit: (hit.named, hit.quoted, hit.score), reverse=True)


def _hit(row: dict[str, Any]) -> Hit:
    return Hit(
        **{name: value for name, value in row.items() if name != "lacking"} | {"anchors": _anchors(row)}
    )


def _anchors(row: Mapping[str, Any]) -> tuple[Anchor, ...]:
    return tuple(
        Anchor(**(anchor | {"created": anchor["created"] and datetime.fromisoformat(anchor["created"])}))
        for anchor in row["anchors"]
    )
