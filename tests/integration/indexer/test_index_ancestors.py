"""A page that is shut shuts what is below it at once, whatever number of pages that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.documents import AccessRule, Document, Listed, Membership, Section, SectionKind, Unreadable
from indexer.passes import Pass
from indexer.reading_list import Priority, note

Make = Callable[..., Document]
SPACE = AccessRule(name="space:ENG", principals=frozenset({"anyone"}))
ANY, ONE = "any@example.com", "few@example.com"
BELOW = ("2", "3")


def few(page: str) -> AccessRule:
    """The restriction of a page to the few."""
    return AccessRule(name=f"page:{page}", principals=frozenset({"group:few"}))


class Tree:
    """Page 1 above page 2 above page 3, with a file, and page 4 takes in its excerpt; as the source gives them."""

    def __init__(self, source: Any, make: Make) -> None:
        self.source, self.make = source, make
        source.people = [Membership(email=ONE, principals=frozenset({"group:few"}))]
        self.above = {"1": (), "2": ("1",), "3": ("1", "2")}
        self.shut: set[str] = set()

    def rules(self, page: str) -> tuple[AccessRule, ...]:
        """Of the page and of all above it."""
        return (SPACE, *(few(each) for each in (*self.above[page], page) if each in self.shut))

    def write(self) -> None:
        """Put it into the source."""
        for page, above in self.above.items():
            file = self.make(
                3,
                "Secret file.",
                id="3/f",
                parent_id="3",
                parts=frozenset({"f"}),
                access_rules=self.rules(page),
            )
            extra = (
                {"handle": "P3", "attachments": (Listed(id="3/f", parts=file.parts),)} if page == "3" else {}
            )
            self.source.put(
                self.make(
                    int(page), f"Secret {page}.", access_rules=self.rules(page), ancestors=above, **extra
                ),
                *([file] if page == "3" else []),
            )
        sections = (
            Section(
                kind=SectionKind.SECTION,
                text="Secret 3 in short.",
                url="u",
                included_id="3",
                access_rules=self.rules("3"),
            ),
        )
        host = self.make(
            4, sections=sections, access_rules=(SPACE,), includes=("P3",), parts=frozenset({"4"})
        )
        self.source.put(host)


@pytest.fixture
def tree(index: Any, source: Any, document: Make) -> Tree:
    """Read, and open to anyone."""
    tree = Tree(source, document)
    tree.write()
    index.refresh(source, mode="lazy")
    assert len(index.finds("secret", ANY)) == 5
    source.batches.clear()
    return tree


def read(index: Any, source: Any, *pages: str) -> None:
    """A webhook names these pages."""
    with index.pool.connection() as connection:
        note(connection, "wiki", pages, priority=Priority.HINT)
    index.refresh(source, passes=(), mode="lazy")


def test_what_is_below_a_page_that_is_read_restricted_is_shut_with_it(
    index: Any, source: Any, tree: Tree
) -> None:
    """Its file and its text elsewhere too; only who takes in its text is read for that."""
    tree.shut = {"1"}
    tree.write()

    read(index, source, "1")

    assert source.read == ["1", "4"]
    assert index.finds("secret", ANY) == []
    assert len(index.finds("secret", ONE)) == 5
    before = index.contents()
    index.refresh(source, full=True, mode="lazy")
    assert index.contents() == before


def test_what_is_below_a_page_for_nobody_is_for_nobody_until_it_is_read(
    index: Any, source: Any, tree: Tree
) -> None:
    """Nobody could tell who may read the page."""
    tree.source.held["1"] = replace(tree.source.held["1"], access_rules=())
    source.unreadable = {id_: _unreadable(id_) for id_ in ("2", "3", "4")}
    read(index, source, "1")
    assert index.finds("secret", ANY) == index.finds("secret", ONE) == []

    source.unreadable.clear()
    tree.write()
    index.refresh(source, mode="lazy")
    assert len(index.finds("secret", ANY)) == 5


def test_what_is_below_is_read_again_when_a_restriction_is_lifted(
    index: Any, source: Any, tree: Tree
) -> None:
    """Nothing is opened by reading another page."""
    tree.shut = {"1"}
    tree.write()
    read(index, source, "1")
    tree.shut = set()
    tree.write()
    source.batches.clear()
    source.unreadable = {"3": _unreadable("3")}

    read(index, source, "1")

    assert set(source.read) == {"1", *BELOW}
    assert index.finds("secret", ANY) == ["Secret 1.", "Secret 2."]
    source.unreadable.clear()
    index.refresh(source, mode="lazy")
    assert len(index.finds("secret", ANY)) == 5


def test_what_is_below_a_page_that_is_moved_is_shut_and_read_again(
    index: Any, source: Any, tree: Tree
) -> None:
    """Below a restricted page."""
    tree.shut = {"5"}
    tree.above = {"5": (), "1": ("5",), "2": ("5", "1"), "3": ("5", "1", "2")}
    tree.write()
    source.unreadable = {id_: _unreadable(id_) for id_ in BELOW}
    read(index, source, "1")
    assert index.finds("secret", ANY) == []
    assert set(source.read) == {"1", "4", *BELOW}

    source.unreadable.clear()
    source.batches.clear()
    read(index, source, *BELOW)
    assert "1" not in source.read
    assert index.rows("select ancestors from documents where source_id = '3'") == [(["5", "1", "2"],)]
    assert len(index.finds("secret", ONE)) >= 5


def test_what_no_longer_is_below_is_not_shut(index: Any, source: Any, tree: Tree) -> None:
    """It was moved away before; where it is now is stored although its text is the same."""
    tree.above = {"1": (), "2": (), "3": ("2",)}
    tree.write()
    read(index, source, "2", "3")
    tree.shut = {"1"}
    tree.write()

    read(index, source, "1")

    assert index.finds("secret", ANY) == ["Secret 2.", "Secret 3 in short.", "Secret 3.", "Secret file."]


def test_a_listed_restriction_shuts_what_is_below_although_that_is_not_listed_yet(
    index: Any, source: Any, tree: Tree
) -> None:
    """The search behind the listing may know of one page and not of the other."""
    listed = list(source.listing())
    source.listing = lambda: iter([replace(listed[0], access_rules=(SPACE, few("1"))), *listed[1:]])
    source.unreadable = {id_: _unreadable(id_) for id_ in ("1", "2", "3", "4")}

    index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    assert index.finds("secret", ANY) == []


def test_a_thousand_pages_below_are_shut_by_one_statement(index: Any, source: Any, document: Make) -> None:
    """No page is looked at one by one."""
    below = [document(n, f"Secret {n}.", access_rules=(SPACE,), ancestors=("1",)) for n in range(2, 300)]
    source.put(document(1, "Secret 1.", access_rules=(SPACE,)), *below)
    index.refresh(source, mode="lazy")
    source.put(document(1, "Secret 1.", access_rules=(SPACE, few("1"))))
    source.batches.clear()

    read(index, source, "1")

    assert (source.read, index.finds("secret", ANY)) == (["1"], [])
    assert len(index.rows("select distinct xmin::text from documents")) == 1


def _unreadable(page: str) -> Unreadable:
    return Unreadable(id=page, external_id=page, reason=f"{page} is broken.")
