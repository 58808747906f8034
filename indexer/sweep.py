"""The pass over all that exists: what the source lists against what is stored.

Changes are told by date; a deletion, a move into view, or a changed permission has none. One listing serves both the
sweep (what is missing, different or gone) and the permissions (who may read what).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from psycopg import Connection
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from connectors.documents import Connector, Listed
from connectors.errors import ConnectorError
from indexer import cascade, reading_list
from indexer.reading_list import Priority
from indexer.rules import RuleStore
from indexer.statements import load

SQL = load("indexer", "sources.sql")

#: Listed documents compared in one transaction.
BATCH = 500


class Noting(Enum):
    """Which of the listed documents are noted to be read."""

    #: None, but for those that were gone: only permissions are looked at.
    NONE = "none"
    #: What is not stored, or in another version; and what is stored and not listed.
    DIFFERENT = "different"
    #: Everything.
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """What is stored under a listed id."""

    source_id: str
    rule_ids: list[int]
    parts: list[str] | None
    handle: str | None
    #: It was gone from the source.
    gone: bool


@dataclass(kw_only=True)
class Listing:
    """One walk through a source's listing."""

    pool: ConnectionPool
    connector: Connector
    rules: RuleStore
    noting: Noting
    progress: Callable[[int, int | None], None]
    #: Set as the watermark as soon as everything is noted, for a first or full read.
    watermark: datetime | None = None
    seen: set[str] = field(default_factory=set)
    #: Listed twice with different rules, as a page that is moved from one space to another meanwhile.
    moving: set[str] = field(default_factory=set)

    def walk(self) -> None:
        """Compare the whole listing with the index.

        Raises:
            ConnectorError: the source could not be listed; nothing counts as missing.
        """
        source = self.connector.name
        with self.pool.connection() as connection:
            row = connection.execute(SQL["count_listed"], {"source": source}).fetchone()
        stored = int(row[0]) if row else 0
        held: dict[str, Listed] = {}
        try:
            for listed in self.connector.listing():
                self.seen.add(listed.id)
                before = held.get(listed.id, listed)
                if before.access_rules != listed.access_rules:
                    self.moving.add(listed.id)
                held[listed.id] = _both(before, listed)
                if len(held) == BATCH:
                    self._compare(list(held.values()))
                    held = {}
                    self.progress(len(self.seen), max(len(self.seen), stored) or None)
        except ConnectorError:
            # A place that is not shown keeps nothing back of what the others told.
            self._compare(list(held.values()))
            raise
        self._compare(list(held.values()))
        self.progress(len(self.seen), len(self.seen))
        with self.pool.connection() as connection:
            if self.noting is not Noting.NONE:
                self._note_missing(connection)
            if self.watermark is not None:
                connection.execute(SQL["set_watermark"], {"source": source, "watermark": self.watermark})

    def _compare(self, batch: Sequence[Listed]) -> None:
        self.rules.learn(self.pool, (rule for listed in batch for rule in listed.access_rules or ()))
        with self.pool.connection() as connection:
            stored = self._stored(connection, [listed.id for listed in batch])
            told = [listed for listed in batch if listed.access_rules is not None]
            looser = {each.id for each in told if self._tighten(connection, each, stored.get(each.id))}
            if unstored := [each for each in told if each.id not in stored]:
                self._tighten_unstored(connection, unstored)
            wanted = [
                listed.id
                for listed in batch
                if listed.id in looser or self._is_wanted(listed, stored.get(listed.id))
            ]
            if self.noting is Noting.ALL:
                reading_list.note(connection, self.connector.name, wanted, priority=Priority.LISTED)
            else:
                reading_list.note_gently(connection, self.connector.name, wanted, priority=Priority.LISTED)

    def _stored(self, connection: Connection, source_ids: list[str]) -> dict[str, _Stored]:
        parameters = {"source": self.connector.name, "source_ids": source_ids}
        with connection.cursor(row_factory=class_row(_Stored)) as cursor:
            return {row.source_id: row for row in cursor.execute(SQL["stored_among"], parameters)}

    def _is_wanted(self, listed: Listed, stored: _Stored | None) -> bool:
        if stored is not None and stored.gone:
            return True  # it is back; reading it gives it its readers again
        if listed.id in self.moving:
            return True  # reading it tells where it is
        if self.noting is not Noting.DIFFERENT:
            return self.noting is Noting.ALL
        if stored is None or stored.parts is None:
            return True
        return listed.parts is not None and listed.parts != frozenset(stored.parts)

    def _tighten(self, connection: Connection, listed: Listed, stored: _Stored | None) -> bool:
        """Demand what is listed beside what is stored; returns whether the listing would open it.

        A listing may come from a search that lags behind: what it opens is opened by reading the document.
        """
        if stored is None or stored.gone:
            return False
        now = self.rules.ids(connection, listed.access_rules or ())
        both = sorted({*stored.rule_ids, *now}) if stored.rule_ids and now else []
        if both != stored.rule_ids:
            cascade.rewrite_rules(connection, self.connector.name, listed.id, both, handle=stored.handle)
        return both != now

    def _tighten_unstored(self, connection: Connection, batch: Sequence[Listed]) -> None:
        """Demand what is listed wherever the text of a document is taken in that is not stored itself."""
        source = self.connector.name
        included = cascade.included_among(connection, source, [listed.id for listed in batch])
        for listed in batch:
            if listed.id in included:
                rule_ids = self.rules.ids(connection, listed.access_rules or ())
                cascade.tighten_included(connection, source, listed.id, rule_ids)

    def _note_missing(self, connection: Connection) -> None:
        """Note what is stored and not listed: reading it tells whether it is gone, or was only passed over.

        A list that is paged by offset may skip a document while another one is deleted.
        """
        source = self.connector.name
        stored = connection.execute(SQL["stored_ids"], {"source": source})
        missing = [source_id for (source_id,) in stored if source_id not in self.seen]
        reading_list.note(connection, source, missing, priority=Priority.LISTED)
        if self.noting is Noting.ALL:
            cascade.note_attachments(connection, source)


def _both(first: Listed, second: Listed) -> Listed:
    """What holds of a document that is listed twice: the rules of both."""
    if first.access_rules is None or second.access_rules is None:
        return replace(
            second, access_rules=first.access_rules if second.access_rules is None else second.access_rules
        )
    if not first.access_rules or not second.access_rules:  # for nobody
        return replace(second, access_rules=())
    rules = {rule.name: rule for rule in (*first.access_rules, *second.access_rules)}
    return replace(second, access_rules=tuple(rules.values()))
