"""Documents that cannot be read keep no healthy one out; a source that is down is told from them at little cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.documents import Document
from connectors.errors import AuthenticationError, BrokenAnswerError, ConnectorError, SourceUnavailableError
from indexer import fetching, status
from indexer.passes import Pass

Make = Callable[..., Document]
OUTAGE = SourceUnavailableError("wiki did not answer; try again later.")


@pytest.mark.parametrize(
    "error", [OUTAGE, BrokenAnswerError("The answer is broken off."), IndexError("words")]
)
@pytest.mark.parametrize("bad", [{"7"}, {"7", "8", "9", "10"}, {"0", "20", "49"}])
def test_whatever_fails_in_a_batch_the_others_are_read(
    index: Any, source: Any, document: Make, error: Exception, bad: set[str]
) -> None:
    """In the same refresh, which does not fail; those that failed are told of, each by itself."""
    source.batch_size = 50
    source.put(*(document(n, f"Text {n}.") for n in range(50)))
    source.failures |= dict.fromkeys(bad, error)

    report = index.refresh(source, mode="lazy")

    assert (report.documents, report.failed) == (50 - len(bad), len(bad))
    assert {found.external_id for found in status.unreadable(index.pool)} == bad
    # Each is cornered by halves, and after each failure another document is asked for.
    assert len(source.batches) <= 1 + len(bad) * 3 * 7


def test_one_that_fails_in_an_incremental_refresh_is_recorded(
    index: Any, source: Any, document: Make
) -> None:
    """A stored document tells that the source works; and it is read as soon as it can be."""
    source.put(*(document(n, f"Text {n}.") for n in range(3)))
    index.refresh(source, mode="lazy")
    source.edit(document(1, "Mended."))
    source.failures["1"] = OUTAGE
    assert index.refresh(source, Pass.CHANGES, mode="lazy").failed == 1

    source.failures.clear()
    index.refresh(source, mode="lazy")
    assert index.finds("mended") == ["Mended."]
    assert index.listed() == []


def test_a_changed_document_that_always_fails_does_not_starve_what_a_sweep_listed(
    index: Any, source: Any, document: Make
) -> None:
    """Whatever comes first on the list."""
    source.put(document(0, "Zero."))
    index.refresh(source, mode="lazy")
    source.edit(document(0, "Zero again."))
    source.failures["0"] = OUTAGE
    source.put(*(document(n, f"Text {n}.") for n in range(1, 41)))

    index.refresh(source, mode="lazy")

    assert index.rows("select count(*) from documents") == [(41,)]
    assert index.listed() == ["0"]


@pytest.mark.parametrize("stored", [0, 30])
def test_a_source_that_is_down_is_asked_little_and_nobody_is_blamed(
    index: Any, source: Any, document: Make, stored: int
) -> None:
    """The batches in flight, and one more document for each of them."""
    source.batch_size = 10
    source.put(*(document(n, f"Text {n}.") for n in range(stored)))
    index.refresh(source, mode="lazy")
    source.put(*(document(n, f"Other text {n}.") for n in range(100)))
    source.down_from = "5"
    source.batches.clear()

    with pytest.raises(SourceUnavailableError):
        index.refresh(source, mode="lazy")
    assert len(source.batches) <= 10 + 4
    assert status.unreadable(index.pool) == []

    source.down_from = None
    index.refresh(source, passes=(), mode="lazy")
    assert index.rows("select count(*) from documents") == [(100,)]


def test_refused_credentials_are_tried_once(index: Any, source: Any, document: Make) -> None:
    """Who signs in wrongly over and over is shut out."""
    source.batch_size = 20
    source.put(*(document(n, f"Text {n}.") for n in range(20)))
    source.failures["3"] = AuthenticationError("wiki refused the credentials.")
    with pytest.raises(AuthenticationError):
        index.refresh(source, mode="lazy")
    assert len(source.batches) == 1


def test_a_batch_that_costs_too_much_is_read_in_smaller_ones_next_time(
    index: Any, source: Any, document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request that fails may take minutes; within a few refreshes everything is read but what cannot be."""
    monkeypatch.setattr(fetching, "MOST_FAILURES", 0)
    source.batch_size = 8
    source.put(*(document(n, f"Text {n}.") for n in range(40)))
    source.failures |= {"0": OUTAGE, "1": OUTAGE}
    for _ in range(12):
        try:
            index.refresh(source, mode="lazy")
        except ConnectorError:
            continue

    assert index.rows("select count(*) from documents") == [(38,)]
    assert sorted(index.listed()) == ["0", "1"]
