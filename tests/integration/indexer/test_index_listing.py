"""What a listing says of readers: it may come from a search that lags, so that it shuts at once and opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.documents import AccessRule, Document, Listed, Membership, Section, SectionKind, Unreadable
from indexer.passes import EVERYTHING, Pass

Make = Callable[..., Document]
OPEN = AccessRule(name="space:ENG", principals=frozenset({"anyone"}))
FEW = AccessRule(name="page:1", principals=frozenset({"group:few"}))
ANY, ONE = "any@example.com", "few@example.com"
PASSES = [EVERYTHING, {Pass.PERMISSIONS}]


def lag(source: Any) -> None:
    """From now on the listing tells the rules that documents have now, whatever happens to them."""
    told = list(source.listing())
    source.listing = lambda: iter(told)


def prepare(source: Any, *documents: Document) -> None:
    """One person is one of the few."""
    source.people = [Membership(email=ONE, principals=frozenset({"group:few"}))]
    source.put(*documents)


def with_file(make: Make, *rules: AccessRule) -> list[Document]:
    """A page with a file, and a page that takes in its excerpt, as the source gives them under these rules."""
    file = make(1, "Secret plan.", id="1/plan", parent_id="1", access_rules=rules, parts=frozenset({"f"}))
    sections = (
        Section(kind=SectionKind.SECTION, text="Host.", url="u"),
        Section(
            kind=SectionKind.SECTION,
            text="Secret in short.",
            url="u",
            included_id="1",
            access_rules=rules,
        ),
    )
    return [
        make(
            1, "Secret.", access_rules=rules, handle="P", attachments=(Listed(id=file.id, parts=file.parts),)
        ),
        make(2, sections=sections, access_rules=(OPEN,), includes=("P",), parts=frozenset({"host"})),
        file,
    ]


@pytest.mark.parametrize("passes", PASSES)
def test_a_listing_that_does_not_know_of_a_restriction_yet_opens_nothing(
    index: Any, source: Any, document: Make, passes: Any
) -> None:
    """The restricted page is read, and then listed by a search that is behind: at no moment is it open again."""
    prepare(source, *with_file(document, OPEN))
    index.refresh(source, mode="lazy")
    assert len(index.finds("secret", ANY)) == 3
    lag(source)
    source.edit(*with_file(document, OPEN, FEW))
    index.refresh(source, Pass.CHANGES, mode="lazy")
    assert index.finds("secret", ANY) == []
    seen: list[Any] = []
    source.on_read = lambda _: seen.append(index.finds("secret", ANY))

    source.batches.clear()
    index.refresh(source, passes=passes, mode="lazy")

    assert "1" in source.read
    assert not any(seen)
    assert index.finds("secret", ANY) == []
    assert len(index.finds("secret", ONE)) == 3


@pytest.mark.parametrize("passes", PASSES)
def test_a_page_that_is_listed_where_it_was_demands_both(
    index: Any, source: Any, document: Make, passes: Any
) -> None:
    """What the listing adds holds at once, also for its file and its text in another page, until the page is read."""
    other = AccessRule(name="space:OPS", principals=frozenset({"group:ops"}))
    prepare(source, *with_file(document, FEW))
    index.refresh(source, mode="lazy")
    moved = with_file(document, other)
    source.put(*moved)
    source.unreadable = {id_: Unreadable(id=id_, external_id=id_, reason="broken") for id_ in ("1", "2")}
    listed = [Listed(id=each.id, access_rules=each.access_rules) for each in moved[:2]]
    source.listing = lambda: iter(listed)

    index.refresh(source, passes=passes, mode="lazy")
    assert index.finds("secret", ONE) == []
    source.people = [Membership(email=ONE, principals=frozenset({"group:ops"}))]
    index.refresh(source, passes=passes, mode="lazy")
    assert index.finds("secret", ONE) == []

    source.unreadable.clear()
    index.refresh(source, mode="lazy")
    assert len(index.finds("secret", ONE)) == 3


def test_a_page_for_nobody_is_not_opened_by_a_listing(index: Any, source: Any, document: Make) -> None:
    """Only by reading it; a page that is listed for nobody is shut at once."""
    prepare(source, document(1, "Secret.", access_rules=(OPEN,)))
    index.refresh(source, mode="lazy")
    listed = [Listed(id="1", access_rules=())]
    source.listing = lambda: iter(listed)
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert index.finds("secret", ANY) == []

    listed[0] = Listed(id="1", access_rules=(OPEN,))
    source.unreadable = {"1": Unreadable(id="1", external_id="1", reason="broken")}
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert index.finds("secret", ANY) == []
    source.unreadable.clear()
    index.refresh(source, mode="lazy")
    assert index.finds("secret", ANY) == ["Secret."]


def test_rules_that_stay_cost_no_reading(index: Any, source: Any, document: Make) -> None:
    """Neither where they are the same, nor where the listing adds one."""
    prepare(source, *with_file(document, OPEN))
    index.refresh(source, mode="lazy")
    source.batches.clear()
    index.refresh(source, mode="lazy")
    assert source.read == []

    source.put(*with_file(document, OPEN, FEW))
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert source.read == ["2"]  # takes in its text
    assert index.finds("secret", ANY) == index.finds("plan", ANY) == []


@pytest.mark.parametrize("passes", PASSES)
def test_text_of_a_page_that_is_not_stored_is_shut_where_it_is_taken_in(
    index: Any, source: Any, document: Make, passes: Any
) -> None:
    """The page cannot be read; that it was restricted is listed, and whoever takes in its text is read again."""
    prepare(source, *with_file(document, OPEN))
    source.unreadable["1"] = Unreadable(id="1", external_id="1", reason="broken")
    listing = source.listing
    source.listing = lambda: (each for each in listing() if each.access_rules is not None)
    index.refresh(source, mode="lazy")
    assert index.finds("secret", ANY) == ["Secret in short."]
    source.put(*with_file(document, OPEN, FEW))
    seen: list[Any] = []
    source.on_read = lambda _: seen.append(index.finds("secret", ANY))

    source.batches.clear()
    index.refresh(source, passes=passes, mode="lazy")

    assert "2" in source.read
    assert not any(seen)
    assert index.finds("secret", ANY) == []
    assert index.finds("secret", ONE) == ["Secret in short."]
    source.batches.clear()
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert source.read == []


def test_text_of_a_page_that_is_listed_for_nobody_is_for_nobody(
    index: Any, source: Any, document: Make
) -> None:
    """Also where the page itself is not stored."""
    prepare(source, *with_file(document, OPEN))
    source.unreadable = {"1": Unreadable(id="1", external_id="1", reason="broken")}
    index.refresh(source, mode="lazy")
    source.unreadable["2"] = replace(source.unreadable["1"], id="2")
    source.listing = lambda: iter([Listed(id="1", access_rules=()), Listed(id="2")])

    index.refresh(source, mode="lazy")

    assert index.finds("secret", ANY) == index.finds("secret", ONE) == []
