"""Learning from an index in real Postgres: questions, vectors and searches are real, the vectors askew on purpose.

Every chunk's vector is stored turned by a fixed map, as if the model spoke a dialect that the company does not: there
is something to be learned, and what should be found is known. Words are not indexed: other documents have the same
ones, so that they would decide instead.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, LiteralString

import numpy as np
import pytest
from pgvector import HalfVector
from psycopg import Connection
from psycopg_pool import ConnectionPool

from indexer.adaptation.pairs import PairKind, read_structure
from indexer.adaptation.training import Outcome, Training, train
from indexer.adaptation.tunings import LiveTunings, TuningError, entries, promote, roll_back
from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.models import follow
from indexer.search import search
from lorebot.database.pool import open_pool

#: Words for the same thing: a document says it in another way in each of its chunks, so that only vectors help.
CONCEPTS = [
    words.split()
    for words in """car automobile vehicle sedan
dog puppy hound canine
doctor physician surgeon medic
house home residence dwelling
money cash funds currency
boat ship vessel ferry
teacher tutor instructor professor
forest woods woodland jungle
child kid toddler infant
road street avenue highway
meal dinner lunch supper
illness disease sickness ailment
film movie cinema picture
storm tempest hurricane blizzard
thief robber burglar bandit
king monarch ruler emperor
shop store market boutique
coat jacket parka anorak
painting portrait artwork drawing
prison jail dungeon penitentiary
hill mountain summit ridge
plane aircraft jet airliner
lawyer attorney solicitor barrister
gem jewel diamond ruby""".splitlines()
]
#: Of words that the keyword index leaves out.
FRAMES = (
    "It was the {} that had been with the {} and then the {} again.",
    "When the {} is here there will be both a {} and a {} too.",
    "Why should any {} be over the {} before some {} is there?",
    "He does not have the {} but only the {} or the {} now.",
)
DOCUMENTS = 140


def write_company(connection: Connection, embedder: Embedder, model_id: int) -> None:
    """Tickets about three things each, in chunks that say the same with other words; every third ticket names its
    neighbour."""
    chosen = random.Random(1)
    rule = one(
        connection, "insert into access_rules (source, name, principals) values ('wiki', 'open', '{anyone}')"
    )
    texts: dict[int, str] = {}
    for number in range(DOCUMENTS):
        concepts = chosen.sample(CONCEPTS, 3)
        forms = [chosen.sample(concept, 4) for concept in concepts]
        title, *rest = (" ".join(form[part] for form in forms) for part in range(4))
        document = one(
            connection,
            """insert into documents (source, source_id, external_id, kind, title, url, place, labels, content_hash,
                                      rule_ids) values ('wiki', %s, %s, 'ticket', %s, '', '', '{}', '', %s)""",
            str(number),
            f"OPS-{number}",
            title,
            [rule],
        )
        for part, words in enumerate([title, *rest]):
            text = FRAMES[part].format(*words.split())
            if part == 0 and number % 3 == 1:
                text += f"\n\nType: Bug · Links: relates to OPS-{number - 1}"
            chunk = one(
                connection,
                """insert into chunks (document_id, position, kind, heading, url, text, context, hash)
                   values (%s, %s, 'comment', '', '', %s, %s, '')""",
                document,
                part,
                text,
                f"OPS-{number} {title}",
            )
            texts[chunk] = f"OPS-{number} {title}\n{text}"
    vectors = askew(embedder.encode(list(texts.values())))
    connection.cursor().executemany(
        "insert into embeddings (model_id, chunk_id, embedding) values (%s, %s, %s)",
        [(model_id, chunk, HalfVector(vector)) for chunk, vector in zip(texts, vectors, strict=True)],
    )


def one(connection: Connection, statement: LiteralString, *parameters: object) -> int:
    """The id of a row that is inserted."""
    row = connection.execute(f"{statement} returning id", parameters).fetchone()
    assert row is not None
    return int(row[0])


def askew(vectors: Any) -> Any:
    """As the company's dialect has it."""
    turned = np.linalg.qr(np.random.default_rng(2).normal(size=(384, 384)))[0]
    moved = vectors + 0.9 * vectors @ turned
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def company(shared_database_url: str, embedder: Embedder) -> Iterator[ConnectionPool]:
    """The index of the company, for all tests of the module."""
    with open_pool(shared_database_url) as pool:
        model_id = follow(pool, embedder).id
        with pool.connection() as connection:
            write_company(connection, embedder, model_id)
        yield pool


@pytest.fixture(scope="module")
def trained(company: ConnectionPool, embedder: Embedder) -> Training:
    """One training, whose tuning is live."""
    return train(company, embedder)


def test_pairs_come_from_the_structure(company: ConnectionPool, embedder: Embedder) -> None:
    """Sentences, titles and links; where a question stands is hidden; the same each time."""
    model_id = follow(company, embedder).id
    with company.connection() as connection:
        structure, again = (read_structure(connection, model_id, seed=3) for _ in range(2))
        other = read_structure(connection, model_id, seed=4, max_chunks=100)
    kinds = {kind: [pair for pair in structure.pairs if pair.kind is kind] for kind in PairKind}
    assert structure.pairs == again.pairs
    assert len(structure.sample.chunks) == 4 * DOCUMENTS
    assert np.linalg.norm(structure.sample.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert len(kinds[PairKind.TITLE]) == DOCUMENTS
    assert len(kinds[PairKind.SENTENCE]) > DOCUMENTS
    assert all(pair.hidden and len(pair.hidden) < 4 for pair in kinds[PairKind.SENTENCE])
    assert len(kinds[PairKind.LINK]) == len(range(1, DOCUMENTS, 3))
    assert all(len(pair.hidden) == 4 and pair.origin not in pair.answers for pair in kinds[PairKind.LINK])
    assert len(other.sample.chunks) < 4 * DOCUMENTS


def test_a_gain_becomes_live_and_can_be_taken_back(
    company: ConnectionPool, embedder: Embedder, trained: Training
) -> None:
    """Searches use it at once, and are as before once it is rolled back."""
    tunings = LiveTunings(look_again_after=0)
    question = "the ship belongs to a surgeon who lives in the woods"

    def found(live: LiveTunings | None) -> list[tuple[int, float | None]]:
        result = search(
            company,
            embedder,
            question,
            audience=Audience.operator(),
            limit=20,
            strategy="vector",
            tunings=live,
        )
        return [(hit.chunk_id, hit.similarity) for hit in result.hits]

    model_id = follow(company, embedder).id
    assert trained.outcome is Outcome.PROMOTED, trained.metrics
    assert trained.metrics["ndcg"]["low"] > 0
    assert trained.metrics["vectors"]["gain"] > 0.02
    plain, tuned = found(None), found(tunings)
    assert plain != tuned
    with company.connection() as connection:
        assert roll_back(connection, model_id) == (trained.tuning_id, None)
    assert found(tunings) == plain
    with company.connection() as connection:
        promote(connection, trained.tuning_id or 0)
    assert found(tunings) == tuned


def test_metrics_are_figures_alone(company: ConnectionPool, trained: Training) -> None:
    """No word of a document is among them."""
    with company.connection() as connection:
        [entry, *_] = [each for each in entries(connection) if each.id == trained.tuning_id]

    def leaves(value: object) -> list[object]:
        return (
            [leaf for part in value.values() for leaf in leaves(part)] if isinstance(value, dict) else [value]
        )

    assert len(leaves(entry.metrics)) > 20
    assert all(leaf is None or isinstance(leaf, int | float) for leaf in leaves(entry.metrics))


def test_the_same_again_is_no_gain(company: ConnectionPool, embedder: Embedder, trained: Training) -> None:
    """What is live has to be beaten; the rejected one is kept with its figures."""
    phases: list[str] = []
    again = train(company, embedder, progress=lambda phase, done, total: phases.append(phase))
    with company.connection() as connection:
        states = {entry.id: entry.state for entry in entries(connection)}
    assert again.outcome is Outcome.REJECTED
    assert states[trained.tuning_id or 0] == "live"
    assert states[again.tuning_id or 0] == "rejected"
    assert again.metrics["live"]["low"] > 0
    assert set(phases) == {"reading", "embedding", "learning", "judging"}


def test_one_training_at_a_time(company: ConnectionPool, embedder: Embedder) -> None:
    """The second one is told, and the lock is free after the first one, however it ends."""
    refused: list[str] = []

    def at_once(phase: str, done: int, total: int) -> None:
        with pytest.raises(TuningError) as error:
            train(company, embedder)
        refused.append(str(error.value))
        raise KeyError(phase)

    for _ in range(2):
        with pytest.raises(KeyError, match="reading"):
            train(company, embedder, progress=at_once)
    assert refused == ["The search is being adapted just now; wait until that is done."] * 2


def test_a_small_index_is_left_alone(pool: ConnectionPool, embedder: Embedder) -> None:
    """Luck would decide."""
    training = train(pool, embedder)
    with pool.connection() as connection:
        listed = entries(connection)
    assert (training.outcome, training.tuning_id, listed) == (Outcome.TOO_SMALL, None, [])
