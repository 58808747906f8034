"""Whether what was found can answer the question at all; if not, the honest answer is "I do not know"."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.search import Hit
from inference.words import stems

#: Cosine plus shared words from which on a passage counts as an answer; chosen on the sample company's answerable
#: and unanswerable questions (docs/answering.md has the curve).
THRESHOLD = 0.62

_WORD_WEIGHT = 0.4


def relevance(question: str, hit: Hit) -> float:
    """How well a passage fits a question: about 0 for none, above 1 for its very words."""
    asked = stems(question)
    found = stems(f"{hit.external_id} {hit.title} {hit.heading} {hit.text}")
    shared = len(asked & found) / max(1, len(asked))
    return (hit.similarity or 0.0) + _WORD_WEIGHT * shared


def answerable(question: str, hits: Sequence[Hit]) -> bool:
    """Whether any of these passages fits well enough, or is the very ticket that the question names."""
    return any(hit.named or relevance(question, hit) >= THRESHOLD for hit in hits)
