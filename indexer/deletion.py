"""Deleting what is gone, unless so much is gone that it looks like a fault of the source.

What is gone is readable by nobody from the moment that the source says so; whether it is deleted, and its vectors
with it, is decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from psycopg import Connection
from psycopg_pool import ConnectionPool

from indexer import cascade
from indexer.errors import SweepRefusedError
from indexer.statements import load

SQL = load("indexer", "sources.sql")

#: Of a place (a space, a project) and of a source at most this share is deleted without being confirmed.
DELETION_LIMIT = 0.3
#: ... or this many documents; below it, a share says nothing.
DELETION_FLOOR = 20


def delete_gone(pool: ConnectionPool, source: str, *, confirm: bool) -> tuple[int, SweepRefusedError | None]:
    """Delete the documents that are gone; returns how many were deleted, and why others were not.

    With ``confirm`` all are deleted, however many they are.
    """
    with pool.connection() as connection:
        gone: dict[str, str] = dict(connection.execute(SQL["gone"], {"source": source}).fetchall())
        if not gone:
            return 0, None
        totals = _totals(connection, source)
        refused = {} if confirm else _refused(source, Counter(gone.values()), totals)
        deletable = [source_id for source_id, place in gone.items() if place not in refused]
        deleted = cascade.delete(connection, source, deletable) if deletable else 0
    return deleted, next(iter(refused.values()), None)


def refusals(connection: Connection, source: str) -> list[str]:
    """One sentence for each place whose documents are gone and kept for want of a confirmation."""
    rows = connection.execute(SQL["gone_places"], {"source": source}).fetchall()
    refused = _refused(source, Counter(dict(rows)), _totals(connection, source))
    return list(dict.fromkeys(str(error) for error in refused.values()))


def _totals(connection: Connection, source: str) -> dict[str, int]:
    return dict(connection.execute(SQL["places"], {"source": source}).fetchall())


def _refused(source: str, gone: Counter[str], totals: Mapping[str, int]) -> dict[str, SweepRefusedError]:
    """Why a place's documents are not deleted, the place that loses most first; all are kept if the source loses
    too many."""
    refused = {
        place: _error(source, place, count, totals[place])
        for place, count in gone.most_common()
        if _is_suspicious(count, totals[place])
    }
    if _is_suspicious(gone.total(), sum(totals.values())):
        whole = _error(source, source, gone.total(), sum(totals.values()))
        return dict.fromkeys(gone, whole) if len(refused) != 1 else dict.fromkeys(gone, *refused.values())
    return refused


def _is_suspicious(gone: int, total: int) -> bool:
    return gone > max(DELETION_FLOOR, DELETION_LIMIT * total)


def _error(source: str, name: str, gone: int, total: int) -> SweepRefusedError:
    return SweepRefusedError(
        f"refusing to delete {round(100 * gone / total)} % of {name} ({gone} of {total} documents); "
        f"if that is right, run `lorebot index {source} --confirm`"
    )
