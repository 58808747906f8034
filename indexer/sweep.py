"""The sweep of a source: what exists now, and who may read it, against what is indexed.

Changes are read by date; a deletion, a move into view, or a changed permission has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from psycopg_pool import ConnectionPool

from connectors.documents import Connector, Listed
from indexer.errors import SweepRefusedError
from indexer.store import SQL, RuleStore

#: A sweep that would delete more than this share of a source is refused, unless the refresh is full.
DELETION_LIMIT = 0.3
#: ... and more than this many documents; below it, a share says nothing.
DELETION_FLOOR = 20


def sweep(
    pool: ConnectionPool,
    connector: Connector,
    *,
    full: bool,
    read: Callable[[list[str]], set[str]],
    progress: Callable[[int, int], None],
) -> int:
    """Bring existence and permissions up to date; returns how many documents were deleted.

    ``read`` reads and stores the documents of these ids and returns those that exist. It is asked for what is
    listed and not stored, for what was unreadable, and for what is stored and not listed: a list that is paged by
    offset may skip a document while another one is deleted.

    Raises:
        SweepRefusedError: suspiciously many documents seem to be gone; none was deleted.
        ConnectorError: the source cannot be listed.
    """
    source = connector.name
    with pool.connection() as connection:
        stored: dict[str, list[int]] = dict(
            connection.execute(SQL["stored_rules"], {"source": source}).fetchall()
        )
        unreadable = {row[0] for row in connection.execute(SQL["unreadable_ids"], {"source": source})}
    rules = RuleStore(source)
    missing: set[str] = set()
    seen: set[str] = set()
    for listed in connector.listing():
        seen.add(listed.id)
        if listed.id not in stored or listed.id in unreadable:
            missing.add(listed.id)
        elif listed.access_rules is not None:
            _rewrite_rules(pool, source, listed, stored[listed.id], rules)
        if len(seen) % 100 == 0:
            progress(len(seen), max(len(seen), len(stored)))
    progress(len(seen), len(seen))
    gone = [document for document in stored if document not in seen]
    _refuse_a_fault(source, gone=len(gone), total=len(stored), full=full)
    asked = [*sorted(missing), *gone]
    alive = read(asked) if asked else set()
    return _delete(
        pool, source, [document for document in [*gone, *sorted(missing)] if document not in alive]
    )


def _refuse_a_fault(source: str, *, gone: int, total: int, full: bool) -> None:
    if gone == total and gone > DELETION_FLOOR:
        # Not even a full refresh: an account that lost its rights sees exactly this.
        raise SweepRefusedError(
            f"{source} lists none of its {total} documents; nothing was deleted. If they are really gone, "
            "remove the source from the configuration."
        )
    if not full and gone > max(DELETION_FLOOR, DELETION_LIMIT * total):
        raise SweepRefusedError(
            f"{gone} of {total} documents of {source} seem to be gone; nothing was deleted. "
            f"If that is right, run `lorebot index {source} --full`."
        )


def _delete(pool: ConnectionPool, source: str, dead: Sequence[str]) -> int:
    parameters = {"source": source, "source_ids": dead}
    with pool.connection() as connection:
        connection.execute(SQL["without_timeout"])
        deleted = connection.execute(SQL["delete_documents"], parameters).rowcount
        connection.execute(SQL["forget_unreadable"], parameters)
    return deleted


def _rewrite_rules(
    pool: ConnectionPool, source: str, listed: Listed, before: list[int], rules: RuleStore
) -> None:
    # Most documents share a few rules, which the store knows by now; the database is asked for the rest alone.
    with pool.connection() as connection:
        now = rules.ids(connection, listed.access_rules or ())
        if now != before:
            parameters = {"source": source, "source_id": listed.id, "rule_ids": now}
            connection.execute(SQL["set_rules"], parameters)
