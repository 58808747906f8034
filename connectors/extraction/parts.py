"""What a file's text comes in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from connectors.documents import SectionKind
from connectors.errors import ExtractionError

#: Characters of text that one file may hold; more is no text that somebody wrote for people.
MAX_CHARACTERS = 8 * 1024 * 1024

_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, kw_only=True)
class ExtractedPart:
    """A run of a file of one kind under one heading, in reading order."""

    text: str
    #: ``SECTION``, ``TABLE`` (a Markdown table with its header row) or ``CODE`` (without a fence).
    kind: SectionKind = SectionKind.SECTION
    #: The headings above, outermost first; ``Page 3``, a slide's title or a sheet's name where a file has no others.
    heading_path: tuple[str, ...] = ()
    #: The page of a PDF or the number of a slide, from 1.
    page: int | None = None
    #: How often the innermost heading's text occurred before in this file: its anchor carries that number.
    repeat: int = 0
    #: Language of code, by its usual name.
    language: str | None = None


def tidied(parts: Iterable[ExtractedPart]) -> list[ExtractedPart]:
    """Parts with text, without the characters that no database and no JSON takes.

    Raises:
        ExtractionError: there is too much text.
    """
    kept, length = [], 0
    for part in parts:
        text = tidy(part.text).strip("\n")
        length += len(text)
        if length > MAX_CHARACTERS:
            raise ExtractionError(f"The file holds more than {MAX_CHARACTERS:,} characters of text.")
        if text.strip():
            headings = tuple(" ".join(tidy(heading).split()) for heading in part.heading_path)
            kept.append(replace(part, text=text, heading_path=headings))
    return kept


def tidy(text: str) -> str:
    """Without control characters, halves of surrogate pairs and other ways to end a line."""
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
