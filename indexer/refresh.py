"""Bringing one source up to date: people, changes, deletions and permissions, vectors.

Each document is a transaction of its own. The words are searchable as soon as a document is stored; vectors
follow, the newest first. The watermark moves only when everything up to it is stored, so a crash costs a
repeated read and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import structlog
from psycopg_pool import ConnectionPool

from connectors.documents import Connector, Document, Listed, Unreadable
from connectors.errors import ConnectorError
from indexer.embedding import Embedder
from indexer.errors import IndexerError, SweepRefusedError
from indexer.store import SQL, Outcome, RuleStore, store_document, store_memberships, store_unreadable
from indexer.vectors import embed_source

log = structlog.get_logger(__name__)

#: A sweep that would delete more than this share of a source is refused, unless the refresh is full.
DELETION_LIMIT = 0.3
#: ... and more than this many documents; below it, a share says nothing.
DELETION_FLOOR = 20

Mode = Literal["eager", "lazy"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a refresh is."""

    source: str
    #: "reading", "checking" (deletions and permissions) or "embedding".
    phase: str
    done: int
    #: About how many there are; None while nobody knows.
    total: int | None


@dataclass(frozen=True, kw_only=True)
class RefreshReport:
    """What a refresh did. All but ``documents``, ``chunks`` and ``name`` count this refresh alone."""

    name: str
    documents: int
    created: int
    updated: int
    deleted: int
    unchanged: int
    chunks: int
    embedded: int
    failed: int
    seconds: float


@dataclass
class _Tally:
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    failed: int = 0
    watermark: datetime | None = None

    def count(self, outcome: Outcome, document: Document) -> None:
        self.outcomes[outcome] += 1
        if document.updated and (self.watermark is None or document.updated > self.watermark):
            self.watermark = document.updated


def refresh(
    pool: ConnectionPool,
    connector: Connector,
    embedder: Embedder,
    *,
    full: bool,
    mode: Mode,
    progress: Callable[[Progress], None],
) -> RefreshReport:
    """Bring one source up to date; ``full`` reads everything again and trusts what it finds.

    Raises:
        ConnectorError: the source could not be read; what was stored until then stays.
        SweepRefusedError: suspiciously many documents seem to be gone; nothing was deleted.
        IndexerError: another refresh of the same source is running.
    """
    started = time.monotonic()
    source = connector.name
    with _one_refresh(pool, source), _recorded(pool, source):
        watermark = _begin(pool, source, full)
        _refresh_people(pool, connector)
        tally = _read(pool, connector, embedder, None if full else watermark, progress)
        deleted = _sweep(pool, connector, full, progress)
        embedded = 0
        if mode == "eager":
            embedded = embed_source(
                pool,
                source,
                embedder,
                progress=lambda done, total: progress(
                    Progress(source=source, phase="embedding", done=done, total=total)
                ),
            )
        _end(pool, source, tally.watermark)
        documents, chunks = _count(pool, source)
    report = RefreshReport(
        name=source,
        documents=documents,
        created=tally.outcomes[Outcome.CREATED],
        updated=tally.outcomes[Outcome.UPDATED],
        deleted=deleted,
        # What was written and deleted while the source was read counts as neither.
        unchanged=max(0, documents - tally.outcomes[Outcome.CREATED] - tally.outcomes[Outcome.UPDATED]),
        chunks=chunks,
        embedded=embedded,
        failed=tally.failed,
        seconds=round(time.monotonic() - started, 2),
    )
    log.info("source_refreshed", source=source, full=full, **_figures(report))
    return report


def _figures(report: RefreshReport) -> dict[str, float]:
    return {name: value for name, value in vars(report).items() if name != "name"}


@contextmanager
def _one_refresh(pool: ConnectionPool, source: str) -> Iterator[None]:
    # A connection of its own: the lock lives as long as the session, kill -9 included.
    with pool.connection() as connection:
        (locked,) = connection.execute(SQL["lock_source"], {"source": source}).fetchone() or (False,)
        connection.commit()
        if not locked:
            raise IndexerError(f"{source} is being refreshed just now; wait until that is done.")
        try:
            yield
        finally:
            connection.execute(SQL["unlock_source"], {"source": source})


@contextmanager
def _recorded(pool: ConnectionPool, source: str) -> Iterator[None]:
    """Keep the reason of a failure for `lorebot status`."""
    try:
        yield
    except (ConnectorError, IndexerError) as error:
        with pool.connection() as connection:
            connection.execute(SQL["fail_refresh"], {"source": source, "error": str(error)})
        raise


def _begin(pool: ConnectionPool, source: str, full: bool) -> datetime | None:
    with pool.connection() as connection:
        if full:  # it says anew what cannot be read
            connection.execute(SQL["clear_unreadable"], {"source": source})
        row = connection.execute(SQL["begin_refresh"], {"source": source}).fetchone()
    watermark: datetime | None = row[0] if row else None
    return watermark


def _end(pool: ConnectionPool, source: str, watermark: datetime | None) -> None:
    with pool.connection() as connection:
        connection.execute(SQL["end_refresh"], {"source": source, "watermark": watermark})


def _refresh_people(pool: ConnectionPool, connector: Connector) -> None:
    with pool.connection() as connection:
        store_memberships(connection, connector.name, connector.memberships())


def _read(
    pool: ConnectionPool,
    connector: Connector,
    embedder: Embedder,
    since: datetime | None,
    progress: Callable[[Progress], None],
) -> _Tally:
    tally, rules = _Tally(), RuleStore(connector.name)
    total = connector.estimate(since)
    for done, change in enumerate(connector.changes(since), start=1):
        with pool.connection() as connection:
            if isinstance(change, Unreadable):
                store_unreadable(connection, connector.name, change)
                tally.failed += 1
                log.warning("document_unreadable", source=connector.name, document=change.external_id)
            else:
                outcome = store_document(connection, change, rules=rules, embedder=embedder)
                tally.count(outcome, change)
        progress(Progress(source=connector.name, phase="reading", done=done, total=total))
    return tally


def _sweep(
    pool: ConnectionPool, connector: Connector, full: bool, progress: Callable[[Progress], None]
) -> int:
    """Delete what is gone from the source, and rewrite changed permissions; return how many were deleted."""
    source = connector.name
    with pool.connection() as connection:
        stored: dict[str, list[int]] = dict(
            connection.execute(SQL["stored_rules"], {"source": source}).fetchall()
        )
    total = len(stored)
    rules = RuleStore(source)
    done = 0
    for done, listed in enumerate(connector.listing(), start=1):
        before = stored.pop(listed.id, None)
        if before is not None:
            _rewrite_rules(pool, source, listed, before, rules)
        if done % 100 == 0:
            progress(Progress(source=source, phase="checking", done=done, total=max(done, total)))
    progress(Progress(source=source, phase="checking", done=done, total=done))
    gone = list(stored)
    if not full and len(gone) > max(DELETION_FLOOR, DELETION_LIMIT * total):
        raise SweepRefusedError(
            f"{len(gone)} of {total} documents of {source} seem to be gone; nothing was deleted. "
            f"If that is right, run `lorebot index {source} --full`."
        )
    with pool.connection() as connection:
        connection.execute(SQL["delete_documents"], {"source": source, "source_ids": gone})
        connection.execute(SQL["forget_unreadable"], {"source": source, "source_ids": gone})
    return len(gone)


def _rewrite_rules(
    pool: ConnectionPool, source: str, listed: Listed, before: list[int], rules: RuleStore
) -> None:
    # Most documents share a few rules, which the store knows by now; the database is asked for the rest alone.
    with pool.connection() as connection:
        now = rules.ids(connection, listed.access_rules)
        if now != before:
            parameters = {"source": source, "source_id": listed.id, "rule_ids": now}
            connection.execute(SQL["set_rules"], parameters)


def _count(pool: ConnectionPool, source: str) -> tuple[int, int]:
    with pool.connection() as connection:
        (documents, chunks) = connection.execute(SQL["count_source"], {"source": source}).fetchone() or (0, 0)
    return documents, chunks
