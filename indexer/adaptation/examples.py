"""From pairs to what a map is fitted to: the chunk that answers, and those that come near without answering."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.adaptation.learning import Examples, Floats
from indexer.adaptation.pairs import Pair, Sample

#: Confusions of a question, taken at random from so many nearest chunks: the very nearest are often right as well.
CONFUSIONS = 10
_AMONG = 60
#: Questions that are compared with all chunks at a time: 100 MB of similarities at 50,000 chunks.
BLOCK = 512


def examples(
    pairs: Sequence[Pair], questions: Floats, sample: Sample, allowed: NDArray[np.bool_], *, seed: int
) -> Examples:
    """Examples from pairs and the vectors of their questions, row by row.

    ``allowed`` tells of each chunk whether it may be a confusion: those of held-out documents may not.
    """
    random = np.random.default_rng(seed)
    answers = np.empty(len(pairs), dtype=np.int64)
    confusions = np.empty((len(pairs), min(CONFUSIONS, _AMONG)), dtype=np.int64)
    for start in range(0, len(pairs), BLOCK):
        similarities = questions[start : start + BLOCK] @ sample.vectors.T
        for row, similarity in enumerate(similarities, start):
            pair = pairs[row]
            right = np.isin(sample.documents, list(pair.answers))
            hidden = np.isin(sample.chunks, list(pair.hidden)) if pair.hidden else False
            answers[row] = np.where(right & ~np.asarray(hidden), similarity, -2.0).argmax()
            wrong = np.where(~right & ~np.asarray(hidden) & allowed, similarity, -2.0)
            nearest = np.argpartition(-wrong, min(_AMONG, len(wrong) - 1))[:_AMONG]
            confusions[row] = random.choice(nearest, confusions.shape[1], replace=len(nearest) < CONFUSIONS)
    return Examples(
        questions=questions,
        answers=answers,
        confusions=confusions,
        documents=sample.documents[answers],
        vectors=sample.vectors,
    )
