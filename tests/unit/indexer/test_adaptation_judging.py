"""Judging: nDCG, paired intervals, what is hidden, and when a tuning may become live."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.adaptation.judging import by_search, by_vectors, judge, ndcg, paired_gain
from indexer.adaptation.pairs import Pair, PairKind, Sample, held_out
from indexer.adaptation.tunings import Tuning
from indexer.adaptation.weights import tune_weights


def pair(origin: int, kind: PairKind = PairKind.TITLE, **values: object) -> Pair:
    """A pair of a document with itself."""
    given_values = {"kind": kind, "question": f"q{origin}", "answers": frozenset({origin}), "origin": origin}
    return Pair(**(given_values | values))


PAIRS = [pair(number) for number in range(100)]
CANDIDATE = Tuning(id=7, matrix=None, weights=None)
LIVE = Tuning(id=6, matrix=None, weights=None)


@pytest.mark.parametrize(
    ("documents", "answers", "expected"),
    [
        ([5, 1, 2], {5}, 1.0),
        ([1, 5], {5}, 1 / math.log2(3)),
        ([*range(10), 50], {50}, 0.0),
        ([5, 1, 6], {5, 6}, (1 + 1 / 2) / (1 + 1 / math.log2(3))),
        ([], {5}, 0.0),
    ],
)
def test_ndcg_at_ten(documents: list[int], answers: set[int], expected: float) -> None:
    """The place of what is right counts, up to the tenth."""
    assert ndcg(documents, answers) == pytest.approx(expected)


@given(st.lists(st.integers(0, 30), unique=True), st.sets(st.integers(0, 30), min_size=1))
def test_ndcg_is_a_share(documents: list[int], answers: set[int]) -> None:
    """Never below nothing or above everything."""
    assert 0 <= ndcg(documents, answers) <= 1 + 1e-9


def test_a_gain_that_many_pairs_share_is_confident() -> None:
    """And its interval encloses it."""
    random = np.random.default_rng(1)
    before = random.uniform(0, 0.8, 100)
    gain = paired_gain(PAIRS, before, before + 0.05 + 0.05 * random.normal(size=100), seed=1)
    assert gain.is_confident
    assert gain.low < gain.gain < gain.high
    assert (gain.pairs, round(gain.after - gain.before - gain.gain, 9)) == (100, 0)


def test_differences_that_are_luck_are_seldom_confident() -> None:
    """Of fifty draws at most a few, as 95 % says."""
    confident = 0
    for seed in range(50):
        before, after = np.random.default_rng(seed).uniform(size=(2, 100))
        confident += paired_gain(PAIRS, before, after, seed=seed).is_confident
    assert confident <= 4


def test_pairs_of_one_document_do_not_count_as_many() -> None:
    """A document that gains in a hundred pairs is one document."""
    alike = [pair(number // 50) for number in range(100)]
    before, after = np.zeros(100), np.repeat([0.4, -0.1], 50)
    assert paired_gain(PAIRS, before, after, seed=1).is_confident
    assert not paired_gain(alike, before, after, seed=1).is_confident


def scorer(values: dict[int | None, np.ndarray]):
    """Scores by the tuning's id."""
    return lambda tuning: values[tuning and tuning.id]


def test_a_gain_over_nothing_may_become_live() -> None:
    """Where no tuning is."""
    verdict = judge(PAIRS, scorer({None: np.full(100, 0.5), 7: np.full(100, 0.6)}), CANDIDATE, None, seed=1)
    assert (verdict.gains, verdict.live_loses) == (True, False)
    assert verdict.metrics["ndcg"]["gain"] == pytest.approx(0.1)
    assert verdict.metrics["live"] is None


def test_what_is_live_is_what_has_to_be_beaten() -> None:
    """A candidate that is as good is not taken."""
    scores = {None: np.full(100, 0.5), 6: np.full(100, 0.6), 7: np.full(100, 0.6)}
    verdict = judge(PAIRS, scorer(scores), CANDIDATE, LIVE, seed=1)
    assert (verdict.gains, verdict.live_loses) == (False, False)
    assert verdict.metrics["live"]["gain"] == pytest.approx(0.1)


def test_a_live_tuning_that_loses_is_no_measure() -> None:
    """The candidate has to beat nothing, and does not."""
    scores = {None: np.full(100, 0.5), 6: np.full(100, 0.4), 7: np.full(100, 0.45)}
    verdict = judge(PAIRS, scorer(scores), CANDIDATE, LIVE, seed=1)
    assert (verdict.gains, verdict.live_loses) == (False, True)


def test_a_gain_that_harms_one_kind_of_question_is_refused() -> None:
    """However large it is altogether."""
    mixed = [pair(number, PairKind.LINK if number < 20 else PairKind.TITLE) for number in range(100)]
    after = np.where(np.arange(100) < 20, 0.4, 0.8)
    verdict = judge(mixed, scorer({None: np.full(100, 0.5), 7: after}), CANDIDATE, None, seed=1)
    assert verdict.metrics["ndcg"]["low"] > 0
    assert not verdict.gains


def test_the_vectors_score_hides_where_the_question_stands() -> None:
    """A document counts by its best chunk that is left."""
    vectors = np.array([[1, 0], [0, 1], [0.8, 0.6]], dtype=np.float32)
    numbers = np.arange(3)
    sample = Sample(vectors=vectors, chunks=numbers, documents=np.array([0, 0, 1]), positions=numbers)
    question = np.array([[1, 0]], dtype=np.float32)
    open_score = by_vectors([pair(0)], question, sample)(None)
    hidden_score = by_vectors([pair(0, hidden=frozenset({0}))], question, sample)(None)
    turned = Tuning(id=1, matrix=np.array([[0, -1], [1, 0]], dtype=np.float32), weights=None)
    turned_score = by_vectors([pair(0, hidden=frozenset({0}))], question, sample)(turned)
    assert open_score.tolist() == [1.0]
    assert hidden_score.tolist() == pytest.approx([1 / math.log2(3)])
    assert turned_score.tolist() == [1.0]


def test_the_search_score_passes_over_hidden_chunks() -> None:
    """And counts each document once."""
    hits = [(10, 1), (20, 2), (21, 2), (11, 1)]
    score = by_search([pair(1), pair(1, hidden=frozenset({10}))], lambda question, tuning: hits)(None)
    assert score.tolist() == pytest.approx([1.0, 1 / math.log2(3)])


def test_a_pair_belongs_to_one_side_only_if_all_its_documents_do() -> None:
    """What joins both sides is left out."""
    sides = {number: held_out(pair(number), share=0.3, seed=1) for number in range(2000)}
    out = [number for number, side in sides.items() if side]
    learning = [number for number, side in sides.items() if side is False]
    assert 500 < len(out) < 700
    across = pair(out[0], PairKind.LINK, answers=frozenset({learning[0]}))
    assert held_out(across, share=0.3, seed=1) is None
    assert held_out(pair(out[0], PairKind.LINK, answers=frozenset({out[1]})), share=0.3, seed=1) is True


def test_weights_are_taken_only_if_they_rank_better_with_confidence() -> None:
    """Here the more the cosine counts, the better; and then not at all."""
    rising = lambda tuning: np.full(100, (tuning.weights or {"cosine": 0.6})["cosine"])  # noqa: E731
    level = lambda tuning: np.full(100, 0.5)  # noqa: E731
    assert tune_weights(PAIRS, rising, None, seed=1) == {"cosine": 0.8, "keyword": 0.2}
    assert tune_weights(PAIRS, level, None, seed=1) is None
    assert tune_weights([], level, None, seed=1) is None
