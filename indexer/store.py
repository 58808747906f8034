"""Writing to the index: one transaction per document, so that a crash leaves whole documents.

A chunk whose embedded text is unchanged keeps its row, and with it its vector and its postings: nothing is
embedded twice.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Json, Jsonb

from connectors.documents import AccessRule, Document, Listed, Section
from indexer import cascade
from indexer.chunking import CHUNKER_VERSION, Chunk, chunk_document
from indexer.embedding import Embedder
from indexer.rules import NOBODY, RuleStore
from indexer.statements import load
from indexer.terms import write_words
from indexer.texts import storable

SQL = load("indexer", "store.sql")


class Outcome(StrEnum):
    """What storing a document did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    #: An attachment of a document that is not stored (any more): nothing was done.
    ORPHAN = "orphan"


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """What the index holds of a document."""

    id: int
    title: str
    external_id: str
    content_hash: str
    rule_ids: list[int]
    handle: str | None
    ancestors: list[str] | None


def store_document(
    connection: Connection, document: Document, *, rules: RuleStore, embedder: Embedder
) -> Outcome:
    """Bring one document up to date in the index, with what hangs on it, inside the caller's transaction."""
    document = _storable(document)
    rule_ids = _rule_ids(connection, document, rules)
    if rule_ids is None:
        return Outcome.ORPHAN
    content_hash = hashlib.sha256(f"{CHUNKER_VERSION}:{document.content_hash}".encode()).hexdigest()
    row = _document_row(document) | {"rule_ids": rule_ids, "content_hash": content_hash}
    with connection.cursor(row_factory=class_row(_Stored)) as cursor:
        stored = cursor.execute(SQL["stored_document"], row).fetchone()
    same = stored is not None and stored.content_hash == content_hash
    if stored is not None and same:
        connection.execute(SQL["touch_document"], row)
        document_id = stored.id
    else:
        document_id = _one(connection, "upsert_document", row)
    # The rules of a text that is taken in may have changed although the text has not.
    if not same or any(section.access_rules or section.included_id for section in document.sections):
        chunks = chunk_document(document, count_tokens=embedder.count_tokens, max_tokens=embedder.max_tokens)
        renamed = stored is not None and (stored.title, stored.external_id) != (
            document.title,
            document.external_id,
        )
        _store_chunks(connection, document_id, document.id, chunks, rules, renamed=renamed)
    _settle(connection, document, rule_ids, stored, same=same)
    if same:
        return Outcome.UNCHANGED
    return Outcome.CREATED if stored is None else Outcome.UPDATED


def rules_of(document: Document) -> list[AccessRule]:
    """All access rules that a document names, its sections' included."""
    return [
        *document.access_rules,
        *(rule for section in document.sections for rule in section.access_rules),
    ]


def _rule_ids(connection: Connection, document: Document, rules: RuleStore) -> list[int] | None:
    """Those of the document; of an attachment its parent's, None when that is not stored (any more)."""
    if document.parent_id is None:
        return rules.ids(connection, document.access_rules)
    key = {"source": document.source, "parent_id": document.parent_id}
    row = connection.execute(SQL["rules_of_parent"], key).fetchone()
    return None if row is None else list(row[0])


def _settle(
    connection: Connection, document: Document, rule_ids: list[int], stored: _Stored | None, *, same: bool
) -> None:
    """Do what the change of a document means for what hangs on it."""
    moved = stored is None or stored.rule_ids != rule_ids
    renamed = stored is None or stored.handle != document.handle
    if document.parent_id is None:
        cascade.settle_attachments(connection, document)
    if moved:
        cascade.spread_rules(connection, document.source, document.id, rule_ids)
    if stored is not None:
        former = document.ancestors if stored.ancestors is None else stored.ancestors
        dropped = sorted(set(stored.rule_ids) - set(rule_ids))
        cascade.note_descendants(connection, document, dropped=dropped, former=former)
    if moved or renamed or not same:
        handles = [document.handle, stored.handle if stored else None]
        cascade.note_dependents(connection, document.source, handles, but=document.id)


def _document_row(document: Document) -> dict[str, Any]:
    return {
        "source": document.source,
        "source_id": document.id,
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
        "parts": sorted(document.parts),
        "path": list(document.path),
        "parent_id": document.parent_id,
        "handle": document.handle,
        "includes": sorted(set(document.includes)),
        "ancestors": list(document.ancestors),
    }


def _store_chunks(
    connection: Connection,
    document_id: int,
    source_id: str,
    chunks: Sequence[Chunk],
    rules: RuleStore,
    *,
    renamed: bool,
) -> None:
    kept: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for chunk_id, digest, kind, heading in connection.execute(
        SQL["stored_chunks"], {"document_id": document_id}
    ):
        kept[digest].append((chunk_id, kind, heading))
    new: list[dict[str, Any]] = []
    reworded: list[int] = []
    for position, chunk in enumerate(chunks):
        row = _chunk_row(chunk) | {"position": position}
        row["rule_ids"] = rules.ids(connection, chunk.access_rules)
        if chunk.included_id not in (None, source_id) and not chunk.access_rules:
            # As a document without rules: who may read it is not known.
            row["rule_ids"] = [NOBODY]
        if kept[chunk.hash]:
            chunk_id, *fields = kept[chunk.hash].pop()
            anchors = Jsonb(row["anchors"], dumps=_dumps)
            connection.execute(SQL["move_chunk"], row | {"id": chunk_id, "anchors": anchors})
            if renamed or fields != [chunk.kind, chunk.heading]:
                reworded.append(chunk_id)
        else:
            new.append(row)
    gone = [chunk_id for stored in kept.values() for chunk_id, _, _ in stored]
    if gone:
        connection.execute(SQL["delete_chunks"], {"ids": gone})
    write_words(connection, _insert_chunks(connection, document_id, new), anew=reworded)


def _insert_chunks(connection: Connection, document_id: int, rows: Sequence[dict[str, Any]]) -> list[int]:
    if not rows:
        return []
    parameters = {"document_id": document_id, "chunks": Json(rows, dumps=_dumps)}
    return [row[0] for row in connection.execute(SQL["insert_chunks"], parameters)]


def _chunk_row(chunk: Chunk) -> dict[str, Any]:
    return {
        "kind": chunk.kind,
        "heading": chunk.heading,
        "url": chunk.url,
        "text": chunk.text,
        "context": chunk.context,
        "author": chunk.author,
        "created": chunk.created,
        "included_id": chunk.included_id,
        "anchors": [vars(anchor) for anchor in chunk.anchors],
        "hash": chunk.hash,
    }


def _dumps(value: Any) -> str:
    return json.dumps(value, default=datetime.isoformat)


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
        case frozenset():
            return frozenset(_storable(part) for part in value)
        case Document() | Section() | Listed() | AccessRule():
            return replace(value, **{name: _storable(part) for name, part in vars(value).items()})
        case _:
            return value
