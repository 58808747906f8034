"""The figures of `lorebot eval` against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from lorebot.evaluation import percentile, scores


def test_one_question_by_hand() -> None:
    """Two of three wanted documents, at ranks 2 and 4; the better one second."""
    figures = scores({"q": ["x", "a", "y", "b", "z"]}, {"q": {"a": 2, "b": 1, "c": 1, "x": 0}})

    best = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert figures == {
        "recall@1": 0.0,
        "recall@5": pytest.approx(2 / 3, abs=5e-5),
        "recall@10": pytest.approx(2 / 3, abs=5e-5),
        "recall@100": pytest.approx(2 / 3, abs=5e-5),
        "ndcg@10": pytest.approx((2 / math.log2(3) + 1 / math.log2(5)) / best, abs=5e-5),
        "mrr@10": 0.5,
    }


def test_figures_are_means_over_the_questions() -> None:
    """A perfect ranking, none at all, and one just beyond the tenth place."""
    eleventh = [f"x{n}" for n in range(10)] + ["a"]
    figures = scores({"1": ["a"], "2": [], "3": eleventh}, {q: {"a": 1.0} for q in "123"})

    third = pytest.approx(1 / 3, abs=5e-5)
    assert figures == {
        "recall@1": third,
        "recall@5": third,
        "recall@10": third,
        "recall@100": pytest.approx(2 / 3, abs=5e-5),
        "ndcg@10": third,
        "mrr@10": third,
    }


def test_a_question_that_nothing_answers_scores_nothing() -> None:
    """Judged, with a gain of zero."""
    assert set(scores({"q": ["a"]}, {"q": {"a": 0}}).values()) == {0.0}


def test_percentiles_are_the_nearest_rank() -> None:
    """No value is made up."""
    assert [percentile([4, 1, 3, 2], percent) for percent in (1, 50, 75, 95)] == [1, 2, 3, 4]
    assert percentile([7], 50) == 7
