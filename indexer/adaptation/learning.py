"""Learning the map of the question's vector: InfoNCE, held near the identity.

The map is W = I + D. For each question the loss asks that the chunk that answers it is nearer than the answers of the
other questions of the batch and than chunks that the search confuses it with (van den Oord et al. 2018,
https://arxiv.org/abs/1807.03748). What is stored is not touched, so D has to stay small: few steps from zero, and a
pull back to it (docs/adaptation.md has what was measured of other ways).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Schooling:
    """How a map is fitted. The number of steps bounds the time, whatever the number of examples."""

    steps: int = 75
    batch: int = 256
    #: Of Adam (Kingma & Ba 2015); an entry moves by about this much a step.
    rate: float = 3e-4
    temperature: float = 0.05
    #: Weight of |D|² / 2 in the loss.
    pull: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Examples:
    """What a map is fitted to; ``vectors`` are the chunks that the indices mean."""

    #: Shape (n, d), rows of length 1.
    questions: Floats
    #: Shape (n,): the chunk that answers.
    answers: Indices
    #: Shape (n, k): chunks of other documents that come near.
    confusions: Indices
    #: Shape (n,): the document that answers; examples of one document are not held against each other.
    documents: Indices
    #: Shape (chunks, d), rows of length 1.
    vectors: Floats


def fit(examples: Examples, schooling: Schooling, *, seed: int) -> Floats:
    """The map, shape (d, d); the same for the same arguments."""
    count, dimensions = examples.questions.shape
    identity = np.eye(dimensions, dtype=np.float32)
    if count == 0:
        return identity
    random = np.random.default_rng(seed)
    difference = np.zeros_like(identity)
    mean, square = np.zeros_like(identity), np.zeros_like(identity)
    for step in range(1, schooling.steps + 1):
        chosen = random.choice(count, size=min(schooling.batch, count), replace=False)
        gradient = _gradient(identity + difference, examples, chosen, schooling.temperature)
        gradient += schooling.pull * difference
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        scale = np.sqrt(square / (1 - 0.999**step)) + 1e-8
        difference = difference - schooling.rate * (mean / (1 - 0.9**step)) / scale
    return np.asarray(identity + difference, dtype=np.float32)


def _gradient(matrix: Floats, examples: Examples, chosen: Indices, temperature: float) -> Floats:
    """Of the loss's mean over the chosen examples, by the matrix."""
    questions, documents = examples.questions[chosen], examples.documents[chosen]
    answers = examples.vectors[examples.answers[chosen]]
    confusions = examples.vectors[examples.confusions[chosen]]
    count = len(chosen)
    mapped = questions @ matrix.T
    lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
    unit = mapped / lengths
    among = unit @ answers.T / temperature
    same = documents[:, None] == documents[None, :]
    np.fill_diagonal(same, val=False)
    among[same] = -np.inf
    against = (confusions @ unit[:, :, None])[:, :, 0] / temperature
    logits = np.concatenate([among, against], axis=1)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(count), np.arange(count)] -= 1
    pushed = shares[:, :count] @ answers + (shares[:, None, count:] @ confusions)[:, 0]
    pushed /= temperature * count
    # Only the direction of the mapped question counts, not its length.
    pushed = (pushed - (pushed * unit).sum(axis=1, keepdims=True) * unit) / lengths
    return np.asarray(pushed.T @ questions, dtype=np.float32)
