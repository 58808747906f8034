"""PowerPoint presentations: titles, texts, tables and notes of each slide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pptx
from pptx.shapes.base import BaseShape
from pptx.shapes.group import GroupShape
from pptx.slide import Slide

from connectors.extraction.archives import checked_archive
from connectors.extraction.formats import Format
from connectors.extraction.parts import ExtractedPart
from connectors.extraction.text import table_parts


def read_slides(content: bytes) -> Iterator[ExtractedPart]:
    """Every slide under its title, or under ``Slide 3`` where it has none."""
    presentation = pptx.Presentation(checked_archive(content, Format.SLIDES))
    for number, slide in enumerate(presentation.slides, start=1):
        yield from _slide(slide, number)


def _slide(slide: Slide, number: int) -> Iterator[ExtractedPart]:
    title = slide.shapes.title
    heading = title.text_frame.text.strip() if title is not None else ""
    path = (heading or f"Slide {number}",)
    texts: list[str] = []
    tables: list[ExtractedPart] = []
    for shape in _shapes(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if shape.has_text_frame:
            texts.append(_text(shape))
        elif getattr(shape, "has_table", False):
            tables += table_parts(_rows(shape), path, number)
    body = "\n\n".join(text for text in texts if text)
    if body or not tables:
        yield ExtractedPart(text=body or heading, heading_path=path, page=number)
    yield from tables
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    if frame is not None and frame.text.strip():
        yield ExtractedPart(text=frame.text, heading_path=(*path, "Notes"), page=number)


def _shapes(shapes: Iterable[BaseShape]) -> Iterator[BaseShape]:
    for shape in shapes:
        if isinstance(shape, GroupShape):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _text(shape: Any) -> str:
    """Paragraphs, indented by their level as the bullets of a slide are."""
    paragraphs = [paragraph for paragraph in shape.text_frame.paragraphs if paragraph.text.strip()]
    if len(paragraphs) == 1:
        return str(paragraphs[0].text).strip()
    return "\n".join(f"{'  ' * paragraph.level}- {_one_line(paragraph.text)}" for paragraph in paragraphs)


def _rows(shape: Any) -> Iterator[list[str]]:
    for row in shape.table.rows:
        yield [cell.text_frame.text for cell in row.cells]


def _one_line(text: str) -> str:
    return " ".join(text.split())
