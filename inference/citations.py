"""The ``[n]`` marks of an answer, resolved to places that a person can open."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inference.answers import Citation
from inference.passages import Passage, cite

#: ``[1]``, ``[1, 3]``, ``[1][2]``; not the text of a Markdown link.
_MARK = re.compile(r"\[(?P<numbers>\d{1,2}(?:\s*,\s*\d{1,2})*)\](?!\()")

#: In code an index such as ``argv[1]`` is no mark; a dropped mark takes the blank before it along.
_CODE_OR_MARK = re.compile(rf"(?P<code>```.*?```|`[^`\n]+`)|(?P<blank>[ \t]*){_MARK.pattern}", re.DOTALL)


def resolve_citations(text: str, passages: Sequence[Passage]) -> tuple[str, tuple[Citation, ...]]:
    """Renumber the marks in the order of their first use, and drop those that name no passage.

    Returns the text with its new marks and the citations that they mean, one a mark.
    """
    by_number = {passage.number: passage for passage in passages}
    order: dict[int, int] = {}
    statements: dict[int, str] = {}

    def renumber(match: re.Match[str]) -> str:
        if match["code"]:
            return match.group()
        named = [int(number) for number in match["numbers"].split(",")]
        known = [number for number in named if number in by_number]
        for number in known:
            order.setdefault(number, len(order) + 1)
            statements.setdefault(number, _statement(text[: match.start()]))
        marks = "".join(f"[{order[number]}]" for number in dict.fromkeys(known))
        return f"{match['blank']}{marks}" if marks else ""

    resolved = _CODE_OR_MARK.sub(renumber, text)
    citations = tuple(cite(by_number[old].hit, new, statements[old]) for old, new in order.items())
    return resolved.strip(), citations


def without_marks(text: str) -> str:
    """A quoted text whose own ``[1]`` reads ``(1)``, so that it is not taken for a mark."""
    return _CODE_OR_MARK.sub(
        lambda match: match["code"] or f"{match['blank']}({match['numbers']})",
        text,
    )


def _statement(before: str) -> str:
    """What a mark stands behind: everything since the mark before it."""
    parts = [part for part in _MARK.split(before)[::2] if part.strip(" .,;")]
    return parts[-1] if parts else ""
