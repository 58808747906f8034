"""Refreshing a source: which passes are made, what is read for them, and what they report."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.documents import Document, Membership
from connectors.errors import SourceUnavailableError
from indexer import status
from indexer.embedding import Embedder
from indexer.errors import IndexerError
from indexer.passes import Pass
from indexer.reading_list import Priority, note
from lorebot.database.pool import open_pool
from tests.integration.indexer.conftest import long

Make = Callable[..., Document]


def test_a_first_refresh_stores_and_embeds_everything(index: Any, source: Any, document: Make) -> None:
    """The report counts documents, chunks and vectors; the progress names its phases in order."""
    source.put(*(document(n, long(f"Text {n} of the wiki."), long(f"More {n}.")) for n in range(3)))

    report = index.refresh(source)

    assert (report.name, report.documents, report.created, report.updated) == ("wiki", 3, 3, 0)
    assert (report.deleted, report.unchanged, report.failed) == (0, 0, 0)
    assert (report.chunks, report.embedded) == (6, 6)
    assert list(dict.fromkeys(step.phase for step in index.progress)) == ["checking", "reading", "embedding"]
    assert index.progress[-1].done == index.progress[-1].total == 6


def test_a_document_that_appears_with_an_old_date_is_read(index: Any, source: Any, document: Make) -> None:
    """Moved into the space, or shown to our account only now: no change tells of it, the listing does."""
    source.put(document(1, "One.", day=20))
    index.refresh(source)
    source.put(document(2, "The tram to the harbour is number twelve.", day=2))

    report = index.refresh(source)

    assert (report.created, report.documents) == (1, 2)


def test_a_second_refresh_reads_and_embeds_nothing(index: Any, source: Any, document: Make) -> None:
    """Windows overlap and the listing is whole, but whose version is stored is not read."""
    source.edit(document(1, "One."), document(2, "Two."))
    index.refresh(source)
    source.batches.clear()

    report = index.refresh(source)

    assert (source.read, len(source.asked_since), source.listings) == ([], 1, 2)
    assert (report.created, report.updated, report.unchanged, report.embedded) == (0, 0, 2, 0)


def test_a_changed_document_is_read_again_and_only_its_changed_chunk_embedded(
    index: Any, source: Any, document: Make
) -> None:
    """The other chunk keeps its vector; the watermark is where the change was."""
    source.put(document(1, long("Stays."), long("Goes.")), document(2, "Two."))
    index.refresh(source)
    source.batches.clear()
    source.edit(document(1, long("Stays."), long("Comes.")))

    report = index.refresh(source, Pass.CHANGES)

    assert source.read == ["1"]
    assert (report.created, report.updated, report.unchanged, report.embedded) == (0, 1, 1, 1)
    assert index.rows("select watermark from sources") == [(source.held["1"].updated,)]


def test_a_source_that_tells_no_versions_is_read_by_date(index: Any, source: Any, document: Make) -> None:
    """What is in the window is read; the listing alone gives no reason to read anything."""
    source.tells_parts = False
    source.put(document(1, "One."), document(2, "Two."))
    index.refresh(source)
    source.batches.clear()
    source.edit(document(2, "Two and a half."))

    assert index.refresh(source).updated == 1
    assert source.read == ["2"]


def test_a_full_refresh_reads_everything_again_and_embeds_nothing_anew(
    index: Any, source: Any, document: Make
) -> None:
    """Versions are passed over, the vectors stay; a watermark of a clock that was wrong is put right."""
    source.put(document(1, "One."), document(2, "Two."))
    index.refresh(source)
    with index.pool.connection() as connection:
        connection.execute("update sources set watermark = '2999-01-01'")
    source.batches.clear()

    report = index.refresh(source, Pass.CHANGES, full=True)

    assert source.read == ["1", "2"]
    assert (report.unchanged, report.embedded) == (2, 0)
    ((watermark,),) = index.rows("select watermark from sources")
    assert watermark < datetime.now(UTC)


def test_a_first_refresh_makes_every_pass(index: Any, source: Any, document: Make) -> None:
    """Whatever it is asked for: without its people and listing, a source is not there."""
    source.people = [Membership(email="ada@example.com", principals=frozenset({"user:1"}))]
    source.put(document(1, "One."))

    index.refresh(source, Pass.CHANGES)

    (state,) = status.sources(index.pool)
    assert state.last_changes == state.last_sweep == state.last_permissions == state.last_started
    assert index.rows("select email from memberships") == [("ada@example.com",)]


def test_each_pass_has_its_own_freshness(index: Any, source: Any, document: Make) -> None:
    """A pass that failed is as old as before."""
    source.put(document(1, "One."))
    index.refresh(source)
    (before,) = status.sources(index.pool)
    source.broken_listing = SourceUnavailableError("wiki did not answer; try again later.")

    with pytest.raises(SourceUnavailableError):
        index.refresh(source)

    (after,) = status.sources(index.pool)
    assert after.last_changes > before.last_changes
    assert (after.last_sweep, after.last_permissions) == (before.last_sweep, before.last_permissions)


def test_without_a_pass_only_what_is_listed_is_read(index: Any, source: Any, document: Make) -> None:
    """That is what a webhook's hint asks for."""
    source.put(document(1, "One."), document(2, "Two."))
    index.refresh(source)
    source.edit(document(1, "One more."), document(2, "Two more."))
    source.batches.clear()
    with index.pool.connection() as connection:
        note(connection, "wiki", ["2"], priority=Priority.HINT)

    assert index.refresh(source, passes=()).updated == 1
    assert (source.read, source.asked_since, source.listings) == (["2"], [], 1)


@pytest.mark.parametrize("ahead", [timedelta(days=400), timedelta(minutes=30)])
def test_the_watermark_never_passes_the_start_of_the_refresh(
    index: Any, source: Any, document: Make, ahead: timedelta
) -> None:
    """Whatever dates the documents bear: what changes while we read is read the next time."""
    source.put(document(1, "One."))
    index.refresh(source)
    source.put(document(1, "One more.", updated=datetime.now(UTC) + ahead))

    index.refresh(source, Pass.CHANGES)

    ((watermark, started),) = index.rows("select watermark, last_started from sources")
    assert watermark <= started


def test_what_the_hint_did_not_say_is_found_by_the_sweep(index: Any, source: Any, document: Make) -> None:
    """A new version under an old date, as after a restored backup."""
    source.put(document(1, "One.", day=3))
    index.refresh(source)
    source.put(document(1, "One restored.", day=2))

    assert index.refresh(source, Pass.CHANGES).updated == 0
    assert index.refresh(source, Pass.SWEEP).updated == 1


def test_two_refreshes_of_one_source_at_once_are_refused(index: Any, source: Any, document: Make) -> None:
    """The second is told to wait; another source is not in its way, and afterwards the lock is free."""
    reading, go_on = threading.Event(), threading.Event()

    def hold(_: str) -> None:
        reading.set()
        assert go_on.wait(10)

    source.put(document(1, "One."))
    source.on_read = hold
    other = type(source)(name="other")
    with ThreadPoolExecutor(1) as executor:
        first = executor.submit(index.refresh, source, mode="lazy")
        assert reading.wait(10)
        with pytest.raises(IndexerError, match="wiki is being refreshed just now"):
            index.refresh(source, mode="lazy")
        assert index.refresh(other, mode="lazy").documents == 0
        go_on.set()
        assert first.result(10).created == 1

    assert index.refresh(source, mode="lazy").unchanged == 1
    assert status.sources(index.pool)[1].last_error is None


def test_as_many_refreshes_as_the_pool_has_connections_go_on_at_once(
    index: Any, source: Any, document: Make, database_url: str, embedder: Embedder
) -> None:
    """Their locks take none of them."""
    both = threading.Barrier(2)
    sources = [type(source)(name=name) for name in ("wiki", "other")]
    for each in sources:
        each.put(document(1, "One.", source=each.name))
        each.on_read = lambda _: both.wait(10)
    with open_pool(database_url, max_size=2) as pool:
        pool.timeout = 3
        small = type(index)(pool, embedder)
        with ThreadPoolExecutor(2) as executor:
            reports = list(executor.map(lambda each: small.refresh(each, mode="lazy"), sources))
    assert [report.created for report in reports] == [1, 1]
