"""Plain text, code and CSV: decoded where they are, for that is cheap and bounded by the file's size."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from itertools import islice

from connectors.documents import SectionKind
from connectors.errors import ExtractionError
from connectors.extraction.formats import LANGUAGES, ending
from connectors.extraction.parts import ExtractedPart
from connectors.markup.tables import Cell, markdown_table

#: Rows and columns of a table that are read; the rest of a larger one is left out, and the table says so.
MAX_ROWS = 10_000
MAX_COLUMNS = 100

#: The longer ones first: UTF-32's begins like UTF-16's.
_MARKS = [
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]
#: Bytes at the start by which an unnamed character set is guessed; a guess over all of a large file takes seconds.
_SAMPLE = 16 * 1024
_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.IGNORECASE)


def decode(content: bytes, *, declared: str | None = None) -> str:
    """The text in UTF-8, in what a byte order mark or ``declared`` says, or else in what it looks like.

    Raises:
        ExtractionError: it is no text.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, "replace")
    if b"\0" in content:
        raise ExtractionError("The file is not text.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode(_known(declared) or _guess(content), "replace")


def decode_html(content: bytes) -> str:
    """As :func:`decode`, with the character set that the page itself names."""
    named = _META.search(content[:2048])
    return decode(content, declared=named.group(1).decode("ascii", "replace") if named else None)


def _known(name: str | None) -> str | None:
    """The name, if it is that of a character set for text (and not of ``zip`` or ``hex``)."""
    try:
        codec = codecs.lookup(name or "")
    except (LookupError, ValueError):
        return None
    return codec.name if getattr(codec, "_is_text_encoding", False) else None


def _guess(content: bytes) -> str:
    """Western Europe's where few letters have accents; by the statistics of its letters where most are not ASCII."""
    sample = content[:_SAMPLE]
    if sum(byte > 127 for byte in sample) < len(sample) / 3:
        return "cp1252"
    from charset_normalizer import from_bytes  # noqa: PLC0415 - most files never need it

    best = from_bytes(sample).best()
    return best.encoding if best else "cp1252"


def read_text(content: bytes) -> list[ExtractedPart]:
    """The whole text as it is."""
    return [ExtractedPart(text=decode(content))]


def read_code(content: bytes, *, filename: str) -> list[ExtractedPart]:
    """The whole text as code."""
    return [
        ExtractedPart(text=decode(content), kind=SectionKind.CODE, language=LANGUAGES.get(ending(filename)))
    ]


def read_csv(content: bytes) -> list[ExtractedPart]:
    """A table whose header is the first line; separated by comma, semicolon, tab or bar, whatever that has most of."""
    text = decode(content)
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    try:
        return table_parts(csv.reader(StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:  # a field of more than 128 KiB, most often behind a quotation mark that is never closed
        return [ExtractedPart(text=text)]


def table_parts(
    rows: Iterable[Sequence[str]], heading_path: tuple[str, ...] = (), page: int | None = None
) -> list[ExtractedPart]:
    """A table with its header row, and a sentence behind it when rows are left out."""
    filled = (row for row in rows if any(cell.strip() for cell in row))
    kept = list(islice(filled, MAX_ROWS + 1))
    more = next(filled, None) is not None
    cells = [
        [Cell(text=cell, header=not number) for cell in row[:MAX_COLUMNS]] for number, row in enumerate(kept)
    ]
    parts = [
        ExtractedPart(
            text=markdown_table(cells), kind=SectionKind.TABLE, heading_path=heading_path, page=page
        )
    ]
    if more:
        note = f"(The table goes on; only its first {MAX_ROWS:,} rows are read.)"
        parts.append(ExtractedPart(text=note, heading_path=heading_path, page=page))
    return parts
