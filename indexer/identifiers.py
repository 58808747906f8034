"""Identifiers in running text: ticket keys, error codes, host names, versions, dotted names and paths.

A stemmer takes them apart; people look them up whole. They are indexed, and searched for, beside the words.
"""

from __future__ import annotations

import re
from collections import Counter

#: A run without spaces that has a digit, an underscore, or a joint of letters such as a dot, slash or hyphen.
_CANDIDATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@\\-]*[A-Za-z0-9]")
_TICKET_KEY = re.compile(r"(?<![A-Za-z0-9-])([A-Z][A-Z0-9_]+-[1-9][0-9]*)(?![0-9A-Za-z])", re.IGNORECASE)

#: Longer ones are hashes, encoded blobs or whole URLs that nobody types.
_LONGEST = 64


def identifiers(text: str) -> Counter[str]:
    """The identifiers of a text, lower case, with how often each occurs."""
    found = (match.group().lower() for match in _CANDIDATE.finditer(text))
    return Counter(word for word in found if len(word) <= _LONGEST and _is_identifier(word))


def ticket_keys(text: str) -> list[str]:
    """What may be ticket keys in a question, upper case, in order, each once."""
    return list(dict.fromkeys(match.group(1).upper() for match in _TICKET_KEY.finditer(text)))


def _is_identifier(word: str) -> bool:
    return not word.isalpha() and not word.isdigit()
