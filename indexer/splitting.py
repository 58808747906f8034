"""Cutting text into pieces that fit a number of tokens, at the best place that there is.

Best first: between paragraphs, between lines, between sentences, between words; inside a word only when it is
longer than a whole piece. Nothing but white space at the cuts is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

CountTokens = Callable[[str], int]

_SEPARATORS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])\s+(?=\S)"),
    re.compile(r"\s+"),
)
_JOINERS = ("\n\n", "\n", " ", " ")


def split_text(text: str, limit: int, count: CountTokens) -> list[str]:
    """Cut prose into pieces of at most ``limit`` tokens each."""
    return list(_split(text.strip(), limit, count, level=0))


def _split(text: str, limit: int, count: CountTokens, level: int) -> Iterator[str]:
    if not text:
        return
    # No character makes more than three tokens (a Hangul syllable does), so a short text needs no counting.
    if 3 * len(text) <= limit or count(text) <= limit:
        yield text
        return
    if level == len(_SEPARATORS):
        yield from _halve(text, limit, count)
        return
    parts = [part for part in _SEPARATORS[level].split(text) if part.strip()]
    fitting = (piece for part in parts for piece in _split(part.strip(), limit, count, level + 1))
    yield from pack(fitting, limit, count, joiner=_JOINERS[level])


def _halve(word: str, limit: int, count: CountTokens) -> Iterator[str]:
    if count(word) <= limit or len(word) == 1:
        yield word
        return
    middle = len(word) // 2
    yield from _halve(word[:middle], limit, count)
    yield from _halve(word[middle:], limit, count)


def pack(pieces: Iterator[str], limit: int, count: CountTokens, *, joiner: str) -> Iterator[str]:
    """Join neighbours as long as they fit together.

    Token counts are added up, not counted again: word-piece tokenisers never join over white space, so the
    sum is exact up to the joiner, which costs nothing.
    """
    held: list[str] = []
    size = 0
    for piece in pieces:
        tokens = count(piece)
        if held and size + tokens > limit:
            yield joiner.join(held)
            held, size = [], 0
        held.append(piece)
        size += tokens
    if held:
        yield joiner.join(held)


def split_code(text: str, limit: int, count: CountTokens) -> list[str]:
    """Cut code between lines; indentation and line ends stay as they are."""
    if count(text) <= limit:
        return [text]
    lines = (piece for line in text.split("\n") for piece in _halve(line, limit, count))
    return list(pack(lines, limit, count, joiner="\n"))


def split_table(text: str, limit: int, count: CountTokens) -> list[str]:
    """Cut a Markdown table between rows; every piece starts with the header row and its rule."""
    lines = text.strip().split("\n")
    if count(text) <= limit or len(lines) <= 3 or not _is_rule(lines[1]):
        return split_text(text, limit, count)
    header = "\n".join(lines[:2])
    room = limit - count(header)
    if room < limit // 4:  # a header that leaves no room for rows is repeated at nobody's gain
        return split_text(text, limit, count)
    rows = (piece for row in lines[2:] for piece in split_text(row, room, count))
    return [f"{header}\n{body}" for body in pack(rows, room, count, joiner="\n")]


def _is_rule(line: str) -> bool:
    return bool(re.fullmatch(r"\|?[\s:|-]+\|?", line)) and "-" in line


def last_sentence(text: str, limit: int, count: CountTokens) -> str:
    """The last sentence, if it has at most ``limit`` tokens, for the overlap of neighbouring chunks."""
    sentence = _SEPARATORS[2].split(text.strip())[-1].strip()
    return sentence if "\n" not in sentence and count(sentence) <= limit else ""
