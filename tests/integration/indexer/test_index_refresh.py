"""Refreshing a source: what changed, what is gone, who may read, and every way it is interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.documents import AccessRule, Document, Membership, Unreadable
from connectors.errors import SourceUnavailableError
from indexer import status
from indexer.errors import IndexerError, SweepRefusedError

Make = Callable[..., Document]


def test_a_first_refresh_stores_and_embeds_everything(index: Any, source: Any, document: Make) -> None:
    """The report counts documents, chunks and vectors; the progress names its phases in order."""
    source.put(*(document(n, f"Text {n} of the wiki.", f"More {n}.") for n in range(3)))

    report = index.refresh(source)

    assert (report.name, report.documents, report.created, report.updated) == ("wiki", 3, 3, 0)
    assert (report.deleted, report.unchanged, report.failed) == (0, 0, 0)
    assert (report.chunks, report.embedded) == (6, 6)
    assert list(dict.fromkeys(step.phase for step in index.progress)) == ["reading", "checking", "embedding"]
    assert index.progress[-1].done == index.progress[-1].total == 6


def test_a_second_refresh_reads_from_the_watermark_and_embeds_nothing(
    index: Any, source: Any, document: Make
) -> None:
    """Only what changed since is asked for, and nothing is embedded twice."""
    source.put(document(1, "One.", day=1), document(2, "Two.", day=5))
    index.refresh(source)

    report = index.refresh(source)

    assert source.asked_since == [None, datetime(2026, 1, 5, tzinfo=UTC)]
    assert (report.created, report.updated, report.unchanged, report.embedded) == (0, 0, 2, 0)


def test_a_changed_document_is_read_again_and_only_its_changed_chunk_embedded(
    index: Any, source: Any, document: Make
) -> None:
    """The other chunk keeps its vector."""
    source.put(document(1, "Stays.", "Goes.", day=1), document(2, "Two.", day=2))
    index.refresh(source)
    source.put(document(1, "Stays.", "Comes.", day=3))

    report = index.refresh(source)

    assert (report.created, report.updated, report.unchanged, report.embedded) == (0, 1, 1, 1)
    assert index.rows("select watermark from sources") == [(datetime(2026, 1, 3, tzinfo=UTC),)]


def test_a_full_refresh_reads_everything_again_and_embeds_nothing_anew(
    index: Any, source: Any, document: Make
) -> None:
    """The watermark is passed over, the vectors stay."""
    source.put(document(1, "One."), document(2, "Two.", day=4))
    index.refresh(source)

    report = index.refresh(source, full=True)

    assert source.asked_since[-1] is None
    assert (report.unchanged, report.embedded) == (2, 0)


def test_what_is_gone_from_the_listing_is_deleted_with_all_that_hung_on_it(
    index: Any, source: Any, document: Make
) -> None:
    """Chunks, postings and vectors go with the document."""
    source.put(document(1, "One."), document(2, "Two."))
    index.refresh(source)
    del source.held["1"]

    report = index.refresh(source)

    assert (report.documents, report.deleted, report.unchanged) == (1, 1, 1)
    for table in ("chunks", "embeddings"):
        assert index.rows(f"select count(*) from {table}") == [(1,)]
    assert index.rows(
        "select count(*) from postings p where not exists (select from chunks where id = p.chunk_id)"
    ) == [(0,)]


def test_a_document_that_is_gone_before_it_is_listed_leaves_the_figures_whole(
    index: Any, source: Any, document: Make
) -> None:
    """Written and deleted while the source was read: no figure falls below zero."""
    source.put(document(1, "One."))
    source.on_change = lambda each: source.held.pop(each.id)

    report = index.refresh(source)

    assert (report.documents, report.created, report.deleted, report.unchanged) == (0, 1, 1, 0)


def test_a_permission_change_by_the_listing_alone_takes_effect(
    index: Any, source: Any, document: Make, rules: Callable[..., AccessRule]
) -> None:
    """The document is older than the watermark and is not read again, but its rules are rewritten."""
    source.put(document(1, "One.", day=1), document(2, "Two.", day=9))
    index.refresh(source)
    source.put(document(1, "One.", day=1, access_rules=(rules("page:1", ["group:ops"]),)))

    report = index.refresh(source)

    assert (report.updated, report.embedded) == (0, 0)
    names = index.rows(
        "select d.source_id, r.name, r.principals from documents d join access_rules r on r.id = any (d.rule_ids) "
        "order by 1"
    )
    assert names == [("1", "page:1", ["group:ops"]), ("2", "open", ["anyone"])]


def test_a_suspicious_sweep_is_refused_and_a_full_refresh_overrides_it(
    index: Any, source: Any, document: Make
) -> None:
    """So many deletions look like a fault of the source; whoever knows better says --full."""
    source.put(*(document(n, f"Text {n}.") for n in range(30)))
    index.refresh(source, mode="lazy")
    source.held = {"1": source.held["1"]}

    with pytest.raises(
        SweepRefusedError, match=r"29 of 30 documents of wiki seem to be gone.*index wiki --full"
    ):
        index.refresh(source, mode="lazy")
    assert index.rows("select count(*) from documents") == [(30,)]
    (state,) = status.sources(index.pool)
    assert "29 of 30" in (state.last_error or "")

    assert index.refresh(source, mode="lazy", full=True).deleted == 29


def test_an_empty_listing_deletes_nothing_even_in_full(index: Any, source: Any, document: Make) -> None:
    """An account that lost its rights sees exactly this."""
    source.put(*(document(n, f"Text {n}.") for n in range(30)))
    index.refresh(source, mode="lazy")
    source.held.clear()

    with pytest.raises(SweepRefusedError, match="lists none of its 30 documents"):
        index.refresh(source, mode="lazy", full=True)

    assert index.rows("select count(*) from documents") == [(30,)]


def test_a_refused_sweep_leaves_the_rest_of_the_refresh_done(index: Any, source: Any, document: Make) -> None:
    """New documents get their vectors, changed permissions count, and the watermark moves."""
    source.put(*(document(n, f"Text {n}.", day=1) for n in range(30)))
    index.refresh(source)
    source.held = {"1": source.held["1"]}
    source.put(document(99, "The ferry leaves at nine.", day=5))

    with pytest.raises(SweepRefusedError):
        index.refresh(source)

    assert index.rows("select count(*) from chunks where id not in (select chunk_id from embeddings)") == [
        (0,)
    ]
    assert index.rows("select watermark from sources") == [(datetime(2026, 1, 5, tzinfo=UTC),)]


def test_what_changes_while_we_read_is_read_the_next_time(index: Any, source: Any, document: Make) -> None:
    """The watermark never passes the start of the reading, whatever dates the documents bear."""
    started = datetime.now(UTC)
    future = started + timedelta(days=400)
    source.put(document(1, "One.", updated=future))

    index.refresh(source)

    ((watermark,),) = index.rows("select watermark from sources")
    assert watermark < datetime.now(UTC)


def test_a_full_refresh_puts_right_a_watermark_that_ran_ahead(
    index: Any, source: Any, document: Make
) -> None:
    """Such as one of a clock that was wrong."""
    source.put(document(1, "One.", day=3))
    index.refresh(source)
    with index.pool.connection() as connection:
        connection.execute("update sources set watermark = '2999-01-01'")

    index.refresh(source, full=True)

    assert index.rows("select watermark from sources") == [(datetime(2026, 1, 3, tzinfo=UTC),)]


def test_a_document_that_appears_with_an_old_date_is_read(index: Any, source: Any, document: Make) -> None:
    """Moved into the space, or shown to our account only now: no change tells of it, the listing does."""
    source.put(document(1, "One.", day=20))
    index.refresh(source)
    source.put(document(2, "The tram to the harbour is number twelve.", day=2))

    report = index.refresh(source)

    assert (report.created, report.documents) == (1, 2)


def test_a_document_that_the_listing_passes_over_is_not_deleted(
    index: Any, source: Any, document: Make
) -> None:
    """Asked for by its id it is there."""
    source.put(document(1, "One."), document(2, "Two."))
    index.refresh(source)
    source.passed_over = {"2"}

    assert index.refresh(source).deleted == 0
    source.held.pop("2")
    assert index.refresh(source).deleted == 1


def test_rules_that_are_not_told_stay(index: Any, source: Any, document: Make) -> None:
    """The source does not say just now who may read it."""
    source.put(document(1, "One."))
    index.refresh(source)
    before = index.rows("select rule_ids from documents")
    source.untold = {"1"}

    index.refresh(source)

    assert index.rows("select rule_ids from documents") == before != [([],)]


def test_an_unreadable_document_is_tried_again_each_time(index: Any, source: Any, document: Make) -> None:
    """What failed for a passing reason is not missed until somebody edits it."""
    source.put(document(1, "One.", day=20))
    source.unreadable.append(Unreadable(id="7", external_id="7", reason="7 is not valid XML."))
    index.refresh(source)
    source.unreadable.clear()
    source.put(document(7, "Seven.", day=2))

    assert index.refresh(source).created == 1
    assert status.unreadable(index.pool) == []


def test_permissions_count_although_the_documents_cannot_be_read(
    index: Any, source: Any, document: Make
) -> None:
    """A page that is restricted today is shut today."""
    source.put(document(1, "One.", day=1))
    index.refresh(source)
    shut = AccessRule(name="page:1", principals=frozenset({"group:few"}))
    source.put(replace(source.held["1"], access_rules=(shut,), updated=datetime(2026, 1, 9, tzinfo=UTC)))
    source.failures["1"] = SourceUnavailableError("wiki did not answer; try again later.")

    with pytest.raises(SourceUnavailableError):
        index.refresh(source)

    rule = index.rows("select name from access_rules r join documents d on r.id = any(d.rule_ids)")
    assert rule == [("page:1",)]


def test_what_cannot_be_read_is_recorded_and_the_rest_stored(index: Any, source: Any, document: Make) -> None:
    """Its reason stays for the admin until it is read, and what was indexed of it stays too."""
    source.put(document(1, "One."))
    source.unreadable.append(Unreadable(id="7", external_id="OPS-7", reason="OPS-7 is not valid XML."))

    report = index.refresh(source)

    assert (report.created, report.failed) == (1, 1)
    (unreadable,) = status.unreadable(index.pool)
    assert (unreadable.source, unreadable.external_id, unreadable.reason) == (
        "wiki",
        "OPS-7",
        "OPS-7 is not valid XML.",
    )
    assert status.sources(index.pool)[0].failed == 1

    source.unreadable.clear()
    source.put(document(7, "Seven.", day=9))
    assert index.refresh(source).failed == 0
    assert status.unreadable(index.pool) == []


def test_what_could_not_be_read_and_is_gone_is_forgotten_by_a_full_refresh(
    index: Any, source: Any, document: Make
) -> None:
    """A full refresh says anew what cannot be read."""
    source.put(document(1, "One."))
    source.unreadable.append(Unreadable(id="7", external_id="OPS-7", reason="Broken."))
    index.refresh(source)
    source.unreadable.clear()

    index.refresh(source, full=True)

    assert status.unreadable(index.pool) == []


def test_a_source_that_fails_half_way_keeps_what_was_stored_and_its_watermark(
    index: Any, source: Any, document: Make
) -> None:
    """The reason is kept for the admin, and the next refresh starts where this one did."""
    source.put(document(1, "One.", day=1))
    index.refresh(source)
    source.put(document(2, "Two.", day=2), document(3, "Three.", day=3), document(4, "Four.", day=4))
    source.failures["4"] = SourceUnavailableError("wiki did not answer; try again later.")

    with pytest.raises(SourceUnavailableError):
        index.refresh(source)

    (state,) = status.sources(index.pool)
    assert state.last_error == "wiki did not answer; try again later."
    assert state.watermark == datetime(2026, 1, 1, tzinfo=UTC)

    source.failures.clear()
    index.refresh(source)
    (state,) = status.sources(index.pool)
    assert (state.documents, state.last_error) == (4, None)
    assert state.watermark == datetime(2026, 1, 4, tzinfo=UTC)


def test_a_failure_while_people_are_read_leaves_the_people_known_before(
    index: Any, source: Any, document: Make
) -> None:
    """Half a list of people would shut the other half out."""
    source.people = [Membership(email="ada@example.com", principals=frozenset({"user:1"}))]
    source.put(document(1, "One."))
    index.refresh(source)

    def broken() -> Any:
        yield Membership(email="ben@example.com", principals=frozenset({"user:2"}))
        raise SourceUnavailableError("no answer")

    source.memberships = broken
    with pytest.raises(SourceUnavailableError):
        index.refresh(source)

    assert index.rows("select email from memberships") == [("ada@example.com",)]


@pytest.mark.parametrize("broken_at", ["1", "3", "5"])
def test_a_crash_and_a_run_after_it_equal_a_fresh_index(
    index: Any, source: Any, document: Make, broken_at: str
) -> None:
    """Wherever it is cut off, the next refresh brings everything up to date."""
    source.put(*(document(n, f"Old {n}.", f"Same {n}.", day=n) for n in range(1, 5)))
    index.refresh(source)
    source.put(*(document(n, f"New {n}.", f"Same {n}.", day=n + 10) for n in (1, 3, 5)))
    del source.held["2"]
    source.failures[broken_at] = RuntimeError("killed")
    with pytest.raises(RuntimeError):
        index.refresh(source)
    source.failures.clear()

    index.refresh(source)
    resumed = index.contents()
    with index.pool.connection() as connection:
        connection.execute("truncate documents, sources, access_rules, terms cascade")
    index.refresh(source, full=True)

    assert resumed == index.contents()
    assert {row[0] for row in resumed} == {"1", "3", "4", "5"}


def test_two_refreshes_of_one_source_at_once_are_refused(index: Any, source: Any, document: Make) -> None:
    """The second is told to wait; another source is not in its way, and afterwards the lock is free."""
    reading, go_on = threading.Event(), threading.Event()

    def hold(_: Document) -> None:
        reading.set()
        assert go_on.wait(10)

    source.put(document(1, "One."))
    source.on_change = hold
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
