"""The zip archives that Office files are, looked at before anything is unpacked."""

from __future__ import annotations

import zipfile
from io import BytesIO

from connectors.errors import ExtractionError
from connectors.extraction.formats import Format

#: Bytes that a document may unpack to: all of it, and the XML in it, whose tree in memory is several times as large.
_MAX_UNPACKED = 512 * 1024 * 1024
_MAX_XML = 128 * 1024 * 1024
_MAX_ENTRIES = 20_000
_MAIN_PART = {Format.WORD: "word/", Format.SLIDES: "ppt/", Format.SHEETS: "xl/"}
#: The start of the compound files of Office 97, in which newer Office versions also wrap encrypted documents.
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def checked_archive(content: bytes, found: Format) -> BytesIO:
    """The content to read from, when it is an archive of that format that does not explode.

    ``zipfile`` reads no more of an entry than the directory says, so that a false size there does not help a bomb.

    Raises:
        ExtractionError: it is none.
    """
    if content.startswith(_COMPOUND):
        encrypted = _ENCRYPTED in content
        raise ExtractionError(
            "The file is encrypted." if encrypted else "The file has the format of Office 97."
        )
    file = BytesIO(content)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as exc:
        raise ExtractionError(f"The file is broken, or no {found.value}.") from exc
    if any(entry.flag_bits & 1 for entry in entries):
        raise ExtractionError("The file is encrypted.")
    if not any(entry.filename.startswith(_MAIN_PART[found]) for entry in entries):
        raise ExtractionError(f"The file is no {found.value}.")
    xml = sum(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    if len(entries) > _MAX_ENTRIES or xml > _MAX_XML or sum(e.file_size for e in entries) > _MAX_UNPACKED:
        raise ExtractionError("The file unpacks to far more than a document is.")
    file.seek(0)
    return file
