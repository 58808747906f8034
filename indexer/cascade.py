"""What hangs on a document: its attachments, what is below it, its text in other documents, and those themselves.

Whatever happens to a document's readers or to its existence happens to these in the same transaction; documents
that take in its text are noted to be read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import Connection

from connectors.documents import Document
from indexer import reading_list
from indexer.reading_list import Priority
from indexer.rules import NOBODY
from indexer.statements import load

SQL = load("indexer", "cascade.sql")


def rewrite_rules(
    connection: Connection, source: str, source_id: str, rule_ids: Sequence[int], *, handle: str | None
) -> None:
    """Give a stored document other rules, and all that hangs on it."""
    parameters = {"source": source, "source_id": source_id, "rule_ids": list(rule_ids)}
    connection.execute(SQL["set_rules"], parameters)
    spread_rules(connection, source, source_id, rule_ids)
    note_dependents(connection, source, [handle], but=source_id)


def spread_rules(connection: Connection, source: str, source_id: str, rule_ids: Sequence[int]) -> None:
    """Give the attachments these rules; demand them below the document, and wherever its text is taken in."""
    parameters = {"source": source, "source_id": source_id, "rule_ids": list(rule_ids)}
    connection.execute(SQL["set_rules_of_attachments"], parameters)
    _tighten(connection, source, [source_id], rule_ids)
    if connection.execute(SQL["any_descendant"], parameters).fetchone() is not None:
        connection.execute(SQL["without_timeout"])
        demanded = parameters | {"rule_ids": list(rule_ids) or [NOBODY]}
        hosts = {row[0] for row in connection.execute(SQL["tighten_descendants"], demanded)}
        reading_list.note(connection, source, hosts, priority=Priority.CHANGED)


def note_descendants(
    connection: Connection, document: Document, *, dropped: Iterable[int], former: Iterable[str]
) -> None:
    """Note what is below a document and still has the rules that it dropped, or still is where it was.

    Args:
        connection: in the transaction that stores the document.
        document: as it is now.
        dropped: ids of the rules that it no longer has.
        former: ids of the documents that it was below.
    """
    dropped, left = list(dropped), set(former) - set(document.ancestors)
    if not dropped and set(former) == set(document.ancestors):
        return
    parameters = {
        "source": document.source,
        "source_id": document.id,
        "dropped": dropped,
        "left": sorted(left),
        "above": list(document.ancestors),
    }
    rows = connection.execute(SQL["descendants_to_read"], parameters).fetchall()
    reading_list.note(connection, document.source, [row[0] for row in rows], priority=Priority.LISTED)


def included_among(connection: Connection, source: str, source_ids: Sequence[str]) -> set[str]:
    """Those of these documents whose text is taken in somewhere."""
    parameters = {"source": source, "source_ids": list(source_ids)}
    return {row[0] for row in connection.execute(SQL["included_among"], parameters)}


def tighten_included(connection: Connection, source: str, source_id: str, rule_ids: Sequence[int]) -> None:
    """Demand these rules wherever the text of a document is taken in, and note who takes it in."""
    hosts = _tighten(connection, source, [source_id], rule_ids)
    reading_list.note(connection, source, hosts, priority=Priority.CHANGED)


def demand_rules_of_included(connection: Connection, source: str, source_id: str) -> None:
    """Demand, of who reads a text that a document takes in, the rules of where it is from as they are stored too.

    They may be newer than what was read along with the document; should they be older, they are about to be read.
    """
    connection.execute(SQL["demand_rules_of_included"], {"source": source, "source_id": source_id})


def note_dependents(connection: Connection, source: str, handles: Iterable[str | None], *, but: str) -> None:
    """Note every document that takes in the text of one of these."""
    known = sorted({handle for handle in handles if handle is not None})
    if known:
        rows = connection.execute(SQL["dependents"], {"source": source, "handles": known})
        found = {row[0] for row in rows} - {but}
        reading_list.note(connection, source, found, priority=Priority.CHANGED)


def settle_attachments(connection: Connection, document: Document) -> None:
    """Note the attachments that are new or changed, and delete those that the document no longer has."""
    key = {"source": document.source, "source_id": document.id}
    stored: dict[str, list[str] | None] = dict(connection.execute(SQL["stored_attachments"], key).fetchall())
    listed = {each.id: each.parts for each in document.attachments}
    changed = {
        source_id: parts
        for source_id, parts in listed.items()
        if parts is None or not _same(stored.get(source_id), parts)
    }
    reading_list.note_versions(connection, document.source, changed, priority=Priority.ATTACHMENT)
    gone = [source_id for source_id in stored if source_id not in listed]
    if gone:
        delete(connection, document.source, gone)


def note_attachments(connection: Connection, source: str) -> None:
    """Note every attachment that is stored."""
    rows = connection.execute(SQL["all_attachments"], {"source": source})
    reading_list.note(connection, source, [row[0] for row in rows], priority=Priority.ATTACHMENT)


def _same(stored: Sequence[str] | None, parts: frozenset[str]) -> bool:
    return stored is not None and frozenset(stored) == parts


def hide(connection: Connection, source: str, source_id: str) -> list[str | None]:
    """Make a document readable by nobody, with all that hangs on it; its text and vectors stay for its return.

    Returns the handles by which its text was taken in.
    """
    parameters = {"source": source, "source_id": source_id}
    handles = [row[0] for row in connection.execute(SQL["hide"], parameters)]
    _tighten(connection, source, [source_id], [])
    note_dependents(connection, source, handles, but=source_id)
    return handles


def delete(connection: Connection, source: str, source_ids: Sequence[str]) -> int:
    """Delete attachments, or documents that are hidden already, with all that hangs on them.

    Returns how many, the attachments of documents not counted. Whoever took in their text was noted when they were
    hidden.
    """
    connection.execute(SQL["without_timeout"])
    parameters = {"source": source, "source_ids": list(source_ids)}
    rows = connection.execute(SQL["delete_documents"], parameters).fetchall()
    deleted = [source_id for (source_id,) in rows]
    _tighten(connection, source, deleted, [])
    reading_list.forget(connection, source, [*source_ids, *deleted])
    asked = set(source_ids)
    return sum(source_id in asked for source_id in deleted)


def _tighten(
    connection: Connection, source: str, source_ids: Sequence[str], rule_ids: Sequence[int]
) -> set[str]:
    """Returns the documents in which a text became stricter."""
    parameters = {"source": source, "source_ids": list(source_ids), "rule_ids": list(rule_ids) or [NOBODY]}
    return {row[0] for row in connection.execute(SQL["tighten_included"], parameters)}
