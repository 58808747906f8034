"""The pass over what changed: from the watermark on, ids are noted, and the watermark moves with the last of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg_pool import ConnectionPool

from connectors.documents import Changed, Connector
from connectors.errors import ConnectorError
from indexer import reading_list
from indexer.reading_list import Priority
from indexer.statements import load

SQL = load("indexer", "sources.sql")

#: Ids noted in one transaction.
BATCH = 500

#: A change from so far in the future is no clock that is off, but a date that somebody made up.
_CLOCKS_DIFFER = timedelta(hours=1)


def note_changes(pool: ConnectionPool, connector: Connector, *, since: datetime, started: datetime) -> None:
    """Note all that changed since the watermark, and move it: both or neither.

    Whatever changes from ``started`` on is left to the next window, whatever dates the source tells.

    Raises:
        ConnectorError: the source could not be asked; what it told is noted, and the window is asked for again.
    """
    newest: datetime | None = None
    held: list[Changed] = []
    try:
        for changed in connector.changes(since):
            if changed.updated is not None and changed.updated <= started + _CLOCKS_DIFFER:
                newest = max(newest or changed.updated, changed.updated)
            held.append(changed)
            if len(held) == BATCH:
                with pool.connection() as connection:
                    _note(connection, connector.name, held)
                held = []
    except ConnectorError:
        with pool.connection() as connection:
            _note(connection, connector.name, held)
        raise
    with pool.connection() as connection:
        _note(connection, connector.name, held)
        if newest is not None:
            parameters = {"source": connector.name, "watermark": min(newest, started)}
            connection.execute(SQL["raise_watermark"], parameters)


def _note(connection: Connection, source: str, changes: Sequence[Changed]) -> None:
    """Note these, but for those whose change is stored already: windows overlap, and that costs nothing."""
    parameters = {"source": source, "source_ids": list({changed.id for changed in changes})}
    stored: dict[str, list[str] | None] = dict(connection.execute(SQL["stored_parts"], parameters).fetchall())
    new = {changed.id for changed in changes if changed.part not in (stored.get(changed.id) or ())}
    reading_list.note(connection, source, new, priority=Priority.CHANGED)
