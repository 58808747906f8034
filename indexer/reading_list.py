"""The durable list of what is to be read of a source.

Whoever learns that a document is new, changed or perhaps gone notes its id; it stays listed until what was read is
stored, in the same transaction. So a crash, an outage or a kill -9 loses nothing: the list goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import takewhile

from psycopg import Connection
from psycopg.rows import class_row

from connectors.documents import Unreadable
from indexer.statements import load

SQL = load("indexer", "reading_list.sql")


class Priority(IntEnum):
    """What is read first: the lowest."""

    #: Somebody changed it seconds ago, as a webhook told.
    HINT = 0
    CHANGED = 1
    LISTED = 2
    ATTACHMENT = 3


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One id that was picked up to be read."""

    source_id: str
    #: As it was when it was picked up: a later one means that it has to be read again.
    noted_at: datetime
    priority: int
    #: How often its batch was given up in a row before it was found out which of them could not be read.
    setbacks: int


def note(
    connection: Connection,
    source: str,
    source_ids: Collection[str],
    *,
    priority: Priority,
    delay: timedelta = timedelta(0),
) -> None:
    """Note that these have changed; they are read again even when they are being read just now."""
    if source_ids:
        parameters = {"source": source, "source_ids": sorted(source_ids), "priority": priority}
        connection.execute(SQL["note"], parameters | {"delay": delay})


def note_gently(
    connection: Connection, source: str, source_ids: Sequence[str], *, priority: Priority
) -> None:
    """Note that these are missing, in this order; what is listed already keeps its turn, or waits for its next try."""
    if source_ids:
        parameters = {"source": source, "source_ids": list(source_ids), "priority": priority}
        connection.execute(SQL["note_gently"], parameters)


def note_versions(
    connection: Connection,
    source: str,
    versions: Mapping[str, frozenset[str] | None],
    *,
    priority: Priority,
) -> None:
    """Note that these are missing in the version that has these parts.

    They may be being read just now, in an older version, and are then read again. Those that could not be read wait
    for their next try if it was this version that could not.
    """
    if versions:
        words = [None if parts is None else " ".join(sorted(parts)) for parts in versions.values()]
        parameters = {"source": source, "source_ids": list(versions), "versions": words}
        connection.execute(SQL["note_versions"], parameters | {"priority": priority})


def pick(connection: Connection, source: str, *, limit: int, held: Collection[str]) -> list[Entry]:
    """The next ones to read, but for those that are held already; fewer where a whole batch could not be read."""
    parameters = {"source": source, "limit": limit, "held": list(held)}
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        found = cursor.execute(SQL["pick"], parameters).fetchall()
    alike = list(takewhile(lambda entry: entry.setbacks == found[0].setbacks, found))
    return alike[: max(1, limit >> min(alike[0].setbacks, 16))] if alike else []


def strike_off(connection: Connection, source: str, entry: Entry) -> bool:
    """It is read and stored. False: it was noted again meanwhile, and stays listed."""
    return connection.execute(SQL["strike_off"], {"source": source} | vars(entry)).rowcount > 0


def is_listed(connection: Connection, source: str, source_id: str) -> bool:
    """Whether it is still to be read; nobody strikes it off before the transaction ends."""
    parameters = {"source": source, "source_id": source_id}
    return connection.execute(SQL["is_listed"], parameters).fetchone() is not None


def put_off(connection: Connection, source: str, entry: Entry, document: Unreadable) -> None:
    """It could not be read: keep the reason, and try again later and later, from 5 minutes to a day."""
    values = {"external_id": document.external_id, "reason": document.reason}
    connection.execute(SQL["put_off"], {"source": source} | vars(entry) | values)


def try_again(connection: Connection, source: str) -> None:
    """Read what could not be read as soon as the list is read, instead of when its time comes."""
    connection.execute(SQL["try_again"], {"source": source})


def put_behind(
    connection: Connection, source: str, entries: Collection[Entry], *, smaller: bool = False
) -> None:
    """These could not be read, it is not known why: next time the others come first.

    With ``smaller`` they come in smaller batches then, which tell why.
    """
    parameters = {
        "source": source,
        "source_ids": [entry.source_id for entry in entries],
        "noted_ats": [entry.noted_at for entry in entries],
        "setbacks": int(smaller),
    }
    connection.execute(SQL["put_behind"], parameters)


def any_other(connection: Connection, source: str, *, but: Collection[str]) -> str | None:
    """Any document of the source but these: one that was read before, else one that is listed."""
    row = connection.execute(SQL["any_other"], {"source": source, "but": list(but)}).fetchone()
    return None if row is None else str(row[0])


def forget(connection: Connection, source: str, source_ids: Sequence[str]) -> None:
    """These are deleted: there is nothing left to read or to delete."""
    connection.execute(SQL["forget"], {"source": source, "source_ids": list(source_ids)})


def mark_gone(connection: Connection, source: str, entry: Entry) -> None:
    """The source has it no longer: it is not read again unless it is noted again."""
    connection.execute(SQL["mark_gone"], {"source": source} | vars(entry))


def count_waiting(connection: Connection, source: str) -> int:
    """How many are to be read now."""
    return _count(connection, "count_waiting", source)


def count_failed(connection: Connection, source: str) -> int:
    """How many could not be read and wait for another try."""
    return _count(connection, "count_failed", source)


def _count(connection: Connection, statement: str, source: str) -> int:
    row = connection.execute(SQL[statement], {"source": source}).fetchone()
    return int(row[0]) if row else 0
