"""Attached files as documents of their own, with the rules of the page that they hang on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import structlog

from connectors.atlassian import Json
from connectors.batches import batches
from connectors.confluence_children import author_of, container_id, created_of
from connectors.confluence_known import Known
from connectors.confluence_pages import attachment_url
from connectors.confluence_parts import FILE_EXPAND, child_part, place_part, titles_above
from connectors.confluence_query import on_pages, with_ids
from connectors.confluence_rows import PAGES_AT_ONCE, PLACE, is_page
from connectors.documents import Document, DocumentKind, Listed, Section, SectionKind, Unreadable
from connectors.errors import (
    AuthenticationError,
    ExtractionError,
    NotFoundError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)
from connectors.extraction import ExtractedPart, can_extract, extract
from connectors.times import parse_time

log = structlog.get_logger(__name__)

_ROWS_AT_ONCE = 200
#: No file is larger than what the extraction takes; what it takes of each kind is its own affair.
_LARGEST = 50 * 1024 * 1024


def attachment_key(page_id: str, attachment_id: str) -> str:
    """The id of an attachment's document."""
    return f"{page_id}/{attachment_id}"


def listed_files(page: Json, attachments: Iterable[Json]) -> Iterator[Listed]:
    """The attachments of a page that can be read, with versions that change with the file or the page's place."""
    for row in attachments:
        if is_readable(row):
            yield Listed(
                id=attachment_key(str(page["id"]), str(row["id"])), parts=parts_of_file(row, page) or None
            )


def parts_of_file(row: Json, page: Json) -> frozenset[str]:
    """The version of the file, and a digest of what its document shows of the page."""
    own = child_part(row)
    return frozenset({own, place_part(page)}) if own else frozenset()


def is_readable(row: Json) -> bool:
    """Whether a file is of a kind and size that text is read from."""
    size = (row.get("extensions") or {}).get("fileSize")
    return can_extract(filename(row), media_type(row), size if isinstance(size, int) else None)


def filename(row: Json) -> str:
    """The file's name."""
    return str(row.get("title") or "")


def media_type(row: Json) -> str:
    """The file's type as the site names it; empty where it names none."""
    found = (row.get("extensions") or {}).get("mediaType") or (row.get("metadata") or {}).get("mediaType")
    return str(found or "")


def read_files(known: Known, ids: Sequence[tuple[str, str]]) -> Iterator[Document | Unreadable]:
    """The attachments with these ``(page id, attachment id)``, as far as they hang on such a page to read."""
    for batch in batches(dict.fromkeys(ids), PAGES_AT_ONCE):
        pages = _pages(known, sorted({page_id for page_id, _ in batch}))
        files = _files(known, [pair for pair in batch if pair[0] in pages])
        for (page_id, _), row in files.items():
            yield _document(known, pages[page_id], row)


def _pages(known: Known, ids: Sequence[str]) -> dict[str, Json]:
    """The pages without their bodies, with their rules learnt."""
    found: dict[str, Json] = {}
    for rows in known.api.search(with_ids(ids), expand=PLACE, limit=_ROWS_AT_ONCE):
        found.update({str(row["id"]): row for row in rows})
    for page_id in ids:
        if page_id not in found and (row := known.api.page(page_id, None)) is not None:
            found[page_id] = row
    if len(found) < len(ids):
        known.spaces.shown()  # raises where the account is shown none: nothing is gone then
    pages = {page_id: row for page_id, row in found.items() if is_page(row) and known.spaces.reads(row)}
    known.access.learn(list(pages.values()))
    return pages


def _files(known: Known, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Json]:
    """The attachments that still hang on their pages."""
    found = dict[tuple[str, str], Json]()
    page_ids = sorted({page_id for page_id, _ in pairs})
    if page_ids:
        for rows in known.api.search(
            on_pages(page_ids, ("attachment",)), expand=FILE_EXPAND, limit=_ROWS_AT_ONCE
        ):
            found.update({(container_id(row) or "", str(row["id"])): row for row in rows})
    for _, attachment_id in set(pairs) - found.keys():
        row = known.api.attachment(attachment_id)
        if row is not None and row.get("type") == "attachment":
            found[container_id(row) or "", attachment_id] = row
    return {
        pair: found[pair]
        for pair in pairs
        if pair in found and found[pair].get("status", "current") == "current"
    }


def _document(known: Known, page: Json, row: Json) -> Document | Unreadable:
    key = attachment_key(str(page["id"]), str(row["id"]))
    try:
        return _read(known, page, row, key)
    except (NotFoundError, ExtractionError) as exc:
        reason = str(exc)
    except (SourceUnavailableError, UnexpectedAnswerError, AuthenticationError) as exc:
        known.api.current_user()  # raises where it is the site or the account, and not this file alone
        reason = str(exc)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        reason = f"Confluence gave the file in a form that could not be read ({type(exc).__name__})."
    log.warning("confluence.attachment_unreadable", attachment=key)
    return Unreadable(id=key, external_id=str(page["id"]), reason=f"{filename(row)}: {reason}")


def _read(known: Known, page: Json, row: Json, key: str) -> Document:
    page_id, space = str(page["id"]), page["space"]
    return Document(
        source=known.source,
        id=key,
        external_id=page_id,
        kind=DocumentKind.ATTACHMENT,
        title=filename(row),
        url=_url(known, page, row),
        place=space.get("name") or space["key"],
        sections=_sections(known, page, row),
        access_rules=known.access.rules(page, known.spaces.of(page)),
        author=author_of(row),
        created=created_of(row),
        updated=parse_time((row.get("version") or {}).get("when")),
        path=(*titles_above(page), page["title"]),
        parts=parts_of_file(row, page),
        parent_id=page_id,
    )


def _sections(known: Known, page: Json, row: Json) -> tuple[Section, ...]:
    if not is_readable(row):
        raise ExtractionError("Files of this type or size are not read.")
    path = known.api.download_path(row, str(page["id"]))
    if path is None:
        raise NotFoundError("Confluence names no place to get the file from.")
    size = (row.get("extensions") or {}).get("fileSize")
    content = known.api.client.download(path, _LARGEST, size=size)
    if content is None:
        raise ExtractionError(f"The file is larger than {_LARGEST // 1024**2} MiB.")
    parts = extract(content, filename=filename(row), media_type=media_type(row))
    return tuple(_section(part, _url(known, page, row)) for part in parts if part.text.strip())


def _section(part: ExtractedPart, url: str) -> Section:
    return Section(
        kind=SectionKind.ATTACHMENT,
        text=part.text,
        url=url,
        heading_path=part.heading_path,
        language=part.language,
    )


def _url(known: Known, page: Json, row: Json) -> str:
    return attachment_url(
        known.link_to(page), page_id=str(page["id"]), attachment_id=str(row["id"]), filename=filename(row)
    )
