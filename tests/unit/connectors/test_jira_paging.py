"""Pages of search results that shift while they are read: Data Center counts rows, and rows come and go."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.atlassian import AtlassianClient
from connectors.errors import BrokenAnswerError, ConnectorError
from connectors.jira_datacenter import DataCenterJira


class ShiftingSearch:
    """A search over rows of which some go after each answer, and some come at the end."""

    def __init__(self, rows: int, cap: int, goes: list[list[int]], comes: int) -> None:
        self.rows = list(range(rows))
        self.gone: set[int] = set()
        self._cap = cap
        self._goes = goes
        self._comes = comes
        self.asked = 0

    def get(self, path: str, params: dict[str, Any]) -> Any:
        """One page."""
        assert path == "rest/api/2/search"
        start = params["startAt"]
        page = self.rows[start : start + min(params["maxResults"], self._cap)]
        answer = {"issues": [{"id": str(row)} for row in page], "total": len(self.rows), "startAt": start}
        for row in self._goes[self.asked] if self.asked < len(self._goes) else ():
            self.gone |= {row} & set(self.rows)
            self.rows = [each for each in self.rows if each != row]
        if self.asked < self._comes:
            self.rows.append(1000 + self.asked)
        self.asked += 1
        assert self.asked < 500
        return answer


def found_in(search: Any) -> list[int]:
    """All ids, in the order in which they come."""
    rows = DataCenterJira(cast(AtlassianClient, search)).search("project = A", ("key",))
    return [int(row["id"]) for row in rows]


@given(
    rows=st.integers(0, 40),
    cap=st.integers(2, 9),
    goes=st.lists(st.lists(st.integers(0, 45), max_size=3), max_size=12),
    comes=st.integers(0, 3),
)
def test_every_row_that_stays_is_found_once(rows: int, cap: int, goes: list[list[int]], comes: int) -> None:
    """Whatever goes before, on or behind the page that is being read."""
    search = ShiftingSearch(rows, cap, goes, comes)
    found = found_in(search)
    assert len(found) == len(set(found))
    assert set(range(rows)) - search.gone <= set(found)


def test_a_walk_over_rows_that_stay_asks_for_each_page_once() -> None:
    """One row of each page is that of the page before."""
    search = ShiftingSearch(41, 11, [], 0)
    assert found_in(search) == list(range(41))
    assert search.asked == 4


def test_a_total_that_promises_more_than_comes_ends_the_walk() -> None:
    """An index can be wrong about itself."""

    class Promising(ShiftingSearch):
        def get(self, path: str, params: dict[str, Any]) -> Any:
            return {**super().get(path, params), "total": 100}

    assert found_in(Promising(10, 4, [], 0)) == list(range(10))


def test_pages_that_break_are_asked_for_in_smaller_ones_until_none_is_smaller() -> None:
    """And then it is an error."""

    class Breaking(ShiftingSearch):
        def get(self, path: str, params: dict[str, Any]) -> Any:
            if params["maxResults"] > self.largest:
                raise BrokenAnswerError("too large")
            return super().get(path, params)

    search = Breaking(30, 1000, [], 0)
    search.largest = 10  # type: ignore[attr-defined]
    assert found_in(search) == list(range(30))
    search.largest = 1  # type: ignore[attr-defined]
    with pytest.raises(ConnectorError):
        found_in(search)
