"""The figures of `lorebot eval` against numbers worked out by hand, and against trec_eval through ir-measures."""

from __future__ import annotations

import math

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG

from lorebot.evaluation.scores import DEPTH, FIGURES, percentile, recall_curve, score_queries

MEASURES = [R @ 1, R @ 5, R @ 10, R @ 100, nDCG @ 10, RR @ 10]


def means(rankings: dict[str, list[str]], relevant: dict[str, dict[str, float]]) -> dict[str, float]:
    """The figures by name."""
    return dict(zip(FIGURES, score_queries(rankings, relevant).mean(axis=0), strict=True))


def test_one_question_by_hand() -> None:
    """Two of three wanted documents, at ranks 2 and 4; the better one second."""
    figures = means({"q": ["x", "a", "y", "b", "z"]}, {"q": {"a": 2, "b": 1, "c": 1, "x": 0}})

    best = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert figures == pytest.approx(
        {
            "recall@1": 0.0,
            "recall@5": 2 / 3,
            "recall@10": 2 / 3,
            "recall@100": 2 / 3,
            "ndcg@10": (2 / math.log2(3) + 1 / math.log2(5)) / best,
            "mrr@10": 0.5,
        }
    )


def test_figures_are_means_over_the_questions() -> None:
    """A perfect ranking, none at all, and one just beyond the tenth place."""
    eleventh = [f"x{n}" for n in range(10)] + ["a"]
    figures = means({"1": ["a"], "2": [], "3": eleventh}, {q: {"a": 1.0} for q in "123"})

    assert figures.pop("recall@100") == pytest.approx(2 / 3)
    assert list(figures.values()) == pytest.approx([1 / 3] * 5)


def test_a_question_that_nothing_answers_scores_nothing() -> None:
    """Judged, with a gain of zero."""
    assert set(means({"q": ["a"]}, {"q": {"a": 0}}).values()) == {0.0}


documents = st.sampled_from([f"d{number}" for number in range(30)])
collections = st.dictionaries(
    st.sampled_from(["q1", "q2", "q3", "q4"]),
    st.tuples(
        st.lists(documents, unique=True, max_size=30),
        st.dictionaries(documents, st.integers(min_value=0, max_value=3), min_size=1, max_size=15),
    ),
    min_size=1,
)


@given(collection=collections)
def test_every_figure_of_every_question_is_trec_evals(
    collection: dict[str, tuple[list[str], dict[str, int]]],
) -> None:
    """Whatever the ranking and the judgements are."""
    rankings = {query: ranking for query, (ranking, _) in collection.items()}
    relevant = {query: gains for query, (_, gains) in collection.items()}
    run = [
        ir_measures.ScoredDoc(query, document, float(-rank))
        for query, ranking in rankings.items()
        for rank, document in enumerate(ranking)
    ]
    judged = [
        ir_measures.Qrel(query, document, gain)
        for query, gains in relevant.items()
        for document, gain in gains.items()
    ]
    theirs = {
        (each.query_id, each.measure): each.value for each in ir_measures.iter_calc(MEASURES, judged, run)
    }

    ours = score_queries(rankings, {query: dict(gains) for query, gains in relevant.items()})

    for query, scores in zip(rankings, ours, strict=True):
        assert list(scores) == pytest.approx([theirs.get((query, measure), 0.0) for measure in MEASURES])


@given(collection=collections)
def test_the_recall_curve_goes_through_the_recalls(
    collection: dict[str, tuple[list[str], dict[str, int]]],
) -> None:
    """It starts at recall@1, ends at recall@100 and never falls."""
    rankings = {query: ranking for query, (ranking, _) in collection.items()}
    relevant = {query: dict(gains) for query, (_, gains) in collection.items()}
    figures = means(rankings, relevant)

    curve = list(recall_curve(rankings, relevant))

    assert len(curve) == DEPTH
    assert [curve[k - 1] for k in (1, 5, 10, 100)] == pytest.approx(
        [figures[f"recall@{k}"] for k in (1, 5, 10, 100)]
    )
    assert curve == sorted(curve)


def test_percentiles_are_the_nearest_rank() -> None:
    """No value is made up."""
    assert [percentile([4, 1, 3, 2], percent) for percent in (1, 50, 75, 95)] == [1, 2, 3, 4]
    assert percentile([7], 50) == 7
