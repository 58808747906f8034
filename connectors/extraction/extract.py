"""A file's bytes to its text."""

from __future__ import annotations

from connectors.errors import ExtractionError
from connectors.extraction.formats import Format, format_of
from connectors.extraction.isolation import read_isolated
from connectors.extraction.parts import ExtractedPart, tidied
from connectors.extraction.text import read_code, read_csv, read_text


def extract(content: bytes, *, filename: str, media_type: str) -> list[ExtractedPart]:
    """The file's text in reading order; none for a file without text, such as a scan.

    A file that can be harmful to read is read in a process of its own, which ends after a minute at most.

    Raises:
        ExtractionError: in one sentence, what is the matter with the file.
    """
    found = format_of(filename, media_type)
    if found is None:
        raise ExtractionError("Files of this type are not read.")
    if len(content) > found.max_bytes:
        raise ExtractionError(f"The file is larger than {found.max_bytes // 1024**2} MiB.")
    if found.isolated:
        return read_isolated(content, found)
    if found is Format.CODE:
        return tidied(read_code(content, filename=filename))
    return tidied(read_csv(content) if found is Format.CSV else read_text(content))
