"""Judging a tuning on pairs whose documents it was not learned from, and whether the gain is more than luck."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.adaptation.examples import BLOCK
from indexer.adaptation.learning import Floats
from indexer.adaptation.pairs import Pair, Sample
from indexer.adaptation.tunings import Tuning

#: nDCG is taken at this rank (Järvelin & Kekäläinen 2002).
RANK = 10
_RESAMPLES = 2_000

#: nDCG of each pair under a tuning, or as the search was built for None.
Scorer = Callable[[Tuning | None], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Mean nDCG before and after, and the difference with its 95 % interval."""

    pairs: int
    before: float
    after: float
    gain: float
    low: float
    high: float

    @property
    def is_confident(self) -> bool:
        """A gain that is hardly luck."""
        return self.low > 0

    @property
    def is_confident_loss(self) -> bool:
        """A loss that is hardly luck."""
        return self.high < 0


def ndcg(documents: Sequence[int], answers: Set[int]) -> float:
    """nDCG@10 of documents, best first, of which ``answers`` are right and all the same."""
    found = sum(
        1 / math.log2(place + 2) for place, document in enumerate(documents[:RANK]) if document in answers
    )
    best = sum(1 / math.log2(place + 2) for place in range(min(RANK, len(answers))))
    return found / best if best else 0.0


def paired_gain(
    pairs: Sequence[Pair], before: NDArray[np.float64], after: NDArray[np.float64], *, seed: int
) -> Gain:
    """The gain over the same pairs. Documents are resampled, not pairs: those of one document are alike."""
    difference = after - before
    _, group = np.unique([pair.origin for pair in pairs], return_inverse=True)
    sums, sizes = np.bincount(group, difference), np.bincount(group)
    random = np.random.default_rng(seed)
    means = np.empty(_RESAMPLES)
    for at in range(_RESAMPLES):
        drawn = random.integers(0, len(sums), len(sums))
        means[at] = sums[drawn].sum() / sizes[drawn].sum()
    low, high = np.quantile(means, [0.025, 0.975])
    return Gain(
        pairs=len(pairs),
        before=float(before.mean()),
        after=float(after.mean()),
        gain=float(difference.mean()),
        low=float(low),
        high=float(high),
    )


def by_vectors(pairs: Sequence[Pair], questions: Floats, sample: Sample) -> Scorer:
    """Scores the ranking by vectors alone, exactly, among the sampled chunks; a document counts by its best chunk."""
    documents, starts = np.unique(sample.documents, return_index=True)
    places = [np.flatnonzero(np.isin(sample.chunks, list(pair.hidden))) for pair in pairs]

    def score(tuning: Tuning | None) -> NDArray[np.float64]:
        mapped = questions if tuning is None else tuning.apply(questions)
        scores = np.empty(len(pairs))
        for start in range(0, len(pairs), BLOCK):
            similarities = mapped[start : start + BLOCK] @ sample.vectors.T
            for row, similarity in enumerate(similarities, start):
                similarity[places[row]] = -2.0
                best = np.maximum.reduceat(similarity, starts)
                top = np.argsort(-best, kind="stable")[:RANK]
                scores[row] = ndcg(documents[top].tolist(), pairs[row].answers)
        return scores

    return score


def by_search(
    pairs: Sequence[Pair], retrieve: Callable[[str, Tuning | None], Sequence[tuple[int, int]]]
) -> Scorer:
    """Scores what people get: ``retrieve`` gives (chunk, document) of a question's hits, best first."""

    def score(tuning: Tuning | None) -> NDArray[np.float64]:
        return np.array([_scored(pair, retrieve(pair.question, tuning)) for pair in pairs])

    return score


def _scored(pair: Pair, hits: Sequence[tuple[int, int]]) -> float:
    documents = dict.fromkeys(document for chunk, document in hits if chunk not in pair.hidden)
    return ndcg(list(documents), pair.answers)
