"""Bringing one source up to date: people and rules, what changed, what exists, the reading, the deletions, vectors.

The passes only note ids in the durable reading list; what is listed is then read, each document in a transaction of
its own. The words are searchable as soon as a document is stored; vectors follow, the newest first. A step that fails
keeps none of the others from being done: permissions that became stricter count even while the documents themselves
cannot be read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import structlog
from psycopg_pool import ConnectionPool

from connectors.documents import Connector, Membership
from connectors.errors import ConnectorError
from indexer import reading_list
from indexer.changes import note_changes
from indexer.deletion import delete_gone
from indexer.embedding import Embedder
from indexer.errors import IndexerError
from indexer.locks import one_refresh
from indexer.passes import EVERYTHING, Pass
from indexer.people import store_people, tighten_people
from indexer.reading import Reader
from indexer.rules import RuleStore, delete_orphans, refresh_rules
from indexer.statements import load
from indexer.store import Outcome
from indexer.sweep import Listing, Noting
from indexer.terms import prepare, reindex, true_up, true_up_if_grown, true_up_if_needed
from indexer.upgrading import note_outdated
from indexer.vectors import embed_source, embedding_beside, settle_live_index

SQL = load("indexer", "sources.sql")

log = structlog.get_logger(__name__)

Mode = Literal["eager", "lazy"]

#: The first window of changes starts so long before the listing did: the source's clock is not ours.
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a refresh is."""

    source: str
    #: "checking" (what exists and who may read it), "reading" or "embedding".
    phase: str
    done: int
    #: About how many there are; None while nobody knows.
    total: int | None


@dataclass(frozen=True, kw_only=True)
class RefreshReport:
    """What a refresh did. All but ``documents``, ``chunks``, ``failed`` and ``name`` count this refresh alone."""

    name: str
    documents: int
    created: int
    updated: int
    deleted: int
    unchanged: int
    chunks: int
    embedded: int
    #: Documents that could not be read and wait for another try.
    failed: int
    seconds: float


@dataclass(kw_only=True)
class _Refresh:
    """One refresh under way."""

    pool: ConnectionPool
    connector: Connector
    embedder: Embedder
    passes: Collection[Pass]
    full: bool
    progress: Callable[[Progress], None]
    rules: RuleStore
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    problems: list[ConnectorError | IndexerError] = field(default_factory=list)
    #: Passes of which a step failed.
    failed: set[Pass] = field(default_factory=set)

    @property
    def source(self) -> str:
        return self.connector.name

    def tell(self, phase: str) -> Callable[[int, int | None], None]:
        return lambda done, total: self.progress(
            Progress(source=self.source, phase=phase, done=done, total=total)
        )

    @contextmanager
    def step(self, *passes: Pass) -> Iterator[None]:
        """A step of these passes, whose failure is kept for the end, so that the next ones are done all the same."""
        try:
            yield
        except (ConnectorError, IndexerError) as error:
            log.info("refresh_step_failed", source=self.source, error=str(error))
            self.problems.append(error)
            self.failed.update(passes)


@dataclass(frozen=True, kw_only=True)
class _Window:
    """From when to when changes are asked for, by the database's clock."""

    watermark: datetime | None
    started: datetime
    #: The first read began; earlier than ``started`` when that was interrupted.
    first_started: datetime


def refresh(
    pool: ConnectionPool,
    connector: Connector,
    embedder: Embedder,
    *,
    passes: Collection[Pass] = EVERYTHING,
    full: bool = False,
    confirm: bool = False,
    mode: Mode,
    progress: Callable[[Progress], None],
) -> RefreshReport:
    """Bring one source up to date; what is listed to be read is read whatever the passes are.

    Args:
        pool: of the index.
        connector: the source.
        embedder: counts tokens, and makes the vectors.
        passes: what to ask the source for. The first refresh makes every pass.
        full: make every pass, and read everything again.
        confirm: delete what is gone, however much it is.
        mode: "lazy" leaves the vectors to the searches.
        progress: told how far the refresh is; what it raises interrupts the refresh.

    Raises:
        ConnectorError: the source could not be read, wholly or in part; what could be done was done.
        SweepRefusedError: suspiciously many documents are gone; they are readable by nobody, but not deleted.
        IndexerError: another refresh of the same source is running.
    """
    clock = time.monotonic()
    rules = RuleStore(connector.name, connector.rule)
    run = _Refresh(
        pool=pool,
        connector=connector,
        embedder=embedder,
        passes=frozenset(passes),
        full=full,
        progress=progress,
        rules=rules,
    )
    with one_refresh(pool, run.source), _recorded(pool, run.source):
        prepare(pool)
        # After an update nothing is counted yet.
        true_up_if_grown(pool)
        window = _begin(run)
        if full or (run.passes and window.watermark is None):
            run.passes = EVERYTHING
        _ask(run, window)
        with _embedding(run, mode) as embedded_beside:
            gone = _read(run)
        deleted = _delete(run, confirm=confirm, gone=gone)
        embedded = embedded_beside() + _embed(run, mode)
        _settle_words(pool)
        _end(run)
    return _report(run, deleted=deleted, embedded=embedded, seconds=time.monotonic() - clock)


def _ask(run: _Refresh, window: _Window) -> None:
    """Make the passes: permissions become right, and what is to be read is noted."""
    if run.passes == EVERYTHING:
        # Whoever asks for everything may have mended what could not be read.
        with run.pool.connection() as connection:
            reading_list.try_again(connection, run.source)
    people = _refresh_permissions(run) if Pass.PERMISSIONS in run.passes else None
    everything = run.full or window.watermark is None
    if Pass.CHANGES in run.passes and window.watermark is not None and not run.full:
        with run.step(Pass.CHANGES):
            note_changes(run.pool, run.connector, since=window.watermark, started=window.started)
    if Pass.SWEEP in run.passes or Pass.PERMISSIONS in run.passes:
        # Everything is listed for the first time, or again: this is where changes go on from.
        watermark = (window.started if run.full else window.first_started) - _CLOCKS_DIFFER
        different = Noting.DIFFERENT if Pass.SWEEP in run.passes else Noting.NONE
        listing = Listing(
            pool=run.pool,
            connector=run.connector,
            rules=run.rules,
            noting=Noting.ALL if run.full else different,
            progress=run.tell("checking"),
            watermark=watermark if everything else None,
        )
        with run.step(*(run.passes if everything else (Pass.SWEEP, Pass.PERMISSIONS))):
            listing.walk()
            if people is not None:
                with run.pool.connection() as connection:
                    store_people(connection, run.source, people)


def _refresh_permissions(run: _Refresh) -> list[Membership] | None:
    """Take from people what they are no longer, and ask about the rules.

    Returns who is who when all is listed; None when who is known has to do, because a rule that still holds may name a
    group that is another one by now.
    """
    people: list[Membership] | None = None
    with run.step(Pass.PERMISSIONS):
        people = list(run.connector.memberships())
        with run.pool.connection() as connection:
            tighten_people(connection, run.source, people)
    with run.step(Pass.PERMISSIONS):
        shut = refresh_rules(run.pool, run.connector, run.rules, answers=people is not None)
        if shut:
            with run.step(Pass.PERMISSIONS):
                raise shut
        return people
    return None


def _read(run: _Refresh) -> int:
    """Read what is listed; returns how many documents turned out to be gone."""
    reader = Reader(
        pool=run.pool,
        connector=run.connector,
        rules=run.rules,
        embedder=run.embedder,
        progress=run.tell("reading"),
        outcomes=run.outcomes,
    )
    with run.step(Pass.CHANGES, Pass.SWEEP):
        reader.read()
    return reader.gone


def _delete(run: _Refresh, *, confirm: bool, gone: int) -> int:
    deleted, refused = delete_gone(run.pool, run.source, confirm=confirm)
    # Refused before, it is on record; a refresh that only reads what changed is not to fail each time.
    if refused and (gone or Pass.SWEEP in run.passes):
        with run.step():
            raise refused
    if Pass.PERMISSIONS in run.passes:
        delete_orphans(run.pool, run.source)
    return deleted


def _embedding(run: _Refresh, mode: Mode) -> AbstractContextManager[Callable[[], int]]:
    """While the source is read, which leaves processors idle, the vectors are made of what is stored already."""
    if mode == "lazy":
        return nullcontext(lambda: 0)
    return embedding_beside(run.pool, run.source, run.embedder)


def _embed(run: _Refresh, mode: Mode) -> int:
    if mode == "lazy":
        settle_live_index(run.pool)
        return 0
    with run.step():
        return embed_source(run.pool, run.source, run.embedder, progress=run.tell("embedding"))
    return 0


def _settle_words(pool: ConnectionPool) -> None:
    """Index anew what was indexed by other rules, and count what has changed so far that searches would notice."""
    if reindex(pool):
        true_up(pool)
    else:
        true_up_if_needed(pool)


@contextmanager
def _recorded(pool: ConnectionPool, source: str) -> Iterator[None]:
    """Keep the reason of a failure for `lorebot status`."""
    try:
        yield
    except (ConnectorError, IndexerError) as error:
        with pool.connection() as connection:
            connection.execute(SQL["fail_refresh"], {"source": source, "error": str(error)})
        raise


def _begin(run: _Refresh) -> _Window:
    with run.pool.connection() as connection:
        row = connection.execute(SQL["begin_refresh"], {"source": run.source}).fetchone()
        note_outdated(connection, run.source)
    assert row is not None, "insert … returning gives a row"
    return _Window(watermark=row[0], started=row[1], first_started=row[2])


def _end(run: _Refresh) -> None:
    """Record how fresh the source is now; raises the first of the problems there were."""
    with run.pool.connection() as connection:
        connection.execute(SQL["end_passes"], {"source": run.source, "passes": [*{*run.passes} - run.failed]})
        if not run.problems:
            connection.execute(SQL["end_refresh"], {"source": run.source})
    if run.problems:
        raise run.problems[0]


def _report(run: _Refresh, *, deleted: int, embedded: int, seconds: float) -> RefreshReport:
    with run.pool.connection() as connection:
        row = connection.execute(SQL["count_source"], {"source": run.source}).fetchone()
        failed = reading_list.count_failed(connection, run.source)
    documents, chunks = row or (0, 0)
    report = RefreshReport(
        name=run.source,
        documents=documents,
        created=run.outcomes[Outcome.CREATED],
        updated=run.outcomes[Outcome.UPDATED],
        deleted=deleted,
        # What was stored may have been deleted again.
        unchanged=max(0, documents - run.outcomes[Outcome.CREATED] - run.outcomes[Outcome.UPDATED]),
        chunks=chunks,
        embedded=embedded,
        failed=failed,
        seconds=round(seconds, 2),
    )
    figures = {name: value for name, value in vars(report).items() if name != "name"}
    log.info("source_refreshed", source=run.source, **figures)
    return report
