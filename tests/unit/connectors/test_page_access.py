"""Which rules a page carries, for any tree of restrictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.confluence_access import PageAccess
from connectors.confluence_api import ConfluenceApi, Person, Space
from connectors.confluence_cloud import CloudConfluence
from connectors.errors import NotFoundError

SPACE = Space(id="1", key="ENG", name="Engineering")
USERS = st.frozensets(st.sampled_from("abcd"), max_size=3)
READER = "user:reader"


def restriction(users: Iterable[str]) -> dict[str, Any]:
    """A read restriction as the API writes it."""
    rows = [{"accountId": user} for user in sorted(users)]
    return {"restrictions": {"user": {"results": rows}, "group": {"results": []}}}


class Tree(ConfluenceApi):
    """Pages in memory behind the interface that the rules use: the search index and the single lookups."""

    def __init__(self, parents: list[int | None], users: list[frozenset[str]], hidden: set[int]) -> None:
        self.parents, self.users, self.hidden = parents, users, hidden

    def row(self, number: int) -> dict[str, Any]:
        chain, parent = list[int](), self.parents[number]
        while parent is not None:
            chain.insert(0, parent)
            parent = self.parents[parent]
        return {
            "id": str(number),
            "ancestors": [{"id": str(each)} for each in chain],
            "restrictions": {"read": restriction(self.users[number])},
        }

    def search(self, cql: str, *, expand: str, limit: int) -> Iterator[list[dict[str, Any]]]:
        assert "ancestors.restrictions" not in expand
        wanted = [int(number) for number in cql.partition("(")[2].rstrip(")").split(",")]
        yield [self.row(number) for number in wanted if number not in self.hidden]

    def restrictions(self, content_id: str) -> Iterator[dict[str, Any]]:
        raise NotFoundError(content_id)

    def download_path(self, attachment: dict[str, Any], page_id: str) -> str | None:
        raise AssertionError(attachment)

    def space_readers(self, space: Space) -> frozenset[str]:
        return frozenset({READER})

    def principal_of_user(self, user: dict[str, Any]) -> str | None:
        return f"user:{user['accountId']}"

    def principal_of_group(self, group: dict[str, Any]) -> str | None:
        raise AssertionError(group)

    def spaces(self, keys: tuple[str, ...] | None) -> Iterator[Space]:
        raise AssertionError(keys)

    def user_names(self, ids: Iterable[str]) -> Mapping[str, str]:
        raise AssertionError(ids)

    def groups(self) -> Iterator[str]:
        raise AssertionError

    def members(self, group: str) -> Iterator[Person]:
        raise AssertionError(group)

    def following(self, answer: dict[str, Any], params: dict[str, Any]) -> dict[str, Any] | None:
        raise AssertionError(params)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Up to eight pages, each below an earlier one; some are hidden from searches."""
    count = draw(st.integers(1, 8))
    parents = [draw(st.sampled_from([None, *range(number)])) for number in range(count)]
    users = [draw(USERS) for _ in range(count)]
    return Tree(parents, users, draw(st.sets(st.integers(0, count - 1), max_size=2)))


@given(trees(), st.data())
def test_a_reader_needs_the_page_and_every_ancestor(tree: Tree, data: st.DataObject) -> None:
    """In whatever order and batches pages are learnt; a hidden ancestor shuts."""
    shown = [number for number in range(len(tree.parents)) if number not in tree.hidden]
    order = data.draw(st.permutations(shown))
    access, cut = PageAccess(tree), data.draw(st.integers(0, len(order)))
    for batch in (order[:cut], order[cut:]):
        access.learn([tree.row(number) for number in batch])
        for number in batch:
            space, *rules = access.rules(tree.row(number), SPACE.key)
            assert (space.name, space.principals) == ("space:ENG", None)
            chain = [int(each["id"]) for each in tree.row(number)["ancestors"]]
            for user in "abcde":
                allowed = all((rule.principals or frozenset()) & {f"user:{user}"} for rule in rules)
                opened = not any(each in tree.hidden for each in chain)
                admitted = all(not tree.users[each] or user in tree.users[each] for each in [*chain, number])
                assert allowed == (opened and admitted)


@pytest.mark.parametrize("answer", [{}, {"restrictions": {}}, {"restrictions": {"user": {"results": []}}}])
def test_a_restriction_that_is_not_understood_shuts(answer: dict[str, Any]) -> None:
    """An answer in another shape is no permission."""
    tree = Tree([None], [frozenset()], set())
    access = PageAccess(tree)
    access.learn([{**tree.row(0), "restrictions": {"read": answer}}])
    assert access.rules(tree.row(0), SPACE.key)[-1].principals == frozenset()


def test_a_page_that_was_never_learnt_is_shut() -> None:
    """No rule is guessed."""
    tree = Tree([None], [frozenset()], set())
    assert PageAccess(tree).rules(tree.row(0), SPACE.key)[-1].principals == frozenset()


def test_the_real_interfaces_can_be_made() -> None:
    """The class above stands for the same interface that Cloud and Data Center fill in."""
    assert set(CloudConfluence.__abstractmethods__) == set(Tree.__abstractmethods__) == set()
