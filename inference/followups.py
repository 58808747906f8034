"""Follow-up questions: what they mean on their own, and when a question starts a new topic."""

from __future__ import annotations

import re

import numpy as np

from indexer.embedding import Embedder
from inference.words import content_words, words

#: Words that point back to what was said.
_POINTERS = frozenset(
    """
    it its they them their theirs that those these this he him his she her hers there then same former latter else
    otherwise instead another previous above
    """.split()
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
    # A pointer in the first half points back; later it mostly means something in the question itself.
    pointing = any(word in _POINTERS for word in spoken[: max(4, len(spoken) // 2)])
    return pointing or len(content_words(question)) <= _FEW_WORDS


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
