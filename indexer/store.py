"""Writing to the index: one transaction per document, so that a crash leaves whole documents.

A chunk whose embedded text is unchanged keeps its row, and with it its vector and its postings: nothing is
embedded twice.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from connectors.documents import AccessRule, Document, Membership, Section, Unreadable
from indexer.chunking import CHUNKER_VERSION, Chunk, chunk_document
from indexer.embedding import Embedder
from indexer.identifiers import identifiers
from indexer.statements import load
from indexer.texts import storable

SQL = load("indexer", "store.sql")

#: Lexemes of an average chunk; chunks are cut to one size, so it moves little (measured: 80 to 110).
AVERAGE_LENGTH = 90.0


class Outcome(StrEnum):
    """What storing a document did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class RuleStore:
    """Writes a source's access rules and knows their ids, so that each is written once a refresh."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._ids: dict[AccessRule, int] = {}

    def ids(self, connection: Connection, rules: Iterable[AccessRule]) -> list[int]:
        """The ids of these rules, sorted; unknown or changed ones are written."""
        return sorted({self._id(connection, rule) for rule in rules})

    def _id(self, connection: Connection, rule: AccessRule) -> int:
        known = self._ids.get(rule)
        if known is None:
            values = {"source": self._source, "name": rule.name, "principals": sorted(rule.principals)}
            known = self._ids[rule] = _one(connection, "upsert_rule", values)
        return known


def store_document(
    connection: Connection, document: Document, *, rules: RuleStore, embedder: Embedder
) -> Outcome:
    """Bring one document up to date in the index, inside the caller's transaction."""
    document = _storable(document)
    key = {"source": document.source, "source_id": document.id}
    rule_ids = rules.ids(connection, document.access_rules)
    content_hash = hashlib.sha256(f"{CHUNKER_VERSION}:{document.content_hash}".encode()).hexdigest()
    stored = connection.execute(SQL["stored_document"], key).fetchone()
    connection.execute(SQL["forget_unreadable"], {"source": document.source, "source_ids": [document.id]})
    if stored is not None and stored[1] == content_hash:
        if stored[2] != rule_ids:
            connection.execute(SQL["set_rules"], key | {"rule_ids": rule_ids})
        return Outcome.UNCHANGED
    row = _document_row(document) | key | {"rule_ids": rule_ids, "content_hash": content_hash}
    document_id = _one(connection, "upsert_document", row)
    chunks = chunk_document(document, count_tokens=embedder.count_tokens, max_tokens=embedder.max_tokens)
    _store_chunks(connection, document_id, chunks)
    return Outcome.CREATED if stored is None else Outcome.UPDATED


def _document_row(document: Document) -> dict[str, Any]:
    return {
        "external_id": document.external_id,
        "kind": document.kind,
        "title": document.title,
        "url": document.url,
        "place": document.place,
        "author": document.author,
        "status": document.status,
        "labels": list(document.labels),
        "created": document.created,
        "updated": document.updated,
    }


def _store_chunks(connection: Connection, document_id: int, chunks: Sequence[Chunk]) -> None:
    kept: dict[str, list[int]] = defaultdict(list)
    for chunk_id, digest in connection.execute(SQL["stored_chunks"], {"document_id": document_id}):
        kept[digest].append(chunk_id)
    added: dict[int, Chunk] = {}
    for position, chunk in enumerate(chunks):
        row = _chunk_row(chunk) | {"document_id": document_id, "position": position}
        if kept[chunk.hash]:
            connection.execute(SQL["move_chunk"], row | {"id": kept[chunk.hash].pop()})
        else:
            added[_one(connection, "insert_chunk", row)] = chunk
    gone = [chunk_id for ids in kept.values() for chunk_id in ids]
    if gone:
        connection.execute(SQL["delete_chunks"], {"ids": gone})
    if added:
        _index_words(connection, added)


def _chunk_row(chunk: Chunk) -> dict[str, Any]:
    return {
        "kind": chunk.kind,
        "heading": chunk.heading,
        "url": chunk.url,
        "text": chunk.text,
        "context": chunk.context,
        "author": chunk.author,
        "created": chunk.created,
        "anchors": Jsonb([vars(anchor) for anchor in chunk.anchors], dumps=_dumps),
        "hash": chunk.hash,
    }


def _dumps(value: Any) -> str:
    return json.dumps(value, default=datetime.isoformat)


def _index_words(connection: Connection, added: dict[int, Chunk]) -> None:
    found = [
        (chunk_id, word, count)
        for chunk_id, chunk in added.items()
        for word, count in identifiers(chunk.embedding_text).items()
    ]
    parameters = {
        "ids": list(added),
        "identifier_chunks": [chunk_id for chunk_id, _, _ in found],
        "identifiers": [word for _, word, _ in found],
        "identifier_counts": [count for _, _, count in found],
        "average_length": AVERAGE_LENGTH,
    }
    connection.execute(SQL["insert_terms"], parameters)
    connection.execute(SQL["insert_postings"], parameters)


def store_unreadable(connection: Connection, source: str, document: Unreadable) -> None:
    """Record that a document could not be read; what is indexed of it stays."""
    connection.execute(
        SQL["record_unreadable"],
        {
            "source": source,
            "source_id": document.id,
            "external_id": document.external_id,
            "reason": document.reason,
        },
    )


def store_memberships(connection: Connection, source: str, memberships: Iterable[Membership]) -> int:
    """Replace who is who in a source, in the caller's transaction; return how many people it has."""
    connection.execute(SQL["clear_memberships"], {"source": source})
    rows = [
        {"source": source, "email": person.email.strip().lower(), "principals": sorted(person.principals)}
        for person in memberships
        if person.email.strip()
    ]
    with connection.cursor() as cursor:
        cursor.executemany(SQL["insert_membership"], rows)
    return len(rows)


def _one(connection: Connection, statement: str, parameters: dict[str, Any]) -> int:
    row = connection.execute(SQL[statement], parameters).fetchone()
    if row is None:
        raise LookupError(f"the statement {statement} returned no row")
    return int(row[0])


def _storable(value: Any) -> Any:
    """The same with texts that Postgres takes, all the way down."""
    match value:
        case StrEnum():
            return value
        case str():
            return storable(value)
        case tuple():
            return tuple(_storable(part) for part in value)
        case Document() | Section():
            return replace(value, **{name: _storable(part) for name, part in vars(value).items()})
        case _:
            return value
