"""Sentences of a document that could be somebody's question."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
#: "Ann Lee, 2024-05-01: " in front of a comment.
_AUTHOR = re.compile(r"^[^\n]{1,60}, \d{4}-\d\d-\d\d: ", re.MULTILINE)
_END = re.compile(r"(?<=[.!?])\s+|\n+")
_MARKS = re.compile(r"[*_`#]")
#: Tables, lists, addresses, code and the line of fields below a ticket.
_NO_PROSE = re.compile(r"https?://|[|{}<>=;·]|^(?:[-+\d]|Resolution:)")

_FEWEST_WORDS, _MOST_WORDS = 5, 30
#: Of the characters at least this share is letters and spaces.
_LETTERS = 0.85


def sentences(text: str) -> Iterator[str]:
    """The sentences of a chunk that are prose, questions first."""
    plain = _AUTHOR.sub("", _LINK.sub(r"\1", _CODE.sub(" ", text)))
    found = [sentence for part in _END.split(plain) if _is_prose(sentence := _MARKS.sub("", part).strip())]
    yield from sorted(found, key=lambda sentence: not sentence.endswith("?"))


def _is_prose(sentence: str) -> bool:
    if not _FEWEST_WORDS <= len(sentence.split()) <= _MOST_WORDS or _NO_PROSE.search(sentence):
        return False
    letters = sum(character.isalpha() or character == " " for character in sentence)
    return letters / len(sentence) > _LETTERS
