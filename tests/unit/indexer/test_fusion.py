"""Fusion of two rankings: overlap first; without one, some of each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.fusion import fuse

RANKING = st.lists(st.integers(0, 30), unique=True, max_size=20)


def test_what_both_rankings_found_comes_first() -> None:
    """In the order of the summed reciprocal ranks, however far down each had it."""
    scores = fuse([1, 2, 3, 4], [9, 8, 4, 2])
    assert list(scores)[:2] == [2, 4]
    assert all(scores[chunk] > 1 for chunk in (2, 4))
    assert all(scores[chunk] < 1 for chunk in (1, 3, 8, 9))


def test_without_overlap_there_is_some_of_each() -> None:
    """By turns, the vector ranking first."""
    assert list(fuse([1, 2, 3], [7, 8])) == [7, 1, 8, 2, 3]


def test_one_empty_ranking_leaves_the_other_as_it_is() -> None:
    """A question of stop words has no keyword hits at all."""
    assert list(fuse([], [3, 1])) == [3, 1]
    assert list(fuse([3, 1], [])) == [3, 1]
    assert fuse([], []) == {}


@given(keyword=RANKING, vector=RANKING)
def test_every_id_comes_out_once_with_falling_scores_and_the_overlap_in_front(
    keyword: list[int], vector: list[int]
) -> None:
    """Whatever the rankings."""
    scores = fuse(keyword, vector)
    shared = set(keyword) & set(vector)

    assert set(scores) == set(keyword) | set(vector)
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert set(list(scores)[: len(shared)]) == shared


@given(keyword=RANKING, vector=RANKING)
def test_the_rest_keeps_the_order_of_each_ranking(keyword: list[int], vector: list[int]) -> None:
    """And neither ranking gets ahead of the other by more than one turn."""
    shared = set(keyword) & set(vector)
    rest = list(fuse(keyword, vector))[len(shared) :]

    assert [chunk for chunk in rest if chunk in keyword] == [
        chunk for chunk in keyword if chunk not in shared
    ]
    assert [chunk for chunk in rest if chunk in vector] == [chunk for chunk in vector if chunk not in shared]
