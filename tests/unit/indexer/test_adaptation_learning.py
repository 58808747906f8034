"""Learning the map: it finds what is there to be found, and nothing where nothing is."""

from __future__ import annotations

from typing import Any

import numpy as np

from indexer.adaptation.examples import examples
from indexer.adaptation.judging import by_vectors, judge
from indexer.adaptation.learning import Examples, Floats, Schooling, fit
from indexer.adaptation.pairs import Pair, PairKind, Sample, held_out
from indexer.adaptation.tunings import Tuning

#: More and longer steps than usual, without a pull: the rotation is large.
FREE = Schooling(steps=200, batch=64, rate=1e-2, pull=0.0)


def unit(rows: Any) -> Floats:
    """Rows of length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def rotation(random: np.random.Generator, dimensions: int) -> Floats:
    """Any rotation."""
    return np.asarray(np.linalg.qr(random.normal(size=(dimensions, dimensions)))[0], dtype=np.float32)


def nearest(questions: Floats, vectors: Floats) -> Any:
    """The nearest chunk of each question."""
    return (questions @ vectors.T).argmax(axis=1)


def given(questions: Floats, vectors: Floats, random: np.random.Generator) -> Examples:
    """One question for each chunk, each chunk a document of its own."""
    count = len(questions)
    return Examples(
        questions=questions,
        answers=np.arange(count),
        confusions=random.integers(0, count, (count, 10)),
        documents=np.arange(count),
        vectors=vectors,
    )


def test_a_rotation_between_questions_and_chunks_is_found() -> None:
    """Also for questions that were not learned from."""
    random = np.random.default_rng(3)
    turned = rotation(random, 24)
    vectors = unit(random.normal(size=(1200, 24)))
    questions = unit(vectors @ turned + 0.05 * random.normal(size=vectors.shape))
    matrix = fit(given(questions[:1000], vectors[:1000], random), FREE, seed=0)
    mapped = unit(questions[1000:] @ matrix.T)
    assert (nearest(questions[1000:], vectors) == np.arange(1000, 1200)).mean() < 0.1
    assert (nearest(mapped, vectors) == np.arange(1000, 1200)).mean() > 0.95


def test_questions_that_have_nothing_to_do_with_their_answers_leave_vectors_as_they_are() -> None:
    """Nearly: a question keeps its direction."""
    random = np.random.default_rng(4)
    questions, vectors = (unit(random.normal(size=(500, 64))) for _ in range(2))
    matrix = fit(given(questions, vectors, random), Schooling(), seed=0)
    mapped = unit(questions @ matrix.T)
    assert (mapped * questions).sum(axis=1).min() > 0.97


def test_the_same_seed_gives_the_same_map() -> None:
    """To the bit, so that a training can be done again."""
    random = np.random.default_rng(5)
    questions, vectors = (unit(random.normal(size=(300, 16))) for _ in range(2))
    given_once = given(questions, vectors, random)
    first, again, other = (fit(given_once, Schooling(steps=10), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_nothing_to_learn_from_gives_the_identity() -> None:
    """Of the right size."""
    nothing = np.empty((0, 8), dtype=np.float32)
    matrix = fit(given(nothing, np.eye(8, dtype=np.float32), np.random.default_rng(0)), Schooling(), seed=0)
    assert np.array_equal(matrix, np.eye(8))


def make_sample(vectors: Floats, *, per_document: int = 2) -> Sample:
    """Chunks by number, so many a document."""
    numbers = np.arange(len(vectors))
    return Sample(
        vectors=vectors,
        chunks=numbers,
        documents=numbers // per_document,
        positions=numbers % per_document,
    )


def title(document: int) -> Pair:
    """A pair whose question was embedded elsewhere."""
    return Pair(kind=PairKind.TITLE, question="", answers=frozenset({document}), origin=document)


def test_examples_take_the_nearest_chunk_that_counts_and_confusions_that_are_allowed() -> None:
    """Neither what is hidden, nor what is right, nor what is held out is ever a confusion."""
    random = np.random.default_rng(6)
    sample = make_sample(unit(random.normal(size=(200, 8))), per_document=4)
    pair = Pair(
        kind=PairKind.SENTENCE,
        question="",
        answers=frozenset({7}),
        origin=7,
        hidden=frozenset({28, 29}),
    )
    allowed = sample.documents % 2 == 1
    made = examples([pair], sample.vectors[28:29], sample, allowed, seed=1)
    right = [30, 31]
    nearest = max(right, key=lambda chunk: float(sample.vectors[28] @ sample.vectors[chunk]))
    assert made.answers.tolist() == [nearest]
    assert set(made.documents.tolist()) == {7}
    assert all(document % 2 == 1 and document != 7 for document in sample.documents[made.confusions[0]])


def test_noise_is_refused() -> None:
    """Of fifty trainings on questions that mean nothing, at most a few are accepted by luck."""
    accepted = sum(learned_from_noise(seed) for seed in range(50))
    assert accepted <= 4


def learned_from_noise(seed: int) -> bool:
    """Whether a map that was learned from noise is judged to gain."""
    random = np.random.default_rng(seed)
    sample = make_sample(unit(random.normal(size=(160, 16))))
    questions = unit(random.normal(size=(80, 16)))
    pairs = [title(document) for document in range(80)]
    sides = np.array([held_out(pair, share=0.5, seed=seed) for pair in pairs], dtype=bool)
    learning = [pair for pair, out in zip(pairs, sides, strict=True) if not out]
    judging = [pair for pair, out in zip(pairs, sides, strict=True) if out]
    allowed = ~np.isin(sample.documents, [pair.origin for pair in judging])
    made = examples(learning, questions[~sides], sample, allowed, seed=seed)
    matrix = fit(made, Schooling(steps=20, batch=32, rate=3e-3), seed=seed)
    score = by_vectors(judging, questions[sides], sample)
    return judge(judging, score, Tuning(id=0, matrix=matrix, weights=None), None, seed=seed).gains
