"""Web pages and Markdown, and what all formats with headings have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.extraction.parts import ExtractedPart
from connectors.extraction.text import decode, decode_html
from connectors.markup.blocks import Block, pieces


def read_page(content: bytes) -> Iterator[ExtractedPart]:
    """A web page."""
    from connectors.markup.html import read_html  # noqa: PLC0415

    return piece_parts(read_html(decode_html(content)))


def read_note(content: bytes) -> Iterator[ExtractedPart]:
    """A Markdown file."""
    from connectors.markup.markdown import read_markdown  # noqa: PLC0415

    return piece_parts(read_markdown(decode(content)))


def piece_parts(blocks: Iterable[Block]) -> Iterator[ExtractedPart]:
    """Cut at headings, tables and code."""
    for piece in pieces(blocks):
        yield ExtractedPart(
            text=piece.text,
            kind=piece.kind,
            heading_path=piece.heading_path,
            repeat=piece.repeat,
            language=piece.language,
        )
