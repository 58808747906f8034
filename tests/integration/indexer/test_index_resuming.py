"""Every way in which a refresh is interrupted, and that the next one goes on: nothing lost, nothing read twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.documents import Document, Membership, Unreadable
from connectors.errors import SourceUnavailableError
from indexer import status
from indexer.passes import Pass
from indexer.reading_list import Priority, note
from tests.integration.indexer.conftest import long

Make = Callable[..., Document]
OUTAGE = SourceUnavailableError("wiki did not answer; try again later.")


@pytest.mark.parametrize("broken_at", ["0", "4", "9"])
def test_an_outage_while_reading_costs_no_document_twice(
    index: Any, source: Any, document: Make, broken_at: str
) -> None:
    """What other batches gave is stored, the rest remains listed and is read by whichever refresh comes next."""
    source.put(*(document(n, f"Text {n}.") for n in range(10)))
    source.down_from = broken_at
    with pytest.raises(SourceUnavailableError):
        index.refresh(source, mode="lazy")
    stored = {row[0] for row in index.rows("select source_id from documents")}
    assert sorted(stored) + index.listed() == sorted(source.held, key=lambda id_: (id_ not in stored, id_))
    (state,) = status.sources(index.pool)
    assert (state.last_error, state.waiting) == (str(OUTAGE), 10 - len(stored))

    source.down_from = None
    source.batches.clear()
    index.refresh(source, passes=(), mode="lazy")

    assert set(source.read).isdisjoint(stored)
    assert index.rows("select count(*) from documents") == [(10,)]
    assert index.listed() == []


def test_a_listing_that_breaks_off_goes_on_where_changes_cannot_be_missed(
    index: Any, source: Any, document: Make
) -> None:
    """The first window of changes starts before the first of the interrupted reads did."""
    source.tells_parts = False
    source.put(document(1, "One."))
    source.broken_listing = OUTAGE
    with pytest.raises(SourceUnavailableError):
        index.refresh(source, mode="lazy")
    ((first, watermark),) = index.rows("select last_started, watermark from sources")
    assert watermark is None
    assert index.finds("one") == ["One."], "what it told before it broke off counts"
    source.edit(document(1, "One, edited after it was read."))
    source.broken_listing = None

    index.refresh(source, mode="lazy")
    assert index.rows("select watermark from sources") == [(first - timedelta(hours=1),)]
    index.refresh(source, Pass.CHANGES, mode="lazy")

    assert index.finds("one") == ["One, edited after it was read."]


def test_a_window_that_breaks_off_is_asked_for_again(index: Any, source: Any, document: Make) -> None:
    """What it told is read, and the watermark stays."""
    source.put(document(1, "One."), document(2, "Two."))
    index.refresh(source, mode="lazy")
    before = index.rows("select watermark from sources")
    source.edit(document(1, "One mended."))
    source.edit(document(2, "Two mended."))
    source.failures["change of 2"] = OUTAGE
    source.batches.clear()
    with pytest.raises(SourceUnavailableError):
        index.refresh(source, Pass.CHANGES, mode="lazy")
    assert index.rows("select watermark from sources") == before
    assert index.finds("mended") == ["One mended."]

    source.failures.clear()
    index.refresh(source, Pass.CHANGES, mode="lazy")

    assert index.finds("mended") == ["One mended.", "Two mended."]
    assert source.read == ["1", "2"]


DOOMED = """
import os, signal, sys
from datetime import UTC, datetime
from connectors.documents import *
from indexer.embedding import Embedder
from indexer.refresh import refresh
from lorebot.database.pool import open_pool

class Source:
    name, batch_size = "wiki", 1

    def changes(self, since):
        return iter(())

    def listing(self):
        for number in range(30):
            yield Listed(id=str(number), parts=frozenset({"1"}))

    def documents(self, ids):
        for id_ in ids:
            yield Document(
                source="wiki", id=id_, external_id=id_, kind=DocumentKind.PAGE, title=id_, url="https://x", place="x",
                sections=(Section(kind=SectionKind.SECTION, text=f"Text {id_}.", url="https://x"),),
                access_rules=(AccessRule(name="open", principals=frozenset({"anyone"})),),
                parts=frozenset({"1"}),
            )

    def rule(self, name):
        raise KeyError(name)

    def memberships(self):
        return iter(())

def progress(step):
    if step.phase == "reading" and step.done == 7:
        os.kill(os.getpid(), signal.SIGKILL)

with open_pool(sys.argv[1]) as pool:
    refresh(pool, Source(), Embedder(), mode="lazy", progress=progress)
"""


def test_a_refresh_that_is_killed_goes_on_where_it_was(
    index: Any, source: Any, document: Make, database_url: str
) -> None:
    """kill -9 in the middle of the list: seven documents are stored, and are not read again."""
    killed = subprocess.run(
        [sys.executable, "-c", DOOMED, database_url], cwd=Path(__file__).parents[3], timeout=60, check=False
    )
    assert killed.returncode == -9
    stored = {row[0] for row in index.rows("select source_id from documents")}
    assert len(stored) == 7
    source.put(*(document(n, f"Text {n}.", parts=frozenset({"1"})) for n in range(30)))

    index.refresh(source, mode="lazy")

    assert set(source.read) == set(source.held) - stored
    assert len(source.read) == 23
    assert index.rows("select count(*) from documents") == [(30,)]


@pytest.mark.parametrize("broken_at", ["1", "3", "5"])
def test_an_interruption_and_a_run_after_it_equal_a_fresh_index(
    index: Any, source: Any, document: Make, broken_at: str
) -> None:
    """Wherever it is cut off, the next refresh brings everything up to date."""
    source.put(*(document(n, long(f"Old {n}."), long(f"Same {n}."), day=n) for n in range(1, 5)))
    index.refresh(source)
    source.edit(*(document(n, long(f"New {n}."), long(f"Same {n}.")) for n in (1, 3, 5)))
    del source.held["2"]
    source.failures[broken_at] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        index.refresh(source)
    source.failures.clear()

    index.refresh(source)
    resumed = index.contents()
    with index.pool.connection() as connection:
        connection.execute("truncate documents, sources, access_rules, terms cascade")
    index.refresh(source, full=True)

    assert resumed == index.contents()
    assert {row[0] for row in resumed} == {"1", "3", "4", "5"}


def test_a_hint_that_arrives_while_the_document_is_read_is_not_lost(
    index: Any, source: Any, document: Make
) -> None:
    """What is being read may be the version before."""
    source.put(document(1, "Old."))

    def edit(id_: str) -> None:
        source.on_read = lambda _: None
        source.edit(document(1, "New."))
        with index.pool.connection() as connection:
            note(connection, "wiki", [id_], priority=Priority.HINT)

    source.on_read = edit
    index.refresh(source, mode="lazy")

    assert source.read == ["1", "1"]
    assert index.finds("old new") == ["New."]
    assert index.listed() == []


def test_hints_are_read_before_everything_else(index: Any, source: Any, document: Make) -> None:
    """Somebody waits to see what they just wrote."""
    source.batch_size = 1
    source.put(*(document(n, f"Text {n}.") for n in range(5)))
    with index.pool.connection() as connection:
        note(connection, "wiki", ["0", "1", "2", "3"], priority=Priority.CHANGED)
        note(connection, "wiki", ["4"], priority=Priority.HINT)

    index.refresh(source, passes=(), mode="lazy")

    assert ["4"] in source.batches[:4]
    assert len(source.batches) == 5


def test_what_cannot_be_read_is_recorded_and_tried_again_later_and_later(
    index: Any, source: Any, document: Make
) -> None:
    """The rest of the source goes on; a sweep does not hurry it, an edit does."""
    source.put(document(1, "One."))
    source.unreadable["7"] = Unreadable(id="7", external_id="OPS-7", reason="OPS-7 is not valid XML.")
    report = index.refresh(source, mode="lazy")
    assert (report.created, report.failed) == (1, 1)
    (found,) = status.unreadable(index.pool)
    assert (found.source, found.external_id, found.reason, found.attempts) == (
        "wiki",
        "OPS-7",
        "OPS-7 is not valid XML.",
        1,
    )
    assert timedelta(minutes=4) < found.next_try - datetime.now(UTC) <= timedelta(minutes=5)

    source.batches.clear()
    assert index.refresh(source, Pass.SWEEP, mode="lazy").failed == 1
    assert source.read == []
    for attempts, delay in ((2, timedelta(minutes=10)), (12, timedelta(days=1))):
        with index.pool.connection() as connection:
            connection.execute(
                "update reading_list set not_before = '-infinity', attempts = %s", [attempts - 1]
            )
        index.refresh(source, passes=(), mode="lazy")
        (found,) = status.unreadable(index.pool)
        assert found.attempts == attempts
        assert delay - timedelta(minutes=1) < found.next_try - datetime.now(UTC) <= delay

    source.unreadable.clear()
    source.edit(document(7, "Seven."))
    assert index.refresh(source, Pass.CHANGES, mode="lazy").failed == 0
    assert status.unreadable(index.pool) == []


def test_who_asks_for_everything_has_what_failed_tried_again(index: Any, source: Any, document: Make) -> None:
    """An admin who mended it does not want to wait for the next try."""
    source.put(document(1, "One."))
    source.unreadable["7"] = Unreadable(id="7", external_id="OPS-7", reason="The site was down.")
    index.refresh(source, mode="lazy")
    source.unreadable.clear()
    source.put(document(7, "Seven."))
    source.batches.clear()
    assert index.refresh(source, mode="lazy").failed == 0
    assert source.read == ["7"]


def test_what_could_not_be_read_and_is_gone_is_forgotten(index: Any, source: Any, document: Make) -> None:
    """There is nothing left to try."""
    source.put(document(1, "One."))
    source.unreadable["7"] = Unreadable(id="7", external_id="OPS-7", reason="Broken.")
    index.refresh(source, mode="lazy")
    source.unreadable.clear()
    with index.pool.connection() as connection:
        connection.execute("update reading_list set not_before = '-infinity'")

    index.refresh(source, mode="lazy")

    assert index.listed() == []


def test_a_document_that_the_database_refuses_stops_nothing(index: Any, source: Any, document: Make) -> None:
    """A date beyond what Postgres takes, say; it is recorded like one that cannot be read."""
    source.put(document(1, "One.", external_id="x" * 3000), document(2, "Two."), document(3, "Three."))
    with index.pool.connection() as connection:
        connection.execute("alter table documents add constraint short check (length(external_id) < 1000)")

    report = index.refresh(source, mode="lazy")

    assert (report.documents, report.failed) == (2, 1)
    (found,) = status.unreadable(index.pool)
    assert "SQLSTATE 23514" in found.reason


def test_a_document_that_breaks_the_reader_stops_nothing(index: Any, source: Any, document: Make) -> None:
    """A fault of ours is recorded without the message, which may hold text, and the rest of its batch is read."""
    source.batch_size = 5
    source.put(*(document(n, f"Text {n}.") for n in range(5)))
    source.failures["3"] = IndexError("the secret word")

    report = index.refresh(source, mode="lazy")

    assert (report.documents, report.failed) == (4, 1)
    (found,) = status.unreadable(index.pool)
    assert (found.external_id, "IndexError" in found.reason, "secret" in found.reason) == ("3", True, False)


def test_two_documents_that_never_settle_do_not_keep_a_refresh_from_ending(
    index: Any, source: Any, document: Make
) -> None:
    """Each takes in the other's text and is different whenever it is read; the rest waits for the next refresh."""
    names = {"1": "A", "2": "B"}

    def change(id_: str) -> None:
        other = "B" if id_ == "1" else "A"
        text = f"Text {len(source.batches)}."
        source.put(document(int(id_), text, handle=names[id_], includes=(other,)))

    source.put(
        document(1, "One.", handle="A", includes=("B",)), document(2, "Two.", handle="B", includes=("A",))
    )
    source.on_read = change
    index.refresh(source, mode="lazy")

    assert 4 <= len(source.read) <= 8


def test_a_failure_while_people_are_read_leaves_the_people_known_before(
    index: Any, source: Any, document: Make
) -> None:
    """Half a list of people would shut the other half out; the documents are read all the same."""
    source.people = [Membership(email="ada@example.com", principals=frozenset({"user:1"}))]
    source.put(document(1, "One."))
    index.refresh(source, mode="lazy")
    source.edit(document(1, "One mended."))

    def broken() -> Any:
        yield Membership(email="ben@example.com", principals=frozenset({"user:2"}))
        raise OUTAGE

    source.memberships = broken
    with pytest.raises(SourceUnavailableError):
        index.refresh(source, mode="lazy")

    assert index.rows("select email from memberships") == [("ada@example.com",)]
    assert index.finds("one") == ["One mended."]
