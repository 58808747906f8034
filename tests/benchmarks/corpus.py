"""Real tickets by the hundred thousand chunks in the real tables, with access rules made up over them.

The tickets are those of ``../shared/data/judged/titanium-duplicates``. The indexer's own functions store them, a few
hundred in a transaction, embed them (with vectors from a cache), and build the index.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cached_model import CachedModel
from psycopg_pool import ConnectionPool

from connectors.collection import CollectionConnector
from connectors.documents import AccessRule, Document, Membership
from indexer import terms
from indexer.audience import Audience
from indexer.chunking import chunk_document
from indexer.embedding import Embedder
from indexer.people import store_people
from indexer.rules import RuleStore
from indexer.store import store_document
from indexer.vector_index import settle_index
from indexer.vectors import embed_chunks, ensure_model
from lorebot.database import embedded
from lorebot.database.installation import Installation, locate
from lorebot.database.pool import open_pool
from lorebot.evaluation.judged import read_judged

COLLECTION = Path(__file__).parents[3] / "shared" / "data" / "judged" / "titanium-duplicates"

#: Shares of the spaces, in percent, that somebody may read.
SHARES = (1, 5, 10, 30, 60, 90)

#: Tickets of neighbouring numbers share a space, as those of one time and product do.
_SPACES = 100
#: Every so many tickets, one that only some of its space may read.
_RESTRICTED = 10
#: Documents in a transaction.
_PORTION = 200
_SOURCE = "tickets"


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """What was loaded, and what may be asked of it."""

    documents: int
    chunks: int
    model_id: int
    #: Distinct, in people's own words: the judged queries, then summaries of tickets that were left out.
    questions: Sequence[str]
    #: Seconds of each step.
    seconds: dict[str, float]


def progress(text: str) -> None:
    """Tell on standard error what is being done."""
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


@contextmanager
def database(folder: Path, **settings: str) -> Iterator[tuple[Installation, ConnectionPool]]:
    """The embedded server on an empty folder, as it ships but for these settings."""
    shipped = dict(embedded._SETTINGS)
    embedded._SETTINGS.update(settings)
    try:
        server = embedded.start(folder)
    finally:
        embedded._SETTINGS.update(shipped)
    try:
        with open_pool(server.url) as pool:
            yield locate(folder), pool
    finally:
        server.close()


def load(pool: ConnectionPool, embedder: Embedder, model: CachedModel, *, chunks: int) -> Corpus:
    """Store so many chunks with all that belongs to them, build the vector index, and let readers in."""
    seconds: dict[str, float] = {}
    terms.prepare(pool)
    with timed(seconds, "store"):
        documents, left_out = _store_tickets(pool, embedder, chunks)
    _admit_readers(pool)
    model_id = ensure_model(pool, embedder)
    with pool.connection() as connection:
        ids = [row[0] for row in connection.execute("select id from chunks order by id")]
    with timed(seconds, "vectors"):
        embed_chunks(pool, ids, model, model_id, progress=_every_10_000)
    with timed(seconds, "vector index"):
        settle_index(pool, model_id)
    with timed(seconds, "figures of terms"):
        terms.true_up(pool)
    settle(pool)
    questions = [*read_judged(COLLECTION, limit=None).queries.values(), *left_out]
    return Corpus(
        documents=documents,
        chunks=len(ids),
        model_id=model_id,
        questions=list(dict.fromkeys(questions)),
        seconds=seconds,
    )


def tickets() -> list[Document]:
    """All real tickets, shuffled in the same way each time, with made-up access rules."""
    connector = CollectionConnector(name=_SOURCE, folder=COLLECTION)
    ids = [listed.id for listed in connector.listing()]
    documents = [
        replace(document, access_rules=_rules(number * _SPACES // len(ids), number))
        for number, document in enumerate(connector.documents(ids))
        if isinstance(document, Document)
    ]
    random.Random(1).shuffle(documents)
    return documents


def _rules(space: int, number: int) -> tuple[AccessRule, ...]:
    """The space's rule; a restricted ticket has one of its own beside it, so that there are many sets of rules."""
    rules = [AccessRule(name=f"space:{space}", principals=frozenset({f"group:{space}"}))]
    if number % _RESTRICTED == 0:
        part = number // _RESTRICTED % 3
        rules.append(
            AccessRule(name=f"restricted:{space}:{part}", principals=frozenset({f"group:{space}:{part}"}))
        )
    return tuple(rules)


def reader(percent: int) -> Audience:
    """Somebody who may read so many percent of the spaces; 100 is the operator, who is not asked."""
    return Audience.operator() if percent == 100 else Audience.of([_email(percent)])


def _email(percent: int) -> str:
    return f"reader{percent}@example.org"


def _admit_readers(pool: ConnectionPool) -> None:
    people = []
    for percent in SHARES:
        spaces = random.Random(percent).sample(range(_SPACES), percent * _SPACES // 100)
        groups = {f"group:{space}" for space in spaces}
        groups |= {f"group:{space}:{part}" for space in spaces for part in (0, 1)}
        people.append(Membership(email=_email(percent), principals=frozenset(groups)))
    with pool.connection() as connection:
        store_people(connection, _SOURCE, people)


def _store_tickets(pool: ConnectionPool, embedder: Embedder, wanted: int) -> tuple[int, list[str]]:
    """How many documents were stored, and the titles of those that were not."""
    rules, documents, stored = RuleStore(_SOURCE), tickets(), 0
    for start in range(0, len(documents), _PORTION):
        portion = documents[start : start + _PORTION]
        with pool.connection() as connection:
            for number, document in enumerate(portion, start):
                store_document(connection, document, rules=rules, embedder=embedder)
                (stored,) = connection.execute(
                    "select %s + count(*) from chunks c join documents d on d.id = c.document_id "
                    "where d.source = %s and d.source_id = %s",
                    [stored, _SOURCE, document.id],
                ).fetchone() or (0,)
                if stored >= wanted:
                    return number + 1, [each.title for each in documents[number + 1 :]]
        if start % (10 * _PORTION) == 0:
            progress(f"{start + len(portion):,} documents, {stored:,} chunks")
    return len(documents), []


def chunk_texts(embedder: Embedder, wanted: int) -> list[str]:
    """The texts of so many chunks, as they are embedded."""
    progress(f"cutting tickets into {wanted:,} chunks")
    texts: list[str] = []
    for document in tickets():
        chunks = chunk_document(document, count_tokens=embedder.count_tokens, max_tokens=embedder.max_tokens)
        texts += [chunk.embedding_text for chunk in chunks]
        if len(texts) >= wanted:
            break
    return texts[:wanted]


def settle(pool: ConnectionPool) -> None:
    """What autovacuum would do in the next minutes: nothing is measured while it works."""
    with pool.connection() as connection:
        connection.autocommit = True
        connection.execute("set statement_timeout = 0")
        connection.execute("vacuum analyze")
        connection.execute("reset statement_timeout")
        connection.autocommit = False


def _every_10_000(done: int, total: int) -> None:
    if done % 10_000 < 128:
        progress(f"{done:,} of {total:,} vectors")


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Tell what is being done, and note how long it took."""
    progress(name)
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started
