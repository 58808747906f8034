"""How far a figure could be off by the luck of which questions were asked: the paired percentile bootstrap.

Every resample draws as many questions as there are, with replacement, and the same ones for all strategies; so the
difference of two strategies is taken on the same questions (Efron and Tibshirani, An Introduction to the Bootstrap,
1993; Sakai, SIGIR 2006, for retrieval).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000

#: Of all resamples, this share lies within an interval.
CONFIDENCE = 0.95

#: The same figures give the same intervals.
_SEED = 20_260_101

#: Resamples drawn at a time: tens of megabytes with thousands of questions.
_PORTION = 500


def resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the first axis of every resample.

    Args:
        values: one row a question, of any further shape: (questions, …).

    Returns:
        Shape (RESAMPLES, …).
    """
    questions = len(values)
    flat = values.reshape(questions, -1)
    random = np.random.default_rng(_SEED)
    means = [_drawn(random, questions) @ flat / questions for _ in range(RESAMPLES // _PORTION)]
    return np.concatenate(means).reshape(RESAMPLES, *values.shape[1:])


def _drawn(random: np.random.Generator, questions: int) -> NDArray[np.float64]:
    """How often each question is in each resample of a portion: shape (_PORTION, questions)."""
    picks = random.integers(questions, size=(_PORTION, questions))
    picks += np.arange(_PORTION)[:, None] * questions
    counts = np.bincount(picks.ravel(), minlength=_PORTION * questions)
    return counts.reshape(_PORTION, questions).astype(np.float64)


def interval(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lower and the upper bound of every figure: resampled means (RESAMPLES, …) to bounds (2, …)."""
    outside = (1 - CONFIDENCE) / 2
    return np.quantile(means, [outside, 1 - outside], axis=0)
