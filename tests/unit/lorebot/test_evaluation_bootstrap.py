"""The bootstrap intervals against what statistics says they have to be."""

from __future__ import annotations

import numpy as np
import pytest

from lorebot.evaluation.bootstrap import RESAMPLES, interval, resampled_means


def bounds(values: np.ndarray) -> tuple[float, float]:
    """The interval of one figure's mean."""
    low, high = interval(resampled_means(values))
    return float(low), float(high)


def test_an_interval_is_that_of_the_normal_approximation_where_that_holds() -> None:
    """1.96 standard errors to each side, for a mean of many."""
    values = np.random.default_rng(1).uniform(size=400)
    error = values.std() / np.sqrt(len(values))

    low, high = bounds(values)

    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_what_never_varies_has_no_width() -> None:
    """Neither has a single question, of which nothing can be said."""
    assert bounds(np.full(20, 0.25)) == (0.25, 0.25)
    assert bounds(np.array([0.7])) == pytest.approx((0.7, 0.7))


def test_a_difference_is_taken_on_the_same_questions() -> None:
    """Two strategies that swing alike and differ by a tenth differ by a tenth in every resample."""
    one = np.random.default_rng(2).uniform(size=50)
    means = resampled_means(np.stack([one, one + 0.1], axis=1))

    assert means.shape == (RESAMPLES, 2)
    assert means[:, 1] - means[:, 0] == pytest.approx(0.1)
    assert np.ptp(means[:, 0]) > 0.1


def test_the_same_figures_give_the_same_interval() -> None:
    """The seed is fixed."""
    values = np.random.default_rng(3).uniform(size=30)
    assert bounds(values) == bounds(values)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of 200 samples of 60 from a known distribution, about 95 % of the intervals hold its mean."""
    random = np.random.default_rng(4)
    samples = (random.uniform(size=(60, 200)) < 0.3).astype(float)

    low, high = interval(resampled_means(samples))

    assert 0.9 <= np.mean((low <= 0.3) & (high >= 0.3)) <= 0.99
