"""Bringing one source up to date: people, changes, deletions and permissions, vectors.

Each document is a transaction of its own. The words are searchable as soon as a document is stored; vectors
follow, the newest first. A step that fails keeps none of the others from being done: permissions that became
stricter count even while the documents themselves cannot be read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import structlog
from psycopg_pool import ConnectionPool

from connectors.documents import Connector, Document, Unreadable
from connectors.errors import ConnectorError
from indexer.embedding import Embedder
from indexer.errors import IndexerError
from indexer.store import SQL, Outcome, RuleStore, store_document, store_memberships, store_unreadable
from indexer.sweep import sweep
from indexer.vectors import embed_source

log = structlog.get_logger(__name__)

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


@dataclass(kw_only=True)
class _Refresh:
    """One refresh under way."""

    pool: ConnectionPool
    connector: Connector
    embedder: Embedder
    progress: Callable[[Progress], None]
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    failed: int = 0
    newest: datetime | None = None
    problems: list[ConnectorError | IndexerError] = field(default_factory=list)

    @property
    def source(self) -> str:
        return self.connector.name

    def tell(self, phase: str, done: int, total: int | None) -> None:
        self.progress(Progress(source=self.source, phase=phase, done=done, total=total))

    @contextmanager
    def step(self) -> Iterator[None]:
        """A step whose failure is kept for the end, so that the next ones are done all the same."""
        try:
            yield
        except (ConnectorError, IndexerError) as error:
            log.info("refresh_step_failed", source=self.source, error=str(error))
            self.problems.append(error)


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
        ConnectorError: the source could not be read, wholly or in part; what could be done was done.
        SweepRefusedError: suspiciously many documents seem to be gone; none was deleted.
        IndexerError: another refresh of the same source is running.
    """
    clock = time.monotonic()
    run = _Refresh(pool=pool, connector=connector, embedder=embedder, progress=progress)
    with _one_refresh(pool, run.source), _recorded(pool, run.source):
        watermark = _begin(run)
        with run.step():
            _refresh_people(run)
        with run.step():
            _read_changes(run, None if full else watermark)
            _move_watermark(run, full=full)
        deleted = 0
        with run.step():
            deleted = _sweep(run, full=full)
        embedded = _embed(run) if mode == "eager" else 0
        if run.problems:
            raise run.problems[0]
        _end(run)
    return _report(run, deleted=deleted, embedded=embedded, seconds=time.monotonic() - clock)


def _report(run: _Refresh, *, deleted: int, embedded: int, seconds: float) -> RefreshReport:
    with run.pool.connection() as connection:
        documents, chunks = connection.execute(SQL["count_source"], {"source": run.source}).fetchone() or (
            0,
            0,
        )
    touched = run.outcomes[Outcome.CREATED] + run.outcomes[Outcome.UPDATED]
    report = RefreshReport(
        name=run.source,
        documents=documents,
        created=run.outcomes[Outcome.CREATED],
        updated=run.outcomes[Outcome.UPDATED],
        deleted=deleted,
        # What was stored may have been swept again.
        unchanged=max(0, documents - touched),
        chunks=chunks,
        embedded=embedded,
        failed=run.failed,
        seconds=round(seconds, 2),
    )
    figures = {name: value for name, value in vars(report).items() if name != "name"}
    log.info("source_refreshed", source=run.source, **figures)
    return report


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


def _begin(run: _Refresh) -> datetime | None:
    with run.pool.connection() as connection:
        row = connection.execute(SQL["begin_refresh"], {"source": run.source}).fetchone()
    watermark: datetime | None = row[0] if row else None
    return watermark


def _end(run: _Refresh) -> None:
    with run.pool.connection() as connection:
        connection.execute(SQL["end_refresh"], {"source": run.source})


def _refresh_people(run: _Refresh) -> None:
    memberships = list(run.connector.memberships())
    with run.pool.connection() as connection:
        store_memberships(connection, run.source, memberships)


def _read_changes(run: _Refresh, since: datetime | None) -> None:
    if since is None:
        # Everything is read: what is still unreadable will be recorded again.
        with run.pool.connection() as connection:
            connection.execute(SQL["clear_unreadable"], {"source": run.source})
    total = run.connector.estimate(since)
    done = 0
    for done in _store(run, run.connector.changes(since)):
        run.tell("reading", done, total)
    run.tell("reading", done, done)  # the estimate was only one


def _move_watermark(run: _Refresh, *, full: bool) -> None:
    """Everything up to it is stored. What changed while we read lies after the start, and is read next time."""
    if run.newest is None:
        return
    parameters = {"source": run.source, "watermark": min(run.newest, run.started)}
    with run.pool.connection() as connection:
        connection.execute(SQL["set_watermark" if full else "raise_watermark"], parameters)


def _store(run: _Refresh, changes: Iterable[Document | Unreadable]) -> Iterator[int]:
    """Store documents one by one, each in a transaction; yields how many are done."""
    rules = RuleStore(run.source)
    for done, change in enumerate(changes, start=1):
        with run.pool.connection() as connection:
            if isinstance(change, Unreadable):
                store_unreadable(connection, run.source, change)
                run.failed += 1
                log.warning("document_unreadable", source=run.source, document=change.external_id)
            else:
                outcome = store_document(connection, change, rules=rules, embedder=run.embedder)
                run.outcomes[outcome] += 1
                run.newest = max(filter(None, (run.newest, change.updated)), default=None)
        yield done


def _sweep(run: _Refresh, *, full: bool) -> int:
    """Delete what is gone, rewrite changed permissions, and read what appeared without being new."""

    def read(ids: list[str]) -> set[str]:
        found: set[str] = set()

        def noted() -> Iterator[Document | Unreadable]:
            for document in run.connector.documents(ids):
                found.add(document.id)
                yield document

        for done in _store(run, noted()):
            run.tell("reading", done, len(ids))
        return found

    return sweep(
        run.pool,
        run.connector,
        full=full,
        read=read,
        progress=lambda done, total: run.tell("checking", done, total),
    )


def _embed(run: _Refresh) -> int:
    return embed_source(
        run.pool, run.source, run.embedder, progress=lambda done, total: run.tell("embedding", done, total)
    )
