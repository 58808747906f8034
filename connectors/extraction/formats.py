"""Which files are read, how large they may be, and what tells a file's format."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

_MIB = 1024 * 1024


class Format(StrEnum):
    """What a file is; the value is a name for people."""

    PDF = "PDF"
    WORD = "Word document"
    SLIDES = "PowerPoint presentation"
    SHEETS = "Excel workbook"
    HTML = "web page"
    MARKDOWN = "Markdown"
    CSV = "CSV table"
    TEXT = "text"
    CODE = "code"

    @property
    def max_bytes(self) -> int:
        """A larger file is not read: text in such amounts is a dump, which nobody wrote."""
        return 50 * _MIB if self in _BINARY else 5 * _MIB

    @property
    def isolated(self) -> bool:
        """Whether reading it can take long, eat memory or crash, so that it is done in a process of its own."""
        return self in _BINARY or self in {Format.HTML, Format.MARKDOWN}


_BINARY = {Format.PDF, Format.WORD, Format.SLIDES, Format.SHEETS}

_OFFICE = "application/vnd.openxmlformats-officedocument"
_BY_TYPE = {
    "application/pdf": Format.PDF,
    "application/x-pdf": Format.PDF,
    f"{_OFFICE}.wordprocessingml.document": Format.WORD,
    f"{_OFFICE}.presentationml.presentation": Format.SLIDES,
    "application/vnd.ms-powerpoint.presentation.macroenabled.12": Format.SLIDES,
    f"{_OFFICE}.spreadsheetml.sheet": Format.SHEETS,
    "application/vnd.ms-excel.sheet.macroenabled.12": Format.SHEETS,
    "text/html": Format.HTML,
    "application/xhtml+xml": Format.HTML,
    "text/markdown": Format.MARKDOWN,
    "text/x-markdown": Format.MARKDOWN,
    "text/csv": Format.CSV,
    "application/csv": Format.CSV,
    "text/tab-separated-values": Format.CSV,
    "text/xml": Format.CODE,
    "application/xml": Format.CODE,
    "application/json": Format.CODE,
    "application/yaml": Format.CODE,
    "application/x-yaml": Format.CODE,
    "text/yaml": Format.CODE,
    "application/javascript": Format.CODE,
    "application/x-javascript": Format.CODE,
    "application/x-ndjson": Format.CODE,
    "application/toml": Format.CODE,
    "application/sql": Format.CODE,
    "application/x-sh": Format.CODE,
}
#: Types that say nothing, or that browsers give to files of other kinds: the ending decides.
_VAGUE = {
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "application/x-download",
    "application/download",
    "application/force-download",
    "application/zip",
    "application/x-zip-compressed",
    "application/vnd.ms-excel",
    "application/msword",
    "application/vnd.ms-powerpoint",
    "text/plain",
}
_BY_ENDING = {
    "pdf": Format.PDF,
    "docx": Format.WORD,
    "pptx": Format.SLIDES,
    "pptm": Format.SLIDES,
    "xlsx": Format.SHEETS,
    "xlsm": Format.SHEETS,
    "html": Format.HTML,
    "htm": Format.HTML,
    "xhtml": Format.HTML,
    "md": Format.MARKDOWN,
    "markdown": Format.MARKDOWN,
    "csv": Format.CSV,
    "tsv": Format.CSV,
    "txt": Format.TEXT,
    "text": Format.TEXT,
    "log": Format.TEXT,
    "rst": Format.TEXT,
    "adoc": Format.TEXT,
}
#: Endings of code and configuration, with the language's usual name.
LANGUAGES = {
    "bash": "bash",
    "c": "c",
    "cfg": "ini",
    "conf": "ini",
    "cpp": "cpp",
    "cs": "csharp",
    "css": "css",
    "go": "go",
    "gradle": "groovy",
    "h": "c",
    "ini": "ini",
    "java": "java",
    "js": "javascript",
    "json": "json",
    "kt": "kotlin",
    "patch": "diff",
    "diff": "diff",
    "php": "php",
    "properties": "properties",
    "ps1": "powershell",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "scala": "scala",
    "sh": "bash",
    "sql": "sql",
    "swift": "swift",
    "tf": "hcl",
    "toml": "toml",
    "ts": "typescript",
    "xml": "xml",
    "yaml": "yaml",
    "yml": "yaml",
}


def can_extract(filename: str, media_type: str, size: int | None) -> bool:
    """Whether the text of a file of this name, type and size (bytes; None: unknown) is read."""
    found = format_of(filename, media_type)
    return found is not None and (size is None or size <= found.max_bytes)


def format_of(filename: str, media_type: str) -> Format | None:
    """The format by its type, or by its ending where the type is vague; None for what is not read."""
    kind, name = media_type.partition(";")[0].strip().lower(), ending(filename)
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if kind in _VAGUE or kind.startswith("text/"):
        by_name = _BY_ENDING.get(name) or (Format.CODE if name in LANGUAGES else None)
        if by_name is not None and not (kind.startswith("text/") and by_name in _BINARY):
            return by_name
    is_text = kind.startswith("text/") and kind not in {"text/rtf", "text/richtext"}
    return Format.TEXT if is_text else None


def ending(filename: str) -> str:
    """What follows the last dot of the name, in lower case."""
    return PurePosixPath(filename).suffix.removeprefix(".").lower()
