"""Asking the source for a batch of documents, and finding the one that keeps the others from being read.

A batch that fails is cut in two as long as the source gives another document at that very moment: then the fault is
of one of these, and the source is not down. What fails by itself is recorded as unreadable, so that nothing keeps a
healthy document out for ever.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import structlog

from connectors.documents import Connector, Document, Unreadable
from connectors.errors import AuthenticationError, CertificateError, ConnectorError, RemovedError
from indexer.reading_list import Entry

log = structlog.get_logger(__name__)

#: Never the fault of one document; and who signs in wrongly over and over is shut out.
_OF_THE_SOURCE = (AuthenticationError, CertificateError, RemovedError)

#: Failed requests, and the seconds that they may take, in one refresh; the next one goes on with smaller batches.
MOST_FAILURES = 48
MOST_SECONDS = 300.0

#: Asked for one by one where there is no other document to see whether the source works.
_SAMPLE = 3


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What became of one batch; with an error, some of it has not been read."""

    entries: dict[str, Entry]
    read: list[Document | Unreadable]
    #: Remain listed.
    unread: list[Entry]
    error: ConnectorError | None
    #: The source works, and these are to be read in smaller batches next time.
    tiring: bool


@dataclass(kw_only=True)
class Fetcher:
    """Reads the batches of one refresh; :meth:`fetch` may run in several threads at once."""

    connector: Connector
    #: Tells the id of any document of the source but these.
    any_other: Callable[[Collection[str]], str | None]
    _failures: list[float] = field(default_factory=list)
    _readable: str | None = None
    #: The source is down: the other threads need not find out.
    _down: bool = False

    def fetch(self, entries: Sequence[Entry]) -> Batch:
        """Read one batch; what was read before an error counts."""
        by_id = {entry.source_id: entry for entry in entries}
        read: list[Document | Unreadable] = []
        waiting: list[list[str]] = [list(by_id)]
        error: ConnectorError | None = None
        tiring, failures = False, 0
        while waiting and error is None:
            ids = waiting.pop()
            left, failure = self._ask(ids, read)
            if not left or failure is None:
                continue
            failures += 1
            if isinstance(failure, ConnectorError) and not self._is_theirs(failure, left):
                waiting.append(left)
                error = failure
            elif isinstance(failure, ConnectorError) and self._is_tired():
                waiting.append(left)
                error, tiring = failure, True
            elif len(ids) == 1 and failures == 1:
                waiting.append(ids)  # the source may have been down, and is up again
            elif len(ids) == 1:
                read.append(self._blame(ids[0], failure))
            else:
                middle = (len(left) + 1) // 2
                waiting += [half for half in (left[middle:], left[:middle]) if half]
        unread = [by_id[source_id] for ids in waiting for source_id in ids]
        return Batch(entries=by_id, read=read, unread=unread, error=error, tiring=tiring)

    def _ask(self, ids: list[str], read: list[Document | Unreadable]) -> tuple[list[str], Exception | None]:
        """Read these; returns those about which nothing is known when it fails."""
        given: set[str] = set()
        started = time.monotonic()
        try:
            for document in self.connector.documents(ids):
                read.append(document)  # one by one, for what comes before an error
                given.add(document.id)
                if isinstance(document, Document):
                    self._readable = document.id
        except Exception as error:  # noqa: BLE001 - a fault of ours in one document must not stop the source for ever
            self._failures.append(time.monotonic() - started)
            return [source_id for source_id in ids if source_id not in given], error
        return [], None

    def _is_theirs(self, failure: ConnectorError, ids: list[str]) -> bool:
        """Whether it is the fault of one of these: the source gives another document just now."""
        if isinstance(failure, _OF_THE_SOURCE) or self._down:
            return False
        works = any(map(self._gives, self._others(ids)))
        if not works:
            self._readable, self._down = None, True
        return works

    def _others(self, ids: list[str]) -> list[str]:
        """What to ask for to see whether the source works; some of these themselves where there is nothing else."""
        # It may be one of these: alone it was given.
        another = self._readable if [self._readable] != ids else None
        another = another or self.any_other(ids)
        if another is not None:
            return [another]
        return random.sample(ids, min(len(ids), _SAMPLE)) if len(ids) > 1 else []

    def _gives(self, source_id: str) -> bool:
        try:
            given = list(self.connector.documents([source_id]))
        except Exception:  # noqa: BLE001 - also one that our own fault keeps from being read tells nothing
            return False
        if any(isinstance(each, Unreadable) for each in given):
            return False
        self._readable = source_id
        return True

    def _is_tired(self) -> bool:
        return len(self._failures) > MOST_FAILURES or sum(self._failures) > MOST_SECONDS

    def _blame(self, source_id: str, failure: Exception) -> Unreadable:
        if isinstance(failure, ConnectorError):
            return Unreadable(id=source_id, external_id=source_id, reason=str(failure))
        # The type and the place alone: the message may hold text of the document.
        place = traceback.extract_tb(failure.__traceback__)[-1]
        name = type(failure).__name__
        log.error(
            "document_broke_the_reader",
            source=self.connector.name,
            document=source_id,
            at=f"{place.filename}:{place.lineno}",
            error=name,
        )
        reason = f"It could not be read because of a fault of ours ({name}); please report it."
        return Unreadable(id=source_id, external_id=source_id, reason=reason)
