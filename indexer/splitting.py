"""Cutting text into pieces that fit a number of tokens, at the best place that there is.

Best first: between paragraphs, between lines, between sentences, between words; inside a word only when it is
longer than a whole piece. Nothing but white space at the cuts is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial

from indexer.blocks import is_rule

CountTokens = Callable[[str], int]

_SEPARATORS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])\s+(?=\S)"),
    re.compile(r"\s+"),
)
_JOINERS = ("\n\n", "\n", " ", " ")
_PARTS = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]")


def word_counter(count_tokens: CountTokens) -> CountTokens:
    """The same count as a sum over words, each of which is tokenised once: ten times as fast.

    Tokenisers do not join over white space, so the sum is exact for word pieces; others may spend a token more on
    a line end.
    """
    of_word = partial(_word_tokens, count_tokens)
    return lambda text: sum(map(of_word, text.split()))


@lru_cache(maxsize=1 << 17)
def _word_tokens(count_tokens: CountTokens, word: str) -> int:
    # Code and paths are ever new words made of old ones, which tokenisers part at every sign.
    parts = _PARTS.findall(word) if word.isascii() and word.isprintable() else [word]
    if len(parts) > 1:
        return sum(_part_tokens(count_tokens, part) for part in parts)
    # With the space before it, which tokenisers of bytes make part of the word.
    return count_tokens(f" {word}")


@lru_cache(maxsize=1 << 17)
def _part_tokens(count_tokens: CountTokens, part: str) -> int:
    return count_tokens(part)


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


def pack(pieces: Iterable[str], limit: int, count: CountTokens, *, joiner: str) -> Iterator[str]:
    """Join neighbours as long as they fit together, into pieces of about the same size.

    Filled to the brim, the last piece would often be a line or two, which finds nothing.
    """
    sized = [(piece, count(piece)) for piece in pieces]
    total = sum(tokens for _, tokens in sized)
    target = total / max(1, -(-total // max(1, limit)))
    held: list[str] = []
    size = 0
    for piece, tokens in sized:
        if held and (size + tokens > limit or size + tokens / 2 > target):
            yield joiner.join(held)
            held, size = [], 0
        held.append(piece)
        size += tokens
    if held:
        yield joiner.join(held)


def split_code(text: str, limit: int, count: CountTokens) -> list[str]:
    """Cut code between lines; indentation and line ends stay as they are, but of a line that fits no piece."""
    if count(text) <= limit:
        return [text]
    lines = (
        piece
        for line in text.split("\n")
        for piece in ([line] if count(line) <= limit else split_text(line, limit, count))
    )
    return list(pack(lines, limit, count, joiner="\n"))


def split_table(text: str, limit: int, count: CountTokens) -> list[str]:
    """Cut a Markdown table between rows; every piece starts with the header row and its rule."""
    lines = text.strip().split("\n")
    if count(text) <= limit or len(lines) <= 3 or not is_rule(lines[1]):
        return split_text(text, limit, count)
    header = "\n".join(lines[:2])
    room = limit - count(header)
    if room < limit // 4:  # a header that leaves no room for rows is repeated at nobody's gain
        return split_text(text, limit, count)
    rows = (piece for row in lines[2:] for piece in _split_row(row, room, count))
    return [f"{header}\n{body}" for body in pack(rows, room, count, joiner="\n")]


def _split_row(row: str, limit: int, count: CountTokens) -> Iterator[str]:
    """A row that fits no piece goes on in rows that begin with the same first cell, which says what they are about."""
    if count(row) <= limit:
        yield row
        return
    first, _, rest = row.strip().removeprefix("|").removesuffix("|").partition("|")
    label = f"| {first.strip()} |"
    room = limit - count(label) - 1
    if not rest.strip() or room < limit // 2:
        yield from split_text(row, limit, count)
        return
    for part in split_text(rest, room, count):
        yield f"{label} {part} |"


def last_sentence(text: str, limit: int, count: CountTokens) -> str:
    """The last sentence, if it has at most ``limit`` tokens, for the overlap of neighbouring chunks."""
    sentence = _SEPARATORS[2].split(text.strip())[-1].strip()
    return sentence if "\n" not in sentence and count(sentence) <= limit else ""
