"""Text that was read before its origin changed and is stored after it: neither stale nor open for longer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from connectors.documents import AccessRule, Document, Section, SectionKind, Unreadable
from indexer.passes import Pass
from tests.integration.indexer.conftest import OPEN, MemorySource, make_document

SHUT = AccessRule(name="page:1", principals=frozenset({"user:boss"}))


def origin(text: str, version: int, rule: AccessRule = OPEN) -> Document:
    """The page whose text is taken in."""
    parts = frozenset({f"page:1:{version}"})
    return make_document(1, text, handle="ENG:B", parts=parts, access_rules=(rule,))


def host(text: str, rule: AccessRule = OPEN) -> Document:
    """The page that takes it in."""
    made = make_document(2, "Own words.", includes=("ENG:B",), parts=frozenset({"page:2:1"}))
    taken_in = Section(
        kind=SectionKind.SECTION, text=text, url="https://x/1", included_id="1", access_rules=(rule,)
    )
    return replace(made, sections=(*made.sections, taken_in))


class Racing(MemorySource):
    """Gives the host first, and changes the origin before it gives that; the origin is stored first."""

    def __init__(self, change: Callable[[MemorySource], None]) -> None:
        super().__init__(batch_size=1)
        self._change: Callable[[MemorySource], None] | None = change
        self._given = threading.Event()

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """One at a time."""
        racing = self._change is not None and len(self.held) == 2
        if racing and ids == ["1"]:
            assert self._given.wait(10)
            change, self._change = self._change, None
            assert change is not None
            change(self)
        yield from super().documents(ids)
        if ids == ["2"]:
            self._given.set()


def refreshed(index: Any, change: Callable[[MemorySource], None]) -> MemorySource:
    """A source that was refreshed while it changed, and once more."""
    source = Racing(change)
    source.put(origin("Old text.", 1), host("Old text."))
    index.refresh(source, mode="lazy")
    index.refresh(source, Pass.CHANGES, mode="lazy")
    return source


def test_text_that_changed_between_reading_and_storing_is_read_again(index: Any) -> None:
    """The document that takes it in was not stored when the change was, so that nobody could note it."""

    def edit(source: MemorySource) -> None:
        source.edit(origin("New text.", 2))
        source.put(host("New text."))

    refreshed(index, edit)
    assert index.rows("select text from chunks where included_id = '1'") == [("New text.",)]
    assert index.listed() == []


def test_text_that_was_shut_between_reading_and_storing_is_shut(index: Any) -> None:
    """As soon as it is stored; nothing else changes."""

    def shut(source: MemorySource) -> None:
        source.edit(origin("Old text.", 2, SHUT))
        source.held["2"] = host("Old text.", SHUT)

    refreshed(index, shut)
    assert index.finds("old", "ada@example.com") == []
    assert index.finds("words", "ada@example.com") == ["Own words."]


@pytest.mark.parametrize("reread", [True, False])
def test_text_of_a_page_that_went_between_reading_and_storing_is_shut(index: Any, reread: bool) -> None:
    """Also when the document that takes it in cannot be read again just then."""

    def take_away(source: MemorySource) -> None:
        del source.held["1"]
        source.held["2"] = make_document(2, "Own words.", includes=("ENG:B",), parts=frozenset({"page:2:1"}))
        if not reread:
            source.unreadable["2"] = Unreadable(id="2", external_id="2", reason="broken")

    source = Racing(lambda _: None)
    source.put(origin("Old text.", 1))
    index.refresh(source, mode="lazy")
    source = Racing(take_away)
    source.put(origin("Old text.", 2), host("Old text."))
    index.refresh(source, mode="lazy")
    assert index.finds("old", "ada@example.com") == []


def test_what_did_not_change_is_not_read_twice(index: Any) -> None:
    """A full read stores everything again, and none of it is another text."""
    source = refreshed(index, lambda _: None)
    source.batches.clear()
    index.refresh(source, full=True, mode="lazy")
    assert source.read == ["1", "2"]
