"""Answering without a model: the sentences of the passages that answer best, quoted with their citations.

Nothing is written anew, so nothing can be made up; the answer says that it quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import Embedder
from inference.citations import without_marks
from inference.passages import Passage
from inference.sentences import Unit, UnitKind, split_units
from inference.words import stems

MODEL_NAME = "extractive"

#: Weight of shared words beside the cosine of question and quote.
_WORD_WEIGHT = 0.35
#: What a later passage starts behind: search has put the best first.
_RANK_PENALTY = 0.02
#: How a ticket was solved is what most people want to know of it.
_SOLUTION_BONUS = 0.05
#: A quote beyond the first has to be nearly as good as the best one.
_WORTH_QUOTING = 0.7
_MOST_QUOTES = 3
#: A paragraph at the edge of a quote that scores this much less than the best one is left out.
_TOO_WEAK = 0.35
#: Characters of one quote; a list, table or block of code that is longer is quoted from its best line on.
_QUOTE_LENGTH = 480

#: A line of fields such as ``Type: Bug · Priority: High · Components: Label``: it finds, but it answers nothing.
_FIELDS = re.compile(r"^\w[\w ]*: [^·]+(?: · [^·]+){2,}$")


@dataclass(frozen=True, kw_only=True)
class _Quote:
    passage: Passage
    text: str
    score: float = 0.0


def quote_answer(question: str, passages: Sequence[Passage], embedder: Embedder) -> str:
    """The best quotes as Markdown with ``[n]`` marks; "" when the passages hold no text at all."""
    windows = [
        _Quote(passage=passage, text=text)
        for passage in passages
        for text in _windows(split_units(passage.text))
    ]
    if not windows:
        return ""
    scores = _scores(question, windows, embedder)
    ranked = [windows[index] for index in np.argsort(-scores)]
    best = float(scores.max())
    chosen: list[_Quote] = []
    for quote, score in zip(ranked, sorted(map(float, scores), reverse=True), strict=True):
        if score < _WORTH_QUOTING * best or len(chosen) == _MOST_QUOTES:
            break
        same = any(quote.passage is other.passage for other in chosen)
        if not same and not _repeats(quote.text, [other.text for other in chosen]):
            chosen.append(quote)
    texts = _trim(question, [quote.text for quote in chosen], embedder)
    return "\n\n".join(
        _mark(without_marks(text), quote.passage.number) for text, quote in zip(texts, chosen, strict=True)
    )


def _trim(question: str, texts: Sequence[str], embedder: Embedder) -> list[str]:
    """Leave out the paragraphs before and after the telling ones, such as the comments around the answer."""
    parts = [text.split("\n\n") for text in texts]
    vectors = embedder.encode([question, *(paragraph for some in parts for paragraph in some)])
    asked = stems(question)
    trimmed: list[str] = []
    row = 1
    for some in parts:
        scores = [
            float(vector @ vectors[0]) + _WORD_WEIGHT * len(asked & stems(paragraph)) / max(1, len(asked))
            for vector, paragraph in zip(vectors[row : row + len(some)], some, strict=True)
        ]
        row += len(some)
        telling = [index for index, score in enumerate(scores) if score >= max(scores) - _TOO_WEAK]
        trimmed.append("\n\n".join(some[telling[0] : telling[-1] + 1]))
    return trimmed


def _scores(question: str, quotes: Sequence[_Quote], embedder: Embedder) -> NDArray[np.float32]:
    vectors = embedder.encode([question, *(f"{quote.passage.name}\n{quote.text}" for quote in quotes)])
    asked = stems(question)
    return np.asarray(vectors[1:] @ vectors[0], dtype=np.float32) + np.array(
        [
            _WORD_WEIGHT * len(asked & stems(f"{quote.passage.name} {quote.text}")) / max(1, len(asked))
            - _RANK_PENALTY * (quote.passage.number - 1)
            + _SOLUTION_BONUS * (quote.passage.hit.kind == "solution")
            for quote in quotes
        ],
        dtype=np.float32,
    )


def _windows(units: Sequence[Unit]) -> Iterator[str]:
    """Runs of neighbouring units that make a quote; each begins in the middle of the one before."""
    telling = [unit for unit in units if not _FIELDS.match(unit.text) or unit.kind is UnitKind.ROW]
    start = end = 0
    while end < len(telling):
        end, length = start, 0
        while end < len(telling) and (end == start or length + len(telling[end].text) <= _QUOTE_LENGTH):
            length += len(telling[end].text)
            end += 1
        yield _join(telling[start:end])
        start += max(1, (end - start) // 3)


def _join(units: Sequence[Unit]) -> str:
    text = _shown(units[0])
    for before, unit in pairwise(units):
        same_paragraph = unit.kind is UnitKind.SENTENCE and unit.block == before.block
        new_block = unit.block != before.block
        text += (" " if same_paragraph else "\n\n" if new_block else "\n") + _shown(unit)
    return text


def _shown(unit: Unit) -> str:
    """A row of a table stands as an item of a list."""
    return f"- {unit.text}" if unit.kind is UnitKind.ROW else unit.text


def _repeats(text: str, quotes: Iterable[str]) -> bool:
    own = stems(text)
    others = [stems(quote) for quote in quotes]
    return any(len(own & other) >= 0.8 * min(len(own), len(other)) for other in others)


def _mark(text: str, number: int) -> str:
    return f"{text}\n[{number}]" if text.endswith("```") else f"{text} [{number}]"
