"""Word documents: headings, paragraphs, lists and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import docx
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from connectors.extraction.archives import checked_archive
from connectors.extraction.formats import Format
from connectors.extraction.pages import piece_parts
from connectors.extraction.parts import ExtractedPart
from connectors.markup import blocks
from connectors.markup.blocks import Block
from connectors.markup.tables import Cell, markdown_table

#: Style id -> the style's name as English Word shows it, which is stored whatever the language.
StyleName = Callable[[str], str]

_P, _TBL, _TR, _TC = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_PPR, _STYLE, _NUM, _LEVEL, _VALUE = qn("w:pPr"), qn("w:pStyle"), qn("w:numPr"), qn("w:ilvl"), qn("w:val")
_OUTLINE = qn("w:outlineLvl")
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SIGNS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
#: What holds paragraphs and tables without being one: content controls, custom XML, text kept as inserted.
_WRAPPERS = {qn(name) for name in ("w:sdt", "w:sdtContent", "w:customXml", "w:ins", "w:moveTo", "w:smartTag")}
#: Their text is not in the document, or is there a second time.
_LEFT_OUT = {_FALLBACK, qn("w:del"), qn("w:moveFrom"), qn("w:instrText"), _PPR, qn("w:rPr")}
_NOTES = {RELATIONSHIP_TYPE.FOOTNOTES, RELATIONSHIP_TYPE.ENDNOTES}


def read_word(content: bytes) -> Iterator[ExtractedPart]:
    """The body in reading order, with what is tracked as inserted and without what is tracked as deleted."""
    document = docx.Document(checked_archive(content, Format.WORD))
    names = {style.style_id: style.name or "" for style in document.styles}

    def style_name(style: str) -> str:
        return names.get(style, "")

    yield from piece_parts(_joined(_blocks(document.element.body, style_name)))
    notes = [block.text for note in _notes(document) for block in _blocks(note, style_name) if block.text]
    if notes:
        yield ExtractedPart(text="\n".join(notes), heading_path=("Footnotes",))


def _notes(document: Any) -> Iterator[Any]:
    """Footnotes and endnotes, which python-docx does not know; not the lines that divide them from the text."""
    for relation in document.part.rels.values():
        if relation.reltype in _NOTES and not relation.is_external:
            for note in parse_xml(relation.target_part.blob):
                if note.get(qn("w:type")) in {None, "normal"}:
                    yield note


def _joined(found: Iterator[Block]) -> Iterator[Block]:
    """List items under one another become one block, as lists are in Markdown."""
    items: list[str] = []
    for block in found:
        if block.language == "list":
            items.append(block.text)
            continue
        if items:
            yield blocks.text("\n".join(items))
            items = []
        yield block
    if items:
        yield blocks.text("\n".join(items))


def _blocks(parent: Any, style_name: StyleName) -> Iterator[Block]:
    for element in parent:
        if element.tag == _P:
            yield _paragraph(element, style_name)
            for box in element.iter(qn("w:txbxContent")):
                if not any(above.tag == _FALLBACK for above in box.iterancestors()):
                    yield from _blocks(box, style_name)
        elif element.tag == _TBL:
            yield blocks.table(_table(element, style_name))
        elif element.tag in _WRAPPERS:
            yield from _blocks(element, style_name)


def _paragraph(element: Any, style_name: StyleName) -> Block:
    text = _text(element).strip()
    properties = element.find(_PPR)
    style = style_name(_value(properties, _STYLE) or "").lower() if properties is not None else ""
    level = _heading_level(style, properties)
    if level:
        return blocks.heading(text, level)
    numbering = properties.find(_NUM) if properties is not None else None
    if text and (numbering is not None or style.startswith("list")):
        depth = int(_value(numbering, _LEVEL) or 0) if numbering is not None else 0
        marker = "1." if "number" in style else "-"
        item = "  " * min(depth, 9) + f"{marker} " + text.replace("\n", " ")
        return Block(kind=blocks.BlockKind.TEXT, text=item, language="list")
    return blocks.text(text)


def _heading_level(style: str, properties: Any) -> int:
    """1 to 6, or 0 for what is no heading: by the style's name or by a level of its own."""
    if style == "title":
        return 1
    if style.startswith("heading ") and style[8:].isdigit():
        return min(max(int(style[8:]), 1), 6)
    level = _value(properties, _OUTLINE) if properties is not None else None
    return min(int(level) + 1, 6) if level and level.isdigit() and int(level) < 9 else 0


def _value(parent: Any, tag: str) -> str | None:
    child = parent.find(tag)
    return None if child is None else child.get(_VALUE)


def _text(element: Any) -> str:
    """What a reader sees of a paragraph; text boxes, which are paragraphs of their own, left out."""
    found: list[str] = []
    for child in element:
        if child.tag == qn("w:t"):
            found.append(child.text or "")
        elif child.tag in _SIGNS:
            found.append(_SIGNS[child.tag])
        elif child.tag not in _LEFT_OUT and child.tag != qn("w:txbxContent"):
            found.append(_text(child))
    return "".join(found)


def _table(element: Any, style_name: StyleName) -> str:
    """The table with its first row for a header. A cell's own tables become lines of text."""
    rows: list[list[Cell]] = []
    above: dict[int, str] = {}  # the text that stands over each column
    for row in element.iter(_TR):
        if next(row.iterancestors(_TBL)) is not element:
            continue
        cells: list[Cell] = []
        column = 0
        for cell in (cell for cell in row.iter(_TC) if next(cell.iterancestors(_TR)) is row):
            span, continued = _merged(cell)
            text = above.get(column, "") if continued else _cell_text(cell, style_name)
            cells.append(Cell(text=text, header=not rows, columns=span))
            above[column] = text
            column += span
        rows.append(cells)
    return markdown_table(rows)


def _cell_text(cell: Any, style_name: StyleName) -> str:
    return "\n".join(block.text for block in _blocks(cell, style_name) if block.text)


def _merged(cell: Any) -> tuple[int, bool]:
    """How many columns the cell takes, and whether it goes on from the row above."""
    properties = cell.find(qn("w:tcPr"))
    if properties is None:
        return 1, False
    span, vertical = _value(properties, qn("w:gridSpan")), properties.find(qn("w:vMerge"))
    continued = vertical is not None and vertical.get(_VALUE) != "restart"
    return int(span) if span and span.isdigit() else 1, continued
