"""Comments and attached text files of a whole batch of pages, found with one search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from connectors.atlassian import Json
from connectors.confluence_api import ConfluenceApi
from connectors.confluence_pages import AttachedText, Comment
from connectors.errors import AuthenticationError, NotFoundError
from connectors.times import parse_time

log = structlog.get_logger(__name__)

_EXPAND = "body.storage,version,history,container,extensions"
_ROWS_AT_ONCE = 100
_LARGEST_FILE = 1024 * 1024
_TEXT_TYPES = {"text/plain", "text/markdown", "text/x-markdown", "text/csv", "text/x-log"}
_TEXT_ENDINGS = (".txt", ".md", ".markdown", ".csv", ".log")


@dataclass(frozen=True, kw_only=True)
class Children:
    """What hangs on one page, oldest first."""

    comments: tuple[Comment, ...] = ()
    attachments: tuple[AttachedText, ...] = ()


class ChildReader:
    """Reads what hangs on pages."""

    def __init__(self, api: ConfluenceApi) -> None:
        self._api = api

    def of(self, pages: Sequence[Json]) -> dict[str, Children]:
        """The children of every page of a batch, by page id."""
        ids = [str(page["id"]) for page in pages]
        if not ids:
            return {}
        comments: dict[str, list[Comment]] = {page_id: [] for page_id in ids}
        attachments: dict[str, list[AttachedText]] = {page_id: [] for page_id in ids}
        for row in self._rows(ids):
            page_id = str((row.get("container") or {}).get("id"))
            if page_id not in comments:
                continue
            if row.get("type") == "comment":
                comments[page_id].append(_comment(row))
            elif row.get("type") == "attachment" and _is_text(row):
                attachments[page_id] += self._attachment(row)
        return {
            page_id: Children(comments=tuple(comments[page_id]), attachments=tuple(attachments[page_id]))
            for page_id in ids
        }

    def _rows(self, ids: Sequence[str]) -> Iterator[Json]:
        cql = f"type in (comment, attachment) and container in ({','.join(ids)}) order by created asc"
        for rows in self._api.search(cql, expand=_EXPAND, limit=_ROWS_AT_ONCE):
            yield from rows

    def _attachment(self, row: Json) -> Iterator[AttachedText]:
        path = (row.get("_links") or {}).get("download") or ""
        if not path.startswith("/"):  # never a URL of another host, which would be sent our credentials
            return
        try:
            content = self._api.client.download(path, _LARGEST_FILE)
        except (AuthenticationError, NotFoundError):
            log.warning("confluence.attachment_unreadable", attachment=row["id"])
            return
        if content is not None:
            yield AttachedText(
                id=str(row["id"]),
                filename=row.get("title") or "",
                text=content.decode("utf-8", errors="replace").replace("\x00", ""),
                author=_author(row),
                created=_created(row),
            )


def _comment(row: Json) -> Comment:
    storage = ((row.get("body") or {}).get("storage") or {}).get("value") or ""
    return Comment(id=str(row["id"]), storage=storage, author=_author(row), created=_created(row))


def _is_text(row: Json) -> bool:
    extensions = row.get("extensions") or {}
    size = extensions.get("fileSize")
    if isinstance(size, int) and size > _LARGEST_FILE:
        return False
    kind = str(extensions.get("mediaType") or "").partition(";")[0]
    return kind in _TEXT_TYPES or str(row.get("title") or "").lower().endswith(_TEXT_ENDINGS)


def _author(row: Json) -> str | None:
    history = row.get("history") or {}
    person = history.get("createdBy") or (row.get("version") or {}).get("by") or {}
    return person.get("displayName") or person.get("publicName")


def _created(row: Json) -> datetime | None:
    return parse_time((row.get("history") or {}).get("createdDate") or (row.get("version") or {}).get("when"))
