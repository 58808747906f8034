"""Text that a ticket says twice is kept once: quoted comments, logs pasted again, the description repeated below it.

A reader loses nothing: what is left out stands in the same ticket, where everybody who reads the repetition may read
it, and the chunk of the place where it was said first is found instead. Pages are left as they are: steps that two
procedures share belong to both. Texts that several documents share are the search's matter: chunks with the same
:attr:`indexer.chunking.Chunk.text_hash` say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from connectors.documents import Section, SectionKind

#: A repetition with fewer characters takes less room than it gives sense ("Tested on a real device.").
_LONG = 60

_TICKET_TEXT = frozenset({SectionKind.DESCRIPTION, SectionKind.COMMENT, SectionKind.SOLUTION})
#: Between paragraphs; code in its fence is one part.
_PARTS = re.compile(r"((?m:^)```[\s\S]*?\n```(?=\n|\Z)|\n\s*\n)")
_QUOTE_MARKS = re.compile(r"(?m)^[^\S\n]*+(?:>[^\S\n]?)++")
#: What mail programs and Jira write over a quotation.
_QUOTED_BY = re.compile(r"(?im)^[^\n]{2,120} (?:wrote|writes|said|commented):\s*(?:\Z|\n\s*\n)")

_Readers = tuple[str | None, frozenset[object]]


def without_repeats(sections: Iterable[Section]) -> list[Section]:
    """The sections with every long paragraph where it is said first; those of which nothing is left are left out."""
    said: dict[_Readers, set[str]] = {}
    kept: list[Section] = []
    for section in sections:
        if section.kind not in _TICKET_TEXT:
            kept.append(section)
            continue
        readers = (section.included_id, frozenset[object](section.access_rules))
        known = {text for others, texts in said.items() if _read_by(others, readers) for text in texts}
        parts = _PARTS.split(section.text)
        own = {_words(part) for part in parts} - {""}
        said.setdefault(readers, set()).update(own)
        if own & known:
            left = "".join(part for part in parts if _words(part) not in known)
            section = replace(section, text=_QUOTED_BY.sub("", left.strip() + "\n\n").strip())  # noqa: PLW2901
        if section.text:
            kept.append(section)
    return kept


def _read_by(first: _Readers, other: _Readers) -> bool:
    """Whether everybody who reads what the other ones read may read the first, too."""
    return first[0] == other[0] and first[1] <= other[1]


def _words(part: str) -> str:
    """The words of a paragraph, quoted or not; "" of a short one."""
    if len(part) < _LONG:
        return ""
    words = " ".join(_QUOTE_MARKS.sub("", part).split())
    return words if len(words) >= _LONG else ""
