"""The figures of a ranking, as trec_eval defines them (tests hold them against ir-measures).

Own lines instead of that package: ``lorebot eval`` is part of every installation, and these few lines cost it no
compiled dependency.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

#: Documents of a ranking that are looked at.
DEPTH = 100

_RECALLS = (1, 5, 10, DEPTH)

#: What a ranking is scored by, in the order of :func:`score_queries`' columns.
FIGURES = (*(f"recall@{k}" for k in _RECALLS), "ndcg@10", "mrr@10")


def score_queries(
    rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, float]]
) -> NDArray[np.float64]:
    """recall@1/5/10/100, nDCG@10 (linear gain) and MRR@10 of every query, 0 to 1: shape (queries, figures)."""
    return np.array([_score(ranking, relevant[query]) for query, ranking in rankings.items()])


def _score(ranking: Sequence[str], gains: Mapping[str, float]) -> list[float]:
    recalls = [_recall(ranking, gains, k) for k in _RECALLS]
    return [*recalls, _ndcg(ranking, gains, 10), _reciprocal_rank(ranking, gains, 10)]


def recall_curve(
    rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, float]]
) -> NDArray[np.float64]:
    """Mean recall@k for every k from 1 to :data:`DEPTH`: shape (DEPTH,)."""
    curve = np.zeros(DEPTH)
    for query, ranking in rankings.items():
        wanted = {document for document, gain in relevant[query].items() if gain > 0}
        found = np.zeros(DEPTH)
        for position, document in enumerate(ranking[:DEPTH]):
            found[position] = document in wanted
        curve += np.cumsum(found) / max(len(wanted), 1)
    return curve / max(len(rankings), 1)


def _recall(ranking: Sequence[str], gains: Mapping[str, float], k: int) -> float:
    wanted = {document for document, gain in gains.items() if gain > 0}
    return len(wanted & set(ranking[:k])) / len(wanted) if wanted else 0.0


def _ndcg(ranking: Sequence[str], gains: Mapping[str, float], k: int) -> float:
    best = _discounted(sorted(gains.values(), reverse=True)[:k])
    return _discounted([gains.get(document, 0.0) for document in ranking[:k]]) / best if best else 0.0


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _reciprocal_rank(ranking: Sequence[str], gains: Mapping[str, float], k: int) -> float:
    ranks = (rank for rank, document in enumerate(ranking[:k], start=1) if gains.get(document, 0.0) > 0)
    return 1 / next(ranks, math.inf)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which ``percent`` % of the values lie (nearest rank)."""
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 2)
