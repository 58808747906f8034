"""Follow-up questions: what they mean on their own, and when a question starts a new topic."""

from __future__ import annotations

import re

import numpy as np

from indexer.embedding import Embedder
from inference.words import content_words, words

#: Words that stand for somebody or something said before, wherever they occur.
_PRONOUNS = frozenset("it its they them their theirs he him his she her hers".split())
#: These do so at the end of a question or before its verb; elsewhere they belong to a word of their own.
_DEMONSTRATIVES = frozenset("that this those these there then same one ones else otherwise instead".split())
_VERBS = frozenset(
    "is was are were does did do has have had still also not work works mean means happen happened apply applies "
    "change changed take takes".split()
)
_OPENERS = re.compile(
    r"^\s*(?:and|but|or|so|also|then|ok(?:ay)?|what about|how about|what if|why|why not|since when|until when|"
    r"who else|anything else|for whom|by whom|even|only)\b",
    re.IGNORECASE,
)

#: A question of fewer content words hardly stands alone.
_FEW_WORDS = 2

#: Below this cosine a question that stands alone is about something else (MiniLM: unrelated texts are at 0.0 to 0.2).
NEW_TOPIC_BELOW = 0.25

#: Words of the conversation that a follow-up is searched with, at most.
_REMEMBERED_WORDS = 40


def is_follow_up(question: str) -> bool:
    """Whether a question leans on what was said before it."""
    spoken = words(question)
    if _OPENERS.match(question) and len(spoken) <= 12:
        return True
    return len(content_words(question)) <= _FEW_WORDS or any(
        word in _PRONOUNS or (word in _DEMONSTRATIVES and (after is None or after in _VERBS))
        for word, after in zip(spoken, [*spoken[1:], None], strict=True)
    )


def stand_alone(question: str, last_question: str) -> str:
    """The question as it is searched for: a follow-up takes the words of the question before along."""
    if not last_question or not is_follow_up(question):
        return question
    said = set(words(question))
    remembered = [word for word in last_question.split() if word.strip(".,;:!?").lower() not in said]
    return f"{' '.join(remembered[-_REMEMBERED_WORDS:])} {question}"


def is_new_topic(question: str, summary: str, embedder: Embedder) -> bool:
    """Whether a question that stands alone has nothing to do with the conversation so far."""
    if is_follow_up(question):
        return False
    asked, *said = embedder.encode([question, *summary.split("\n")])
    return bool(np.max(np.asarray(said) @ asked) < NEW_TOPIC_BELOW)
