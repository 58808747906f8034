"""Identifiers in running text: ticket keys, error codes, host names, versions, dotted names, paths, camelCase.

A stemmer takes them apart at the wrong places; people look them up whole, and by their parts. They are indexed, and
searched for, as both.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

#: A run without spaces that may have a joint such as a dot, slash, hyphen or underscore inside.
_CANDIDATE = re.compile(r"[^\W_](?:[\w./:@\\-]*[^\W_])?")
_JOINTS = re.compile(r"[\W_]+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
#: A project's key has a bound, without which a long run of letters and underscores would be read once a letter.
_TICKET_KEY = re.compile(r"(?<![A-Za-z0-9-])([A-Z][A-Z0-9_]{1,63}-[1-9][0-9]*)(?![0-9A-Za-z])", re.IGNORECASE)

#: Longer ones are hashes, encoded blobs or whole URLs that nobody types.
_LONGEST = 64

#: Up to here a word is a name that may be camelCase, beyond it is a blob.
_LONGEST_NAME = 40


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text as the keyword index takes it."""

    #: The text with every identifier in parts, for the stemmer: ``ERR_LABEL`` as ``ERR LABEL``.
    text: str
    #: The identifiers as they are, lower case, with how often each occurs.
    identifiers: Counter[str]


def split_words(text: str) -> Words:
    """Take a text's identifiers out whole, and leave their parts to the stemmer."""
    found: Counter[str] = Counter()

    def parts(match: re.Match[str]) -> str:
        identifier, words = _taken_apart(match.group())
        if identifier:
            found[identifier] += 1
        return words

    return Words(text=_CANDIDATE.sub(parts, text), identifiers=found)


def identifiers(text: str) -> Counter[str]:
    """The identifiers of a text, lower case, with how often each occurs."""
    return split_words(text).identifiers


def ticket_keys(text: str) -> list[str]:
    """What may be ticket keys in a question, upper case, in order, each once."""
    return list(dict.fromkeys(match.group(1).upper() for match in _TICKET_KEY.finditer(text)))


@lru_cache(maxsize=1 << 16)
def _taken_apart(word: str) -> tuple[str | None, str]:
    """The word as an identifier, if it is one, and its parts; few words are new in a text."""
    identifier = word.lower() if _is_identifier(word) and len(word) <= _LONGEST else None
    return identifier, " ".join(part for name in _JOINTS.split(word) for part in _camel_parts(name))


def _is_identifier(word: str) -> bool:
    return len(word) > 1 and not word.isalpha() and not word.isdigit()


def _camel_parts(name: str) -> list[str]:
    """``ScrollableView`` with its parts ``Scrollable`` and ``View``; a plain word alone."""
    if not 3 < len(name) <= _LONGEST_NAME or not name.isascii() or name.islower() or name.isupper():
        return [name]
    parts = _CAMEL.findall(name)
    return [name, *(part for part in parts if len(part) > 1)] if len(parts) > 1 else [name]
