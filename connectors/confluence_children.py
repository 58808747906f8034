"""Comments and attachments of a whole batch of pages, found with one search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from connectors.atlassian import Json
from connectors.confluence_api import OF_A_BATCH, OF_ONE, ConfluenceApi
from connectors.confluence_pages import Comment
from connectors.confluence_parts import is_resolved
from connectors.confluence_query import on_pages
from connectors.failures import SingleFailures
from connectors.times import parse_time

log = structlog.get_logger(__name__)

_EXPAND = "body.storage,version,history,container,ancestors,extensions.inlineProperties,extensions.resolution"
_ROWS_AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class Children:
    """The rows of what hangs on one page, oldest first."""

    comments: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()
    #: Why they could not be read, if so.
    fault: str | None = None


class ChildReader:
    """Reads what hangs on the pages of one batch."""

    def __init__(self, api: ConfluenceApi, failures: SingleFailures) -> None:
        self._api = api
        self._failures = failures

    def of(self, page_ids: Sequence[str]) -> dict[str, Children]:
        """The children of every page, by page id. One page's fault is its own."""
        if not page_ids:
            return {}
        try:
            return self._read(page_ids)
        except OF_ONE as exc:
            if len(page_ids) > 1 and not isinstance(exc, OF_A_BATCH):
                raise
            log.warning("confluence.search_for_children_failed", pages=len(page_ids))
        return {page_id: self._single(page_id) for page_id in page_ids}

    def _single(self, page_id: str) -> Children:
        try:
            found = self._read([page_id])[page_id]
        except OF_ONE as exc:
            self._api.current_user()  # raises where it is the site or the account, and not this page alone
            return Children(fault=self._failures.blame(exc))
        self._failures.forget()
        return found

    def _read(self, page_ids: Sequence[str]) -> dict[str, Children]:
        rows: dict[str, list[Json]] = {page_id: [] for page_id in page_ids}
        for found in self._api.search(on_pages(page_ids), expand=_EXPAND, limit=_ROWS_AT_ONCE):
            for row in found:
                rows.get(container_id(row) or "", []).append(row)
        return {
            page_id: Children(
                comments=tuple(row for row in own if row.get("type") == "comment"),
                attachments=tuple(row for row in own if row.get("type") == "attachment"),
            )
            for page_id, own in rows.items()
        }


def container_id(row: Json) -> str | None:
    """The id of what a comment or attachment hangs on."""
    found = (row.get("container") or {}).get("id")
    return str(found) if found is not None else None


def threads(rows: Iterable[Json]) -> list[Comment]:
    """Comments in reading order: the oldest first, each followed by the replies to it."""
    comments = {str(row["id"]): row for row in rows}
    replies: dict[str, list[str]] = {}
    for number, row in comments.items():
        parent = _parent(row)
        replies.setdefault(parent if parent in comments else "", []).append(number)
    found: list[Comment] = []
    waiting = _by_date(replies.get("", []), comments)[::-1]
    while waiting:
        number = waiting.pop()
        found.append(_comment(comments[number]))
        waiting += _by_date(replies.pop(number, []), comments)[::-1]
    return found


def _by_date(numbers: Iterable[str], comments: dict[str, Json]) -> list[str]:
    return sorted(numbers, key=lambda number: (_when(comments[number]), len(number), number))


def _when(row: Json) -> float:
    created = created_of(row)
    return created.timestamp() if created else 0.0


def _parent(row: Json) -> str:
    """The comment that a comment replies to; its ancestors are the comments above it, the top first."""
    above = [each for each in row.get("ancestors") or () if each.get("type", "comment") == "comment"]
    return str(above[-1]["id"]) if above else ""


def _comment(row: Json) -> Comment:
    marked = ((row.get("extensions") or {}).get("inlineProperties") or {}).get("originalSelection")
    return Comment(
        id=str(row["id"]),
        storage=((row.get("body") or {}).get("storage") or {}).get("value") or "",
        author=author_of(row),
        created=created_of(row),
        marked=marked if isinstance(marked, str) and marked.strip() else None,
        resolved=is_resolved(row),
    )


def author_of(row: Json) -> str | None:
    """Who made it, as people call them."""
    history = row.get("history") or {}
    person = history.get("createdBy") or (row.get("version") or {}).get("by") or {}
    name = person.get("displayName") or person.get("publicName")
    return str(name) if name else None


def created_of(row: Json) -> datetime | None:
    """When it was made."""
    return parse_time((row.get("history") or {}).get("createdDate") or (row.get("version") or {}).get("when"))
