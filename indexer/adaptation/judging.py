"""Judging a tuning on pairs whose documents it was not learned from, and whether the gain is more than luck."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.adaptation.examples import BLOCK
from indexer.adaptation.learning import Floats
from indexer.adaptation.pairs import Pair, PairKind, Sample
from indexer.adaptation.tunings import Tuning

#: nDCG is taken at this rank (Järvelin & Kekäläinen 2002).
RANK = 10
_RESAMPLES = 1_000
#: With fewer pairs of a kind its interval says nothing.
FEWEST_OF_A_KIND = 20

#: (chunk, document) of a question's hits under a tuning, best first.
Retrieve = Callable[[str, Tuning | None], Sequence[tuple[int, int]]]

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


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a tuning may become live."""

    #: It gains with confidence, and no kind of pair loses with confidence.
    gains: bool
    #: What is live now does worse than nothing.
    live_loses: bool
    #: Figures alone.
    metrics: dict[str, Any]


def judge(
    pairs: Sequence[Pair], score: Scorer, candidate: Tuning, live: Tuning | None, *, seed: int
) -> Verdict:
    """Compare a tuning with what is live; with nothing, where that does worse than nothing."""
    plain, now = score(None), score(live) if live else None
    present = None if now is None else paired_gain(pairs, plain, now, seed=seed)
    live_loses = present is not None and present.is_confident_loss
    before = plain if now is None or live_loses else now
    after = score(candidate)
    gain = paired_gain(pairs, before, after, seed=seed)
    kinds = _by_kind(pairs, before, after, seed)
    harms = any(each.is_confident_loss and each.pairs >= FEWEST_OF_A_KIND for each in kinds.values())
    metrics = {
        "ndcg": asdict(gain),
        "kinds": {kind: asdict(each) for kind, each in kinds.items()},
        "live": None if present is None else asdict(present),
    }
    return Verdict(gains=gain.is_confident and not harms, live_loses=live_loses, metrics=metrics)


def _by_kind(
    pairs: Sequence[Pair], before: NDArray[np.float64], after: NDArray[np.float64], seed: int
) -> dict[str, Gain]:
    rows = {kind: [at for at, pair in enumerate(pairs) if pair.kind is kind] for kind in PairKind}
    return {
        kind.value: paired_gain([pairs[at] for at in chosen], before[chosen], after[chosen], seed=seed)
        for kind, chosen in rows.items()
        if chosen
    }


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
    drawn = random.integers(0, len(sums), (_RESAMPLES, len(sums)), dtype=np.int32)
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
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


def by_search(pairs: Sequence[Pair], retrieve: Retrieve) -> Scorer:
    """Scores what people get; of a document that a question stands in, what does not count is passed over."""

    def score(tuning: Tuning | None) -> NDArray[np.float64]:
        return np.array([_scored(pair, retrieve(pair.question, tuning)) for pair in pairs])

    return score


def _scored(pair: Pair, hits: Sequence[tuple[int, int]]) -> float:
    documents = dict.fromkeys(document for chunk, document in hits if chunk not in pair.hidden)
    return ndcg(list(documents), pair.answers)
