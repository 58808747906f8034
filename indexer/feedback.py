"""What people said of answers, counted by the documents that these cited.

It moves a document's score within the bound ``Ranking.feedback``: by half of it after four opinions of one kind, and
never by all of it, however many there are. So nobody can raise or bury a document by clicking.
"""

from __future__ import annotations

from collections.abc import Collection

from psycopg_pool import ConnectionPool

from indexer.statements import load

SQL = load("indexer", "feedback.sql")


def record(pool: ConnectionPool, document_ids: Collection[int], *, helpful: bool) -> None:
    """Count one opinion for each of these documents; those that are gone are passed over."""
    counts = {"helpful": int(helpful), "unhelpful": int(not helpful)}
    with pool.connection() as connection:
        connection.execute(SQL["record"], {"ids": sorted(set(document_ids)), **counts})
