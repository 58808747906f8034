"""Tuning the weights of the fusion: how much words count beside vectors.

Only linked tickets are asked: a title and a sentence of a document stand in it word for word, so that by them words
could not count too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from indexer.adaptation.judging import Scorer, paired_gain
from indexer.adaptation.learning import Floats
from indexer.adaptation.pairs import Pair
from indexer.adaptation.tunings import Tuning
from indexer.ranking import Ranking

#: Parts of the cosine that are tried; BM25 has the rest.
_SHARES = (0.4, 0.5, 0.7, 0.8)


def tune_weights(
    pairs: Sequence[Pair], score: Scorer, matrix: Floats | None, *, seed: int
) -> Mapping[str, float] | None:
    """The weights that rank these pairs best; None where the built-in ones do, or others not with confidence."""
    if not pairs:
        return None
    plain = score(Tuning(id=0, matrix=matrix, weights=None))
    tried = [(weights, score(Tuning(id=0, matrix=matrix, weights=weights))) for weights in _grid()]
    weights, best = max(tried, key=lambda each: float(each[1].mean()))
    return weights if paired_gain(pairs, plain, best, seed=seed).is_confident else None


def _grid() -> list[Mapping[str, float]]:
    built_in = Ranking()
    total = built_in.cosine + built_in.keyword
    return [
        {"cosine": round(share * total, 4), "keyword": round((1 - share) * total, 4)} for share in _SHARES
    ]
