"""Asking many questions of an index: latency, throughput, and recall against the exact scan."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pgvector import HalfVector
from psycopg import Connection
from psycopg_pool import ConnectionPool

from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.query import understand
from indexer.search import search
from inference.assistant import PASSAGES, PER_DOCUMENT

#: Vectors that are nearer than the tenth by less are as good as it: half precision and equal texts.
TIE = 1e-4


def latencies(
    pool: ConnectionPool, embedder: Embedder, questions: Sequence[str], audience: Audience
) -> list[float]:
    """Milliseconds of each search as an answer makes it, the question's vector included."""
    times = []
    for question in questions:
        started = time.perf_counter()
        search(pool, embedder, question, audience=audience, limit=PASSAGES, per_document=PER_DOCUMENT)
        times.append((time.perf_counter() - started) * 1000)
    return times


@dataclass(frozen=True, kw_only=True)
class Sustained:
    """What many clients got."""

    per_second: float
    #: Milliseconds of each search.
    times: list[float]


def sustained(
    pool: ConnectionPool,
    embedder: Embedder,
    questions: Sequence[str],
    audiences: Sequence[Audience],
    *,
    clients: int,
    seconds: float,
) -> Sustained:
    """So many clients, each a thread that asks one question after another for so long, all in one process."""
    times: list[float] = []
    failures: list[BaseException] = []
    counter = itertools.count()
    deadline = time.perf_counter() + seconds

    def client() -> None:
        try:
            while time.perf_counter() < deadline:
                number = next(counter)
                question, audience = questions[number % len(questions)], audiences[number % len(audiences)]
                times.extend(latencies(pool, embedder, [question], audience))
        except BaseException as error:
            failures.append(error)
            raise

    started = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Sustained(per_second=len(times) / (time.perf_counter() - started), times=times)


@dataclass(frozen=True, kw_only=True)
class Recall:
    """How good the vector leg is for one audience."""

    #: Of the ten nearest that the audience may read, how many the search found; mean over the questions.
    at_10: float
    #: Of all chunks, how many the audience may read, in percent.
    visible: float
    #: Milliseconds of each search by vectors alone, the question's vector included.
    times: list[float]


def recall(
    pool: ConnectionPool, embedder: Embedder, model_id: int, questions: Sequence[str], audience: Audience
) -> Recall:
    """The search with its vector leg alone beside a scan of everything that the audience may read.

    Questions that quote or name something are left out: what they name comes first, however far its vector is.

    Raises:
        AssertionError: the search gave something that the audience may not read.
    """
    found, times = [], []
    questions = [question for question in questions if not _names(question)]
    for question in questions:
        started = time.perf_counter()
        result = search(pool, embedder, question, audience=audience, limit=10, strategy="vector")
        times.append((time.perf_counter() - started) * 1000)
        found.append([hit.chunk_id for hit in result.hits])
    emails = None if audience.emails is None else sorted(audience.emails)
    with pool.connection() as connection:
        connection.execute("set local statement_timeout = 0")
        visible, share = _visible(connection, model_id, emails)
        # One by one, as a search does: in a batch some backends round differently, which reorders near neighbours.
        vectors = [embedder.encode([question], query=True)[0] for question in questions]
        shares = [
            _share_found(connection, HalfVector(vector), ids)
            for vector, ids in zip(vectors, found, strict=True)
        ]
    hidden = {chunk for ids in found for chunk in ids} - visible
    assert not hidden, f"{len(hidden)} hits that the audience may not read"
    return Recall(at_10=sum(shares) / len(shares), visible=100 * share, times=times)


def _names(question: str) -> bool:
    query = understand(question)
    return bool(query.phrases or query.ticket_keys)


def _visible(connection: Connection, model_id: int, emails: Sequence[str] | None) -> tuple[set[int], float]:
    """The chunks that these people may read, by the rules themselves, kept in a table for the exact scans."""
    connection.execute(
        "create temporary table visible_vectors on commit drop as "
        "select e.chunk_id, e.embedding, md5(c.text)::uuid as text from embeddings e "
        "join chunks c on c.id = e.chunk_id join documents d on d.id = c.document_id "
        "where e.model_id = %(model_id)s and "
        "readable(d.rule_ids, c.rule_ids, %(emails)s::text[], (select satisfied_rules(%(emails)s::text[])))",
        {"model_id": model_id, "emails": emails},
    )
    (total,) = connection.execute("select count(*) from chunks").fetchone() or (0,)
    ids = {chunk for (chunk,) in connection.execute("select chunk_id from visible_vectors")}
    return ids, len(ids) / total


def _share_found(connection: Connection, vector: HalfVector, ids: Sequence[int]) -> float:
    """Of the ten nearest different texts, how many are among these chunks: a search gives equal texts once."""
    rows = connection.execute(
        "select text, embedding <=> %(v)s as distance from visible_vectors order by distance limit 300",
        {"v": vector},
    ).fetchall()
    nearest = sorted(dict(reversed(rows)).values())[:10]
    if not nearest:
        return 1.0
    found = connection.execute(
        "select embedding <=> %(v)s from visible_vectors where chunk_id = any(%(ids)s)",
        {"v": vector, "ids": list(ids)},
    ).fetchall()
    return min(1.0, sum(distance <= nearest[-1] + TIE for (distance,) in found) / len(nearest))
