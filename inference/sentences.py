"""Passages taken apart into units that can be quoted: sentences, list items, table rows, code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

_SENTENCE_END = re.compile(r"(?<=[.!?…])([\"')\]*_]*)\s+(?=[A-Z0-9\"'(`*_\[])")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|no|approx|Mr|Ms|Dr|St)\.$", re.IGNORECASE)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_RULE = re.compile(r"^\|?[\s:|-]+\|?$")


class UnitKind(StrEnum):
    """What may be quoted."""

    SENTENCE = "sentence"
    ITEM = "item"
    ROW = "row"
    CODE = "code"


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The smallest thing that is quoted whole."""

    kind: UnitKind
    text: str
    #: Units of one block (a paragraph, a list, a table) stand together.
    block: int


def split_units(text: str) -> list[Unit]:
    """Take a passage's Markdown apart, in reading order."""
    units: list[Unit] = []
    for block, (kind, lines) in enumerate(_blocks(text.split("\n"))):
        units.extend(Unit(kind=kind, text=unit, block=block) for unit in _units(kind, lines) if unit.strip())
    return units


def _blocks(lines: list[str]) -> Iterator[tuple[UnitKind, list[str]]]:
    held: list[str] = []
    kind = UnitKind.SENTENCE
    fence = False
    for line in lines:
        if line.lstrip().startswith("```"):
            if not fence and held:
                yield kind, held
                held = []
            held.append(line)
            if fence:
                yield UnitKind.CODE, held
                held = []
            fence = not fence
            continue
        now = UnitKind.CODE if fence else _line_kind(line, kind if held else None)
        if held and (now is not kind or (not fence and not line.strip())) and not fence:
            yield kind, held
            held = []
        kind = now
        if fence or line.strip():
            held.append(line)
    if held:
        yield (UnitKind.CODE if fence else kind), held


def _line_kind(line: str, before: UnitKind | None) -> UnitKind:
    if _ITEM.match(line):
        return UnitKind.ITEM
    if line.lstrip().startswith("|"):
        return UnitKind.ROW
    if before is UnitKind.ITEM and line.startswith((" ", "\t")):
        return UnitKind.ITEM  # a list item that goes on
    return UnitKind.SENTENCE


def _units(kind: UnitKind, lines: list[str]) -> Iterator[str]:
    match kind:
        case UnitKind.CODE:
            yield "\n".join(lines)
        case UnitKind.ITEM:
            yield from _items(lines)
        case UnitKind.ROW:
            yield from _rows(lines)
        case _:
            yield from split_sentences(" ".join(line.strip() for line in lines))


def split_sentences(text: str) -> list[str]:
    """Sentences of a paragraph; abbreviations and version numbers do not end one."""
    sentences: list[str] = []
    parts = _SENTENCE_END.split(text.strip())
    for part in map("".join, zip_longest(parts[::2], parts[1::2], fillvalue="")):  # with its closing marks
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] = f"{sentences[-1]} {part}"
        else:
            sentences.append(part)
    return [sentence for sentence in sentences if sentence]


def _items(lines: list[str]) -> Iterator[str]:
    item = ""
    for line in lines:
        if _ITEM.match(line):
            if item:
                yield item
            item = line.rstrip()
        else:
            item = f"{item} {line.strip()}" if item else line.strip()
    if item:
        yield item


def _rows(lines: list[str]) -> Iterator[str]:
    """A row reads as ``Header: value · Header: value``, so that it can stand alone."""
    cells = [_cells(line) for line in lines]
    has_header = len(lines) > 1 and bool(_RULE.match(lines[1].strip()))
    header = cells[0] if has_header else []
    for row in cells[2:] if has_header else cells:
        named = [
            f"{header[index]}: {cell}" if index < len(header) and header[index] else cell
            for index, cell in enumerate(row)
            if cell
        ]
        yield " · ".join(named)


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]
