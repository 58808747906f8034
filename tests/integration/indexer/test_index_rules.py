"""Rules and the pass over permissions: who may read changes without a document being read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.documents import AccessRule, Document, Listed, Membership
from connectors.errors import SourceUnavailableError
from indexer.passes import Pass

Make = Callable[..., Document]
OUTAGE = SourceUnavailableError("wiki did not answer; try again later.")
SPACE = AccessRule(name="space:ENG", principals=None)
SHUT = AccessRule(name="page:1", principals=frozenset({"group:few"}))


def prepare(source: Any, *documents: Document) -> None:
    """Ada is in the engineering group, whose space this is; Ben is in none."""
    source.people = [
        Membership(email="ada@example.com", principals=frozenset({"user:1", "group:eng"})),
        Membership(email="ben@example.com", principals=frozenset({"user:2"})),
    ]
    source.containers = {"space:ENG": frozenset({"group:eng"})}
    source.put(*documents)


def names(index: Any) -> list[str]:
    """The rules that are stored."""
    return [row[0] for row in index.rows("select name from access_rules order by 1")]


def test_a_space_is_asked_about_once_whatever_number_of_pages_it_has(
    index: Any, source: Any, document: Make
) -> None:
    """And not again by a refresh of what changed."""
    prepare(source, *(document(n, f"Page {n}.", access_rules=(SPACE,)) for n in range(9)))
    index.refresh(source, mode="lazy")
    assert source.asked_rules == ["space:ENG"]
    assert len(index.finds("page", "ada@example.com")) == 9
    assert index.finds("page", "ben@example.com") == []

    source.edit(document(1, "Page one.", access_rules=(SPACE,)))
    index.refresh(source, Pass.CHANGES, mode="lazy")

    assert source.asked_rules == ["space:ENG"]
    assert len(index.finds("page", "ada@example.com")) == 9


def test_a_changed_space_counts_after_a_permission_pass_that_reads_no_document(
    index: Any, source: Any, document: Make
) -> None:
    """One row is rewritten; documents and chunks are not touched."""
    prepare(source, document(1, "Page.", access_rules=(SPACE,)))
    index.refresh(source, mode="lazy")
    before = index.rows("select xmin::text from documents union all select xmin::text from chunks")
    source.batches.clear()
    source.containers["space:ENG"] = frozenset({"user:2"})

    index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    assert index.finds("page", "ada@example.com") == []
    assert index.finds("page", "ben@example.com") == ["Page."]
    assert source.batches == []
    assert index.rows("select xmin::text from documents union all select xmin::text from chunks") == before


def test_a_restriction_counts_although_the_documents_cannot_be_read(
    index: Any, source: Any, document: Make
) -> None:
    """A page that is restricted today is shut today."""
    prepare(source, document(1, "Page.", access_rules=(SPACE,)))
    index.refresh(source, mode="lazy")
    source.edit(replace(source.held["1"], access_rules=(SPACE, SHUT), parts=frozenset({"page:2"})))
    source.failures["1"] = OUTAGE

    with pytest.raises(SourceUnavailableError):
        index.refresh(source, mode="lazy")

    assert index.finds("page", "ada@example.com") == []


def test_a_lifted_restriction_leaves_no_rule_behind(index: Any, source: Any, document: Make) -> None:
    """What nothing has any more is deleted, and comes back when it is needed."""
    prepare(source, document(1, "Page.", access_rules=(SPACE, SHUT)))
    index.refresh(source, mode="lazy")
    assert names(index) == ["page:1", "space:ENG"]

    source.put(document(1, "Page.", access_rules=(SPACE,), parts=source.held["1"].parts))
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert names(index) == ["space:ENG"]
    assert index.finds("page", "ada@example.com") == ["Page."]

    source.put(document(1, "Page.", access_rules=(SPACE, SHUT), parts=source.held["1"].parts))
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert index.finds("page", "ada@example.com") == []


@pytest.mark.parametrize("error", [KeyError("space:ENG"), OUTAGE])
def test_a_space_that_nobody_can_tell_about_is_for_nobody(
    index: Any, source: Any, document: Make, error: Exception
) -> None:
    """Until a later pass is told."""
    prepare(source, document(1, "Page.", access_rules=(SPACE,)))
    source.failures["rule space:ENG"] = error
    index.refresh(source, mode="lazy")
    assert index.finds("page", "ada@example.com") == []
    assert index.finds("page") == ["Page."]

    source.failures.clear()
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert index.finds("page", "ada@example.com") == ["Page."]


def test_a_rule_that_was_learned_before_its_document_is_asked_about_too(
    index: Any, source: Any, document: Make
) -> None:
    """The read broke off between them; what was known then must not open the page now."""
    prepare(source, document(1, "Page.", access_rules=(SPACE,)))
    source.failures["1"] = OUTAGE
    with pytest.raises(SourceUnavailableError):
        index.refresh(source, mode="lazy")
    source.failures.clear()
    source.containers["space:ENG"] = frozenset({"user:2"})
    with index.pool.connection() as connection:
        connection.execute(
            "insert into access_rules (source, name, principals) values ('wiki', 'space:ENG', '{group:eng}') "
            "on conflict do nothing"
        )

    index.refresh(source, mode="lazy")

    assert index.finds("page", "ada@example.com") == []
    assert index.finds("page", "ben@example.com") == ["Page."]


def test_a_space_that_cannot_be_asked_is_for_nobody_and_the_others_are_asked(
    index: Any, source: Any, document: Make
) -> None:
    """The source answers, so that it is this space alone whose readers nobody knows; the failure is told in the end."""
    other = AccessRule(name="space:OPS", principals=None)
    prepare(source, document(1, "Page.", access_rules=(SPACE,)), document(2, "Other.", access_rules=(other,)))
    source.containers["space:OPS"] = frozenset({"user:2"})
    index.refresh(source, mode="lazy")
    source.failures["rule space:ENG"] = OUTAGE

    with pytest.raises(SourceUnavailableError):
        index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert index.finds("page other", "ada@example.com") == []
    assert index.finds("page other", "ben@example.com") == ["Other."]

    source.failures.clear()
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert index.finds("page other", "ada@example.com") == ["Page."]


def test_any_number_of_spaces_that_cannot_be_asked_keeps_no_other_from_being_asked(
    index: Any, source: Any, document: Make
) -> None:
    """Wherever among them the one stands that was shut."""
    rules = many_spaces(index, source, document)
    source.containers[rules[8].name] = frozenset()
    source.failures = {f"rule {rule.name}": OUTAGE for rule in rules[:8]}

    with pytest.raises(SourceUnavailableError):
        index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    assert index.finds("page", "ada@example.com") == []


def test_a_source_that_is_down_is_not_asked_about_every_space(
    index: Any, source: Any, document: Make
) -> None:
    """Each would take minutes of patience; what is known holds."""
    rules = many_spaces(index, source, document)
    source.failures = {f"rule {rule.name}": OUTAGE for rule in rules} | {"people": OUTAGE}

    with pytest.raises(SourceUnavailableError):
        index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    assert len(source.asked_rules) == 3
    assert len(index.finds("page", "ada@example.com")) == 9


def test_a_source_that_goes_down_meanwhile_shuts_no_space(index: Any, source: Any, document: Make) -> None:
    """What was asked before has stopped answering too: no space in particular is unreadable."""
    rules = many_spaces(index, source, document)

    def go_down(name: str) -> None:
        if len(source.asked_rules) == 4:
            source.failures = {f"rule {rule.name}": OUTAGE for rule in rules}

    source.on_rule = go_down
    with pytest.raises(SourceUnavailableError):
        index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    assert len(source.asked_rules) == 7
    assert len(index.finds("page", "ada@example.com")) == 9


def many_spaces(index: Any, source: Any, document: Make) -> list[AccessRule]:
    """Nine spaces of one page each, all for Ada."""
    rules = [AccessRule(name=f"space:{n}", principals=None) for n in range(9)]
    prepare(source, *(document(n, f"Page {n}.", access_rules=(rule,)) for n, rule in enumerate(rules)))
    source.containers = {rule.name: frozenset({"user:1"}) for rule in rules}
    index.refresh(source, mode="lazy")
    source.asked_rules.clear()
    return rules


def test_rules_that_are_not_told_stay(index: Any, source: Any, document: Make) -> None:
    """The source does not say just now who may read it."""
    prepare(source, document(1, "Page.", access_rules=(SPACE, SHUT)))
    index.refresh(source, mode="lazy")
    before = index.rows("select rule_ids from documents")
    source.untold = {"1"}

    index.refresh(source, mode="lazy")

    assert index.rows("select rule_ids from documents") == before != [([],)]


def test_a_rule_that_comes_without_principals_takes_none_away(
    index: Any, source: Any, document: Make
) -> None:
    """Told once with principals, once without: what is known holds."""
    told = AccessRule(name="space:ENG", principals=frozenset({"group:eng"}))
    prepare(source, document(1, "Page.", access_rules=(told,)))
    source.containers = {}
    index.refresh(source, mode="lazy")
    source.edit(document(1, "Page edited.", access_rules=(SPACE,)))

    index.refresh(source, Pass.CHANGES, mode="lazy")

    assert index.finds("page", "ada@example.com") == ["Page edited."]
    assert source.asked_rules == []


def test_sweep_and_permissions_list_the_source_once(index: Any, source: Any, document: Make) -> None:
    """The listing is the dearest request there is."""
    prepare(source, document(1, "Page.", access_rules=(SPACE,)))
    index.refresh(source, mode="lazy")
    index.refresh(source, Pass.SWEEP, Pass.PERMISSIONS, mode="lazy")
    index.refresh(source, Pass.CHANGES, mode="lazy")

    assert source.listings == 2


def test_a_page_that_is_listed_twice_demands_both_and_is_read(
    index: Any, source: Any, document: Make
) -> None:
    """It moves between two spaces while they are listed one after the other."""
    other = AccessRule(name="space:OPS", principals=None)
    prepare(source, document(1, "Page.", access_rules=(SPACE,)), document(2, "Other.", access_rules=(SPACE,)))
    source.containers["space:OPS"] = frozenset({"group:eng", "user:2"})
    index.refresh(source, mode="lazy")
    source.batches.clear()
    before = source.held["1"]
    source.put(replace(before, access_rules=(other,)))
    listed = [
        Listed(id="1", access_rules=each.access_rules, parts=each.parts)
        for each in (before, source.held["1"])
    ]
    told = [listed[0], *(each for each in source.listing() if each.id != "1"), listed[1]]
    source.listing = lambda: iter(told)
    seen: list[Any] = []
    source.on_read = lambda _: seen.append(index.finds("page", "ben@example.com"))

    index.refresh(source, mode="lazy")

    assert (source.read, seen) == (["1"], [[]])
    assert index.finds("page", "ben@example.com") == ["Page."]


def test_a_new_page_that_is_listed_twice_is_read_once(index: Any, source: Any, document: Make) -> None:
    """In a first refresh, a later one and a full one."""
    prepare(source, document(1, "Page.", access_rules=(SPACE,)))
    listing = source.listing
    source.listing = lambda: iter([*listing(), *listing()])
    index.refresh(source, mode="lazy")
    source.put(document(2, "Page two.", access_rules=(SPACE,)))
    index.refresh(source, mode="lazy")
    index.refresh(source, mode="lazy", full=True)

    assert source.read == ["1", "1", "2", "2"]
