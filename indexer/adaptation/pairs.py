"""Pairs of a question and the document that answers it, read from the structure of the index.

Nobody judged them; they are what authors left behind: a sentence of a document leads to the rest of that document,
a title to its text, a ticket's title to the tickets that it is linked with. Where the question stands is never
counted as an answer, or every search would look perfect.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql

from indexer.adaptation.sentences import sentences
from indexer.statements import load

SQL = load("indexer.adaptation", "pairs.sql")

#: Chunks whose vectors are held in memory: 384 dimensions of float32 make 77 MB.
MAX_CHUNKS = 50_000
#: Of each kind at most.
MAX_PAIRS = 4_000
#: Of one document at most.
_SENTENCES = 2

_FETCH = 2_000
#: Above zero for what people found helpful, below for the contrary (0009_search.sql).
_FEEDBACK = (
    "coalesce((select sign(f.helpful - f.unhelpful) from document_feedback f where f.document_id = d.id), 0)"
)


class PairKind(StrEnum):
    """Where a pair comes from."""

    SENTENCE = "sentence"
    TITLE = "title"
    LINK = "link"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A question and the documents that answer it."""

    kind: PairKind
    question: str
    #: Ids of the documents that are right.
    answers: frozenset[int]
    #: The document that the question stands in.
    origin: int
    #: Chunks of ``origin`` that do not count, because the question stands there.
    hidden: frozenset[int] = frozenset()

    @property
    def documents(self) -> frozenset[int]:
        """All that it touches."""
        return self.answers | {self.origin}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Chunks of the index in memory, in the order of their documents."""

    #: Shape (chunks, dimensions), float32, rows of length 1.
    vectors: NDArray[np.float32]
    #: Ids, of each chunk.
    chunks: NDArray[np.int64]
    documents: NDArray[np.int64]
    positions: NDArray[np.int64]

    def of(self, document: int) -> dict[int, int]:
        """The chunks of a document by position."""
        rows = slice(*np.searchsorted(self.documents, [document, document + 1]))
        return dict(zip(self.positions[rows].tolist(), self.chunks[rows].tolist(), strict=True))


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What is learned from: pairs, and chunks to find them among."""

    sample: Sample
    pairs: tuple[Pair, ...]


def read_structure(
    connection: Connection,
    model_id: int,
    *,
    seed: int,
    max_chunks: int = MAX_CHUNKS,
    max_pairs: int = MAX_PAIRS,
) -> Structure:
    """Read a sample of the index and its pairs; the same for the same seed and index."""
    ids = _sampled(connection, model_id, seed=seed, max_chunks=max_chunks)
    key = {"ids": ids, "model_id": model_id, "seed": seed, "limit": max_pairs}
    links: dict[int, set[int]] = {}
    for origin, target in connection.execute(SQL["links"], key):
        links.setdefault(origin, set()).add(target)
    everything = sorted({*ids, *(target for targets in links.values() for target in targets)})
    sample = _vectors(connection, model_id, everything)
    titles: dict[int, str] = dict(connection.execute(SQL["titles"], key).fetchall())
    pairs = (
        *_sentence_pairs(connection, key, sample, max_pairs, seed),
        *_title_pairs(titles, sample, max_pairs, seed),
        *_link_pairs(titles, links, sample),
    )
    return Structure(sample=sample, pairs=pairs)


def held_out(pair: Pair, *, share: float, seed: int) -> bool | None:
    """Whether a pair is for judging; None when it belongs to neither side, its documents being on both."""
    sides = {_fraction(f"{seed}:{document}") < share for document in pair.documents}
    return sides.pop() if len(sides) == 1 else None


def _sampled(connection: Connection, model_id: int, *, seed: int, max_chunks: int) -> list[int]:
    (has_feedback,) = connection.execute(SQL["has_feedback"]).fetchone() or (False,)
    statement = sql.SQL(SQL["sample"]).format(helpful=sql.SQL(_FEEDBACK if has_feedback else "0"))
    parameters = {"model_id": model_id, "seed": seed, "max_chunks": max_chunks}
    return [row[0] for row in connection.execute(statement, parameters)]


def _vectors(connection: Connection, model_id: int, ids: Sequence[int]) -> Sample:
    rows: list[tuple[int, int, int]] = []
    blocks: list[NDArray[np.float32]] = []
    with connection.cursor(binary=True) as cursor:
        cursor.execute(SQL["vectors"], {"ids": list(ids), "model_id": model_id})
        while batch := cursor.fetchmany(_FETCH):
            rows.extend(row[:3] for row in batch)
            stored = np.stack([np.frombuffer(row[3], dtype=">f2", offset=4) for row in batch])
            blocks.append(stored.astype(np.float32))
    vectors = np.concatenate(blocks) if blocks else np.empty((0, 0), dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Sample(
        vectors=vectors / np.maximum(lengths, 1e-6),
        chunks=columns[:, 0],
        documents=columns[:, 1],
        positions=columns[:, 2],
    )


def _sentence_pairs(
    connection: Connection, key: Mapping[str, object], sample: Sample, most: int, seed: int
) -> list[Pair]:
    """At most two of a document, from different chunks, where chunks are left to be found."""
    found: list[Pair] = []
    taken: dict[int, int] = {}
    rows = connection.execute(SQL["texts"], key).fetchall()
    rows.sort(key=lambda row: _fraction(f"{seed}:{row[0]}:{row[1]}"))
    for document, position, text in rows:
        chunks = sample.of(document)
        # A sentence at the end of a chunk is repeated at the start of the next.
        hidden = {chunks[at] for at in (position - 1, position, position + 1) if at in chunks}
        question = next(sentences(text), None)
        if question is None or taken.get(document, 0) == _SENTENCES or len(chunks) == len(hidden):
            continue
        taken[document] = taken.get(document, 0) + 1
        found.append(_pair(PairKind.SENTENCE, question, {document}, document, hidden))
        if len(found) == most:
            break
    return found


def _title_pairs(titles: Mapping[int, str], sample: Sample, most: int, seed: int) -> list[Pair]:
    stored = sorted(
        {int(document) for document in sample.documents if document in titles},
        key=lambda document: _fraction(f"{seed}:{document}:title"),
    )
    return [
        _pair(PairKind.TITLE, titles[document], {document}, document, ())
        for document in stored
        if titles[document].strip()
    ][:most]


def _link_pairs(titles: Mapping[int, str], links: Mapping[int, set[int]], sample: Sample) -> list[Pair]:
    stored = set(sample.documents.tolist())
    return [
        _pair(PairKind.LINK, titles[origin], targets & stored, origin, sample.of(origin).values())
        for origin, targets in links.items()
        if targets & stored and titles.get(origin, "").strip()
    ]


def _pair(kind: PairKind, question: str, answers: set[int], origin: int, hidden: Iterable[int]) -> Pair:
    return Pair(
        kind=kind, question=question, answers=frozenset(answers), origin=origin, hidden=frozenset(hidden)
    )


def _fraction(text: str) -> float:
    """A number from 0 to 1 that looks random and is the same each time."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) / 2**64
