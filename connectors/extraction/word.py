"""Word documents: headings, paragraphs, lists and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import docx
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


def read_word(content: bytes) -> Iterator[ExtractedPart]:
    """The body in reading order, with what is tracked as inserted and without what is tracked as deleted."""
    document = docx.Document(checked_archive(content, Format.WORD))
    names = {style.style_id: style.name or "" for style in document.styles}
    found = _blocks(document.element.body, lambda style: names.get(style, ""))
    return piece_parts(_joined(found))


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
    rows = []
    for number, row in enumerate(element.iter(_TR)):
        if next(above for above in row.iterancestors(_TBL)) is not element:
            continue
        cells = [cell for cell in row.iter(_TC) if next(cell.iterancestors(_TR)) is row]
        rows.append([_cell(cell, style_name, header=number == 0) for cell in cells])
    return markdown_table(rows)


def _cell(element: Any, style_name: StyleName, *, header: bool) -> Cell:
    lines = [block.text for block in _blocks(element, style_name) if block.text]
    properties = element.find(qn("w:tcPr"))
    span = _value(properties, qn("w:gridSpan")) if properties is not None else None
    return Cell(text="\n".join(lines), header=header, columns=int(span) if span and span.isdigit() else 1)
