"""The running summary of a thread: kept for follow-ups, never shown, bounded however long the thread."""

from __future__ import annotations

import re
from collections.abc import Sequence

import structlog

from inference.answers import Citation
from inference.errors import InferenceError
from inference.model import ChatModel
from inference.prompt import summary_messages
from inference.sentences import split_sentences

log = structlog.get_logger(__name__)

#: Characters of a summary at most, about 400 tokens.
LONGEST = 1500
_LONGEST_QUESTION = 200
_LONGEST_ANSWER = 280

_MARK = re.compile(r"\s*\[\d{1,2}\]")


def extend_summary(summary: str, question: str, answer: str, citations: Sequence[Citation]) -> str:
    """One line more: what was asked, how the answer began, from where. The oldest lines go first."""
    plain = " ".join(_MARK.sub("", answer).split())
    first = " ".join(split_sentences(plain)[:2])
    places = ", ".join(dict.fromkeys(citation.title for citation in citations))
    line = f"Asked: {_cut(question, _LONGEST_QUESTION)} Answer: {_cut(first, _LONGEST_ANSWER)}"
    lines = [*summary.split("\n"), f"{line} ({_cut(places, _LONGEST_QUESTION)})" if places else line]
    while len("\n".join(lines)) > LONGEST and len(lines) > 1:
        lines.pop(0)
    return "\n".join(line for line in lines if line)


def summarise(
    model: ChatModel | None, *, summary: str, question: str, answer: str, citations: Sequence[Citation]
) -> str:
    """The new running summary, by the model where there is one that answers."""
    extractive = extend_summary(summary, question, answer, citations)
    if model is None:
        return extractive
    try:
        written = model.reply(
            summary_messages(summary=summary, question=question, answer=answer), max_tokens=220
        )
    except InferenceError as error:
        log.warning("summary_fell_back", reason=type(error).__name__)
        return extractive
    return _cut(written, LONGEST)


def _cut(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1].rsplit(' ', 1)[0]}…"
