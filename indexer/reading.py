"""Reading what is listed: batches of ids, a few at once, each document stored in a transaction of its own.

The transaction that stores a document strikes it off the list, so that a crash costs the batches in flight and
nothing else. Results are stored in order, by the calling thread alone.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg
import structlog
from psycopg import Connection
from psycopg_pool import ConnectionPool

from connectors.documents import Connector, Document, Unreadable
from connectors.errors import ConnectorError
from indexer import cascade, reading_list
from indexer.embedding import Embedder
from indexer.fetching import Batch, Fetcher
from indexer.journal import Journal
from indexer.reading_list import Entry, Priority
from indexer.rules import RuleStore
from indexer.statements import load
from indexer.store import Outcome, rules_of, store_document
from indexer.terms import true_up_if_grown

SQL = load("indexer", "sources.sql")

log = structlog.get_logger(__name__)

#: Batches that are asked for at once; what the source allows is the client's limiter's to say.
IN_FLIGHT = 4

#: So often one document is read in one refresh: two that take in each other's text must not go on for ever.
_ROUNDS = 3


#: What the database says of one document that it cannot take, and not of the database itself.
_REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)


@dataclass(kw_only=True)
class Reader:
    """Reads the list of one source to its end."""

    pool: ConnectionPool
    connector: Connector
    rules: RuleStore
    embedder: Embedder
    #: Told how many are done, of how many.
    progress: Callable[[int, int], None]
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    #: Documents, attachments not counted, that turned out to be gone.
    gone: int = 0
    _journal: Journal = field(default_factory=Journal)
    _held: set[str] = field(default_factory=set)
    _rounds: Counter[str] = field(default_factory=Counter)
    _done: int = 0
    _total: int = 0

    @property
    def _source(self) -> str:
        return self.connector.name

    def read(self) -> None:
        """Read and store everything that is listed and due.

        Raises:
            ConnectorError: the source failed; what it gave is stored, the rest remains listed.
        """
        fetcher = Fetcher(connector=self.connector, any_other=self._any_other)
        executor = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix=f"read-{self._source}")
        flying: deque[tuple[int, Future[Batch]]] = deque()
        error: ConnectorError | None = None
        try:
            while True:
                while error is None and len(flying) < IN_FLIGHT and (entries := self._pick()):
                    flying.append((self._journal.now, executor.submit(fetcher.fetch, entries)))
                if not flying:
                    break
                began, future = flying.popleft()
                batch = future.result()
                self._store(batch, began)
                true_up_if_grown(self.pool)
                error = error or batch.error
        finally:
            # Interrupted, it does not wait for what nobody will store.
            executor.shutdown(wait=False, cancel_futures=True)
        if error is not None:
            raise error

    def _pick(self) -> list[Entry]:
        with self.pool.connection() as connection:
            entries = reading_list.pick(
                connection, self._source, limit=self.connector.batch_size, held=self._held
            )
            if self._done + len(self._held) + len(entries) > self._total:
                self._total = self._done + reading_list.count_waiting(connection, self._source)
        self._held.update(entry.source_id for entry in entries)
        return entries

    def _any_other(self, source_ids: Collection[str]) -> str | None:
        with self.pool.connection() as connection:
            return reading_list.any_other(connection, self._source, but=source_ids)

    def _store(self, batch: Batch, began: int) -> None:
        missing = dict(batch.entries)
        for document in batch.read:
            entry = missing.pop(document.id, None)
            if entry is not None:
                self._store_one(document, entry, began)
                self._finish(entry)
        if batch.unread:
            with self.pool.connection() as connection:
                reading_list.put_behind(connection, self._source, batch.unread, smaller=batch.tiring)
            for entry in batch.unread:
                missing.pop(entry.source_id, None)
        for entry in missing.values():
            with self.pool.connection() as connection:
                self._take_away(connection, entry)
            self._finish(entry)

    def _finish(self, entry: Entry) -> None:
        if entry.priority != Priority.LISTED:
            self._rounds[entry.source_id] += 1
        if self._rounds[entry.source_id] < _ROUNDS:
            self._held.discard(entry.source_id)
        self._done += 1
        self.progress(self._done, max(self._done, self._total))

    def _store_one(self, document: Document | Unreadable, entry: Entry, began: int) -> None:
        if isinstance(document, Document):
            self.rules.learn(self.pool, rules_of(document))
            try:
                with self.pool.connection() as connection:
                    changed = self._take_in(connection, document, entry, began)
                self._journal.note(changed)
                return
            except _REFUSED as error:
                # What the transaction wrote is gone, rules included.
                self.rules.forget()
                reason = (
                    f"{document.external_id} cannot be stored (SQLSTATE {error.sqlstate}); please report it."
                )
            document = Unreadable(id=document.id, external_id=document.external_id, reason=reason)
        with self.pool.connection() as connection:
            reading_list.put_off(connection, self._source, entry, document)
        log.warning("document_unreadable", source=self._source, document=document.external_id)

    def _take_in(
        self, connection: Connection, document: Document, entry: Entry, began: int
    ) -> list[str | None]:
        """Store it; returns the names under which it is taken in by others, where that is another text now."""
        # An attachment may have been deleted with its parent while it was being read.
        if not reading_list.is_listed(connection, self._source, entry.source_id):
            return []
        before = self._as_included(connection, document)
        outcome = store_document(connection, document, rules=self.rules, embedder=self.embedder)
        self.outcomes[outcome] += 1
        reading_list.strike_off(connection, self._source, entry)
        included = [section.included_id for section in document.sections]
        if any(included):
            cascade.demand_rules_of_included(connection, self._source, document.id)
        if self._journal.changed_since(began, [*document.includes, *included]):
            # It was read before that.
            reading_list.note(connection, self._source, [document.id], priority=Priority.CHANGED)
        after = self._as_included(connection, document)
        return [] if before == after else [document.id, document.handle, before[0]]

    def _as_included(self, connection: Connection, document: Document) -> tuple[Any, ...]:
        """By which name others take it in, its text and its readers, as they are stored."""
        if document.handle is None:
            return (None,)
        key = {"source": self._source, "source_id": document.id}
        return connection.execute(SQL["stored_as_included"], key).fetchone() or (None,)

    def _take_away(self, connection: Connection, entry: Entry) -> None:
        """The source has it no longer: nobody may read it from now on."""
        row = connection.execute(
            SQL["stored_parent"], {"source": self._source, "source_id": entry.source_id}
        ).fetchone()
        if row is None:
            reading_list.strike_off(connection, self._source, entry)
        elif row[0] is not None:  # an attachment
            if reading_list.strike_off(connection, self._source, entry):
                cascade.delete(connection, self._source, [entry.source_id])
        else:
            handles = cascade.hide(connection, self._source, entry.source_id)
            self._journal.note([entry.source_id, *handles])
            reading_list.mark_gone(connection, self._source, entry)
            self.gone += 1
            log.info("document_gone", source=self._source, document=entry.source_id)
