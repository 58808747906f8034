"""The common middle of the three markups: a flat list of blocks, and the two ways to write it down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from connectors.documents import SectionKind

_FENCE = re.compile(r"^`{3,}", re.MULTILINE)
_LIST = re.compile(r"(?:[-*>]|\d+\.) ")


class BlockKind(StrEnum):
    """What a block is."""

    HEADING = "heading"
    TEXT = "text"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block: text and tables in Markdown, code byte for byte, a heading without its marks."""

    kind: BlockKind
    text: str
    #: 1 to 6 for headings.
    level: int = 0
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What lies under one heading and is of one kind; a ``Section`` without its URL."""

    kind: SectionKind
    text: str
    heading_path: tuple[str, ...] = ()
    #: How often the innermost heading's text occurred before on this page: its anchor carries that number.
    repeat: int = 0
    language: str | None = None


def heading(text: str, level: int) -> Block:
    """A heading block; its text is one line."""
    return Block(kind=BlockKind.HEADING, text=" ".join(text.split()), level=level)


def text(markdown: str) -> Block:
    """A block of running Markdown: a paragraph, a list, a quotation."""
    return Block(kind=BlockKind.TEXT, text=markdown)


def table(markdown: str) -> Block:
    """A Markdown table."""
    return Block(kind=BlockKind.TABLE, text=markdown)


def code(source: str, language: str | None = None) -> Block:
    """A code block; ``source`` is kept as it is."""
    return Block(kind=BlockKind.CODE, text=source, language=language or None)


def fenced(block: Block) -> str:
    """A code block in a fence that is longer than any inside it."""
    longest = max((len(run) for run in _FENCE.findall(block.text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{block.language or ''}\n{block.text}\n{fence}"


def to_markdown(blocks: Iterable[Block], *, gap: str = "\n\n") -> str:
    """All blocks as one Markdown text."""
    return gap.join(_written(block) for block in blocks if block.text.strip())


def _written(block: Block) -> str:
    if block.kind is BlockKind.HEADING:
        return f"{'#' * block.level} {block.text}"
    return fenced(block) if block.kind is BlockKind.CODE else block.text.strip("\n")


def list_item(marker: str, blocks: Iterable[Block]) -> str:
    """A list item: its blocks under ``marker``, code fences flush left so that no byte of code changes."""
    body = to_markdown(map(_demoted, blocks), gap="\n")
    return marker + indented(body, " " * len(marker)).lstrip(" ")


def list_line(marker: str, line: str) -> str:
    """A list item that is one paragraph."""
    return marker + (line if "\n" not in line else indented(line, " " * len(marker)).lstrip(" "))


def _demoted(block: Block) -> Block:
    return text(f"**{block.text}**") if block.kind is BlockKind.HEADING else block


def indented(markdown: str, indent: str) -> str:
    """Every line moved to the right, except what is inside a code fence."""
    if "```" not in markdown:
        return "\n".join([indent + line if line else line for line in markdown.split("\n")])
    lines, fence = [], ""
    for line in markdown.split("\n"):
        opening = _FENCE.match(line)
        if opening and not fence:
            fence = opening.group()
            lines.append(line)
        elif fence:
            lines.append(line)
            fence = "" if line == fence else fence
        else:
            lines.append(indent + line if line else line)
    return "\n".join(lines)


def quoted(blocks: Iterable[Block]) -> list[Block]:
    """A quotation; tables and code in it stay blocks of their own."""
    return [
        text("\n".join(f"> {line}".rstrip() for line in block.text.split("\n")))
        if block.kind is BlockKind.TEXT
        else block
        for block in blocks
    ]


def labelled(label: str, blocks: list[Block]) -> list[Block]:
    """Blocks with a bold label before the first text, as a panel or a folded part has."""
    if not label:
        return blocks
    if blocks and blocks[0].kind is BlockKind.TEXT:
        gap = "\n" if _LIST.match(blocks[0].text) else " "
        return [text(f"**{label}:**{gap}{blocks[0].text}"), *blocks[1:]]
    return [text(f"**{label}**"), *blocks]


def pieces(blocks: Iterable[Block]) -> Iterator[Piece]:
    """Cut at headings, tables and code. A heading with nothing under it becomes a piece of its own."""
    path: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    repeat, running, bare = 0, list[str](), False

    def piece(kind: SectionKind, content: str, language: str | None = None) -> Piece:
        headings = tuple(title for _, title in path)
        return Piece(kind=kind, text=content, heading_path=headings, repeat=repeat, language=language)

    for block in blocks:
        if not block.text.strip():
            continue
        if block.kind is BlockKind.TEXT:
            running.append(block.text.strip("\n"))
            bare = False
            continue
        if running:
            yield piece(SectionKind.SECTION, "\n\n".join(running))
            running = []
        if block.kind is BlockKind.HEADING:
            if bare and block.level <= path[-1][0]:
                yield piece(SectionKind.SECTION, path[-1][1])
            while path and path[-1][0] >= block.level:
                path.pop()
            path.append((block.level, block.text))
            repeat = seen.get(block.text, 0)
            seen[block.text] = repeat + 1
            bare = True
        else:
            kind = SectionKind.TABLE if block.kind is BlockKind.TABLE else SectionKind.CODE
            yield piece(kind, block.text, block.language)
            bare = False
    if running:
        yield piece(SectionKind.SECTION, "\n\n".join(running))
    elif bare:
        yield piece(SectionKind.SECTION, path[-1][1])
