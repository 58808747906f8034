"""Text of files: PDF, Office documents, web pages, Markdown and plain text."""

from __future__ import annotations

from connectors.extraction.extract import extract
from connectors.extraction.formats import can_extract
from connectors.extraction.parts import ExtractedPart

__all__ = ["ExtractedPart", "can_extract", "extract"]
