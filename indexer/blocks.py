"""A section's Markdown as blocks: paragraphs, fenced code and tables, each of which is cut in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from connectors.documents import Section, SectionKind

#: Every repetition is possessive: a line that is no fence is told in one walk along it.
_FENCE = re.compile(r"\s*+(?P<marks>`{3,}+|~{3,}+)\s*+(?P<language>[^`\s]*+)[^`]*+")
_RULE = re.compile(r"[\s:|-]+")


class BlockKind(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    CODE = "code"
    TABLE = "table"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Part of a section: lines without a blank one between them, code without its fence, or a table."""

    kind: BlockKind
    text: str
    #: Of code.
    language: str = ""


def blocks_of(section: Section) -> Iterator[Block]:
    """The section's blocks in reading order, the blank ones left out."""
    match section.kind:
        case SectionKind.CODE:
            found = iter((Block(kind=BlockKind.CODE, text=section.text, language=section.language or ""),))
        case SectionKind.TABLE:
            found = _blocks(section.text.strip())
        case _:
            found = _blocks(section.text)
    return (block for block in found if block.text.strip())


def is_rule(line: str) -> bool:
    """Whether a line is the one between a table's header row and its rows."""
    return "|" in line and "-" in line and bool(_RULE.fullmatch(line))


def _blocks(text: str) -> Iterator[Block]:
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        end, block = _block_at(lines, start)
        yield block
        start = end


def _block_at(lines: list[str], start: int) -> tuple[int, Block]:
    """The block that begins in a line, and the line behind it."""
    fence = _FENCE.fullmatch(lines[start])
    if fence:
        marks = fence["marks"]
        closing = re.compile(rf"\s*{marks[0]}{{{len(marks)},}}\s*")
        end = next((i for i in range(start + 1, len(lines)) if closing.fullmatch(lines[i])), len(lines))
        code = "\n".join(lines[start + 1 : end])
        return end + 1, Block(kind=BlockKind.CODE, text=code, language=fence["language"])
    is_table = start + 1 < len(lines) and lines[start].lstrip().startswith("|") and is_rule(lines[start + 1])
    end = start + 1
    while end < len(lines) and not _ends(lines, end, is_table=is_table):
        end += 1
    kind = BlockKind.TABLE if is_table else BlockKind.PARAGRAPH
    text = "\n".join(lines[start:end])
    return end, Block(kind=kind, text=text.strip() if is_table else text.strip("\n").rstrip())


def _ends(lines: list[str], index: int, *, is_table: bool) -> bool:
    """Whether a paragraph or table ends before this line."""
    line = lines[index]
    is_row = line.lstrip().startswith("|")
    if is_table:
        return not is_row
    opens_table = is_row and index + 1 < len(lines) and is_rule(lines[index + 1])
    return not line.strip() or opens_table or bool(_FENCE.fullmatch(line))
