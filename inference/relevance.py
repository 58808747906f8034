"""Whether what was found can answer the question at all; if not, the honest answer is "I do not know"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from indexer.identifiers import ticket_keys
from indexer.search import Hit
from inference.words import stems

#: Cosine plus shared words from which on a passage counts as an answer. Measured on the sample company: it
#: refuses 4 of 60 answerable questions, and answers 2 of 10 that nothing there answers and 3 of 160 about other
#: companies. Up to 0.64 only the last figure falls, to 0; at 0.54 the three are 2, 4 and 5.
THRESHOLD = 0.58

_WORD_WEIGHT = 0.4

#: Codes and hosts (``ERR_LABEL_6201``, ``db-rst-01``): they occur in a passage, or it does not answer.
_CODE = re.compile(r"(?<![\w-])(?=[\w-]*[A-Za-z])(?=[\w-]*\d)[A-Za-z][\w]*(?:[_-][\w]+)+(?![\w-])")


def relevance(question: str, hit: Hit) -> float:
    """How well a passage fits a question: about 0 for none, above 1 for its very words."""
    asked = stems(question)
    shared = len(asked & stems(_searched(hit))) / max(1, len(asked))
    return (hit.similarity or 0.0) + _WORD_WEIGHT * shared


def answerable(question: str, hits: Sequence[Hit]) -> bool:
    """Whether any of these passages fits well enough.

    A question about a code or a ticket is answerable only by a passage that knows it, however alike the rest.
    """
    if any(hit.named for hit in hits):
        return True
    codes = {code.lower() for code in [*_CODE.findall(question), *ticket_keys(question)]}
    known = " ".join(_searched(hit) for hit in hits).lower()
    if codes and not any(code in known for code in codes):
        return False
    return any(relevance(question, hit) >= THRESHOLD for hit in hits)


def _searched(hit: Hit) -> str:
    return f"{hit.external_id} {hit.title} {hit.heading} {hit.text}"
