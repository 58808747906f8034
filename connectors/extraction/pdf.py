"""PDF, page by page, as PDFium reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pypdfium2
from pypdfium2 import raw

from connectors.errors import ExtractionError
from connectors.extraction.parts import ExtractedPart

#: PDFium's sign for a hyphen that only the end of the line made.
_HYPHENATED = re.compile("[\ufffe\x02]\r?\n?")


def read_pdf(content: bytes) -> Iterator[ExtractedPart]:
    """The text of each page that has any."""
    if b"%PDF-" not in content[:1024]:
        raise ExtractionError("The file is not a PDF.")
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as exc:
        encrypted = exc.err_code == raw.FPDF_ERR_PASSWORD
        raise ExtractionError("The file is encrypted." if encrypted else "The file is a broken PDF.") from exc
    for number in range(len(document)):
        try:
            page = document[number]
            text = page.get_textpage().get_text_bounded()
        except pypdfium2.PdfiumError:  # one broken page; the others can be read
            continue
        page.close()
        yield ExtractedPart(
            text=_HYPHENATED.sub("", text), heading_path=(f"Page {number + 1}",), page=number + 1
        )
