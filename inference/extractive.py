"""Answering without a model: the sentences of the passages that answer best, quoted with their citations.

Nothing is written anew, so nothing can be made up; the answer says that it quotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import Embedder
from inference.passages import Passage
from inference.sentences import Unit, UnitKind, split_units
from inference.words import stems

MODEL_NAME = "extractive"

#: Weight of shared words beside the cosine of question and sentence.
_WORD_WEIGHT = 0.35
#: What a later passage starts behind: search has put the best first.
_RANK_PENALTY = 0.03
#: A quote beyond the first has to be nearly as good as the best one.
_WORTH_QUOTING = 0.75
_MOST_QUOTES = 3
#: Characters of one quote; a list or the steps around the best one are kept together up to here.
_QUOTE_LENGTH = 700


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    passage: Passage
    units: list[Unit]
    index: int
    score: float


def quote_answer(question: str, passages: Sequence[Passage], embedder: Embedder) -> str:
    """The best quotes as Markdown with ``[n]`` marks; "" when the passages hold no text at all."""
    candidates = sorted(_candidates(question, passages, embedder), key=lambda each: -each.score)
    if not candidates:
        return ""
    quotes: dict[int, str] = {}
    for candidate in candidates:
        number = candidate.passage.number
        if candidate.score < _WORTH_QUOTING * candidates[0].score or len(quotes) == _MOST_QUOTES:
            break
        text = _quote(candidate)
        if number not in quotes and not _repeats(text, quotes.values()):
            quotes[number] = text
    return "\n\n".join(_mark(text, number) for number, text in quotes.items())


def _candidates(question: str, passages: Sequence[Passage], embedder: Embedder) -> list[_Candidate]:
    taken_apart = [(passage, split_units(passage.text)) for passage in passages]
    texts = [unit.text for _, units in taken_apart for unit in units]
    if not texts:
        return []
    cosine = _cosines(question, texts, embedder)
    asked = stems(question)
    candidates: list[_Candidate] = []
    for rank, (passage, units) in enumerate(taken_apart):
        around = stems(passage.name)
        for index, unit in enumerate(units):
            # What title and heading say already need not be in the sentence; the rest counts in full.
            shared = len(asked & stems(unit.text)) + 0.5 * len(asked & (around - stems(unit.text)))
            score = float(cosine[len(candidates)]) + _WORD_WEIGHT * shared / max(1, len(asked))
            candidates.append(
                _Candidate(passage=passage, units=units, index=index, score=score - _RANK_PENALTY * rank)
            )
    return candidates


def _cosines(question: str, texts: Sequence[str], embedder: Embedder) -> NDArray[np.float32]:
    vectors = embedder.encode([question, *texts])
    return np.asarray(vectors[1:] @ vectors[0], dtype=np.float32)


def _quote(candidate: _Candidate) -> str:
    """The best unit with what belongs to it: its list or steps, the sentence that introduces it, the next."""
    units, best = candidate.units, candidate.index
    first = last = best
    length = len(units[best].text)

    def take(index: int) -> bool:
        nonlocal length
        if not 0 <= index < len(units) or length + len(units[index].text) > _QUOTE_LENGTH:
            return False
        length += len(units[index].text)
        return True

    listed = units[best].kind in (UnitKind.ITEM, UnitKind.CODE) or units[best].text.rstrip().endswith(":")
    while listed and last + 1 < len(units) and units[last + 1].kind is UnitKind.ITEM and take(last + 1):
        last += 1
    while listed and first > 0 and units[first - 1].kind is UnitKind.ITEM and take(first - 1):
        first -= 1
    if first > 0 and units[first - 1].text.rstrip().endswith(":") and take(first - 1):
        first -= 1
    if units[best].kind is UnitKind.SENTENCE and _goes_on(units, last) and take(last + 1):
        last += 1
    return _join(units[first : last + 1])


def _goes_on(units: Sequence[Unit], index: int) -> bool:
    """The next unit belongs to this one: it is introduced by a colon, or follows in the same paragraph."""
    if index + 1 == len(units):
        return False
    return units[index].text.rstrip().endswith(":") or units[index + 1].block == units[index].block


def _join(units: Sequence[Unit]) -> str:
    text = units[0].text
    for before, unit in pairwise(units):
        same_paragraph = unit.kind is UnitKind.SENTENCE and unit.block == before.block
        text += (" " if same_paragraph else "\n") + unit.text
    return text


def _repeats(text: str, quotes: Iterable[str]) -> bool:
    own = stems(text)
    others = [stems(quote) for quote in quotes]
    return any(len(own & other) >= 0.8 * min(len(own), len(other)) for other in others)


def _mark(text: str, number: int) -> str:
    return f"{text}\n[{number}]" if text.endswith("```") else f"{text} [{number}]"
