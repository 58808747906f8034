"""Which rules a page carries, for any tree of restrictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.confluence_access import PageAccess
from connectors.confluence_api import Body, ConfluenceApi, Person, Space
from connectors.confluence_cloud import CloudConfluence
from connectors.errors import NotFoundError

SPACE = Space(id="1", key="ENG", name="Engineering")
USERS = st.frozensets(st.sampled_from("abcd"), max_size=3)
READER = "user:reader"


def restriction(users: Iterable[str], *, start: int = 0, most: int = 200) -> dict[str, Any]:
    """A read restriction as the API writes it, with so many people at most."""
    rows = [{"accountId": user} for user in sorted(users)][start : start + most]
    listed = {"results": rows, "start": start, "limit": most, "size": len(rows)}
    return {"restrictions": {"user": listed, "group": {"results": [], "limit": most, "size": 0}}}


class Tree(ConfluenceApi):
    """Pages in memory behind the interface that the rules use: the search index and the single lookups.

    Of those that the search hides, some (folders) are told one by one; ``most`` people are shown at once.
    """

    def __init__(
        self,
        parents: list[int | None],
        users: list[frozenset[str]],
        hidden: set[int],
        folders: Set[int] = frozenset(),
        most: int = 200,
    ) -> None:
        self.parents, self.users, self.hidden, self.folders, self.most = parents, users, hidden, folders, most

    def row(self, number: int) -> dict[str, Any]:
        chain, parent = list[int](), self.parents[number]
        while parent is not None:
            chain.insert(0, parent)
            parent = self.parents[parent]
        return {
            "id": str(number),
            "ancestors": [{"id": str(each)} for each in chain],
            "restrictions": {"read": restriction(self.users[number], most=self.most)},
        }

    def search(self, cql: str, *, expand: str, limit: int) -> Iterator[list[dict[str, Any]]]:
        assert "ancestors.restrictions" not in expand
        wanted = [int(number) for number in cql.partition("(")[2].rstrip(")").split(",")]
        yield [self.row(number) for number in wanted if number not in self.hidden]

    def restrictions(self, content_id: str) -> Iterator[dict[str, Any]]:
        number = int(content_id)
        if number in self.hidden - self.folders:
            raise NotFoundError(content_id)
        for start in range(0, max(1, len(self.users[number])), self.most):
            yield restriction(self.users[number], start=start, most=self.most)

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

    def page(self, page_id: str, body: Body | None) -> dict[str, Any] | None:
        raise AssertionError(page_id)

    def attachment(self, attachment_id: str) -> dict[str, Any] | None:
        raise AssertionError(attachment_id)

    def titled(self, space: Space, title: str) -> list[dict[str, Any]]:
        raise AssertionError(title)

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
    """Up to eight pages, each below an earlier one; some are hidden from searches, some of these are folders."""
    count = draw(st.integers(1, 8))
    parents = [draw(st.sampled_from([None, *range(number)])) for number in range(count)]
    users = [draw(USERS) for _ in range(count)]
    hidden = draw(st.sets(st.integers(0, count - 1), max_size=3))
    folders = {number for number in hidden if draw(st.booleans())}
    return Tree(parents, users, hidden, folders, draw(st.sampled_from([1, 2, 200])))


@given(trees(), st.data())
def test_a_reader_needs_the_page_and_every_ancestor(tree: Tree, data: st.DataObject) -> None:
    """In whatever order and batches pages are learnt, however few people are shown at once.

    An ancestor that is nowhere told shuts; a folder, which no search shows, has its own restriction.
    """
    shown = [number for number in range(len(tree.parents)) if number not in tree.hidden]
    order = data.draw(st.permutations(shown))
    access, cut = PageAccess(tree), data.draw(st.integers(0, len(order)))
    for batch in (order[:cut], order[cut:]):
        access.learn([tree.row(number) for number in batch])
        for number in batch:
            space, *rules = access.rules(tree.row(number), SPACE)
            assert (space.name, space.principals) == ("space:1", None)
            chain = [int(each["id"]) for each in tree.row(number)["ancestors"]]
            for user in "abcde":
                allowed = all((rule.principals or frozenset()) & {f"user:{user}"} for rule in rules)
                opened = not any(each in tree.hidden - tree.folders for each in chain)
                admitted = all(not tree.users[each] or user in tree.users[each] for each in [*chain, number])
                assert allowed == (opened and admitted)


@pytest.mark.parametrize("answer", [{}, {"restrictions": {}}, {"restrictions": {"user": {"results": []}}}])
def test_a_restriction_that_is_not_understood_shuts(answer: dict[str, Any]) -> None:
    """An answer in another shape is no permission."""
    tree = Tree([None], [frozenset()], set())
    access = PageAccess(tree)
    access.learn([{**tree.row(0), "restrictions": {"read": answer}}])
    assert access.rules(tree.row(0), SPACE)[-1].principals == frozenset()


class Paged(CloudConfluence):
    """The restriction of one page behind the real paging, as a server gives it that shows ``most`` at once."""

    def __init__(self, users: list[str], groups: list[str], most: int, *, knows_start: bool) -> None:
        self.users, self.groups, self.most, self.knows_start = users, groups, most, knows_start
        self.client: Any = self

    def get(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        assert path == "rest/api/content/7/restriction/byOperation/read"
        start = params.get("start", 0) if self.knows_start else 0
        most = min(self.most, params["limit"])

        def part(rows: list[dict[str, str]]) -> dict[str, Any]:
            return {"results": rows[start : start + most], "start": start, "limit": most}

        users = part([{"accountId": user} for user in self.users])
        return {"restrictions": {"user": users, "group": part([{"id": group} for group in self.groups])}}


@given(
    st.lists(st.uuids().map(str), max_size=12, unique=True),
    st.lists(st.uuids().map(str), max_size=12, unique=True),
    st.integers(1, 5),
)
def test_a_restriction_of_any_size_is_read_to_its_end(users: list[str], groups: list[str], most: int) -> None:
    """However many people and groups the server shows at once."""
    answers = list(Paged(users, groups, most, knows_start=True).restrictions("7"))
    lists = [answer["restrictions"] for answer in answers]
    assert {row["accountId"] for each in lists for row in each["user"]["results"]} == set(users)
    assert {row["id"] for each in lists for row in each["group"]["results"]} == set(groups)


def test_a_server_that_says_the_same_again_is_not_asked_for_ever() -> None:
    """One that does not know where to start."""
    assert len(list(Paged(["a", "b"], [], 1, knows_start=False).restrictions("7"))) == 2


def test_a_page_that_was_never_learnt_is_shut() -> None:
    """No rule is guessed."""
    tree = Tree([None], [frozenset()], set())
    assert PageAccess(tree).rules(tree.row(0), SPACE)[-1].principals == frozenset()


def test_the_real_interfaces_can_be_made() -> None:
    """The class above stands for the same interface that Cloud and Data Center fill in."""
    assert set(CloudConfluence.__abstractmethods__) == set(Tree.__abstractmethods__) == set()
