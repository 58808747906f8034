"""Pages with their bodies, by id: from one search, and one by one what the search does not show or cannot give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog

from connectors.atlassian import Json
from connectors.confluence_access import RESTRICTIONS
from connectors.confluence_api import OF_A_BATCH, OF_ONE, ConfluenceApi
from connectors.confluence_parts import PAGE_EXPAND
from connectors.confluence_query import with_ids
from connectors.confluence_rendered import without_foreign_text
from connectors.documents import Unreadable
from connectors.errors import ConnectorError
from connectors.failures import SingleFailures

log = structlog.get_logger(__name__)

#: What the row of a page must expand to make a document of it, but for its body.
PLACE = f"{PAGE_EXPAND},history,{RESTRICTIONS}"
PAGES_AT_ONCE = 50


class PageRows:
    """Reads the rows of one batch."""

    def __init__(self, api: ConfluenceApi, failures: SingleFailures) -> None:
        self._api = api
        self._failures = failures

    def read(self, ids: Sequence[str]) -> Iterator[Json | Unreadable]:
        """The rows of current pages and blog posts, each with :func:`body_of`; what does not exist yields none."""
        seen: set[str] = set()
        for row in self._searched(ids):
            seen.add(str(row["id"]))
            if body_of(row) is not None:
                yield row
            else:
                yield from self._rendered(str(row["id"]))
        for page_id in ids:
            if page_id not in seen:
                yield from self._single(page_id)

    def _searched(self, ids: Sequence[str]) -> Iterator[Json]:
        """What the search shows. Its index lags, and one bad page may end it: the rest is asked for by id."""
        try:
            for rows in self._api.search(with_ids(ids), expand=f"body.storage,{PLACE}", limit=PAGES_AT_ONCE):
                yield from (row for row in rows if is_page(row))
        except OF_ONE as exc:
            if len(ids) > 1 and not isinstance(exc, OF_A_BATCH):
                raise
            log.warning("confluence.search_with_bodies_failed", pages=len(ids))

    def _single(self, page_id: str) -> Iterator[Json | Unreadable]:
        try:
            row = self._api.page(page_id, "storage")
        except OF_ONE:
            yield from self._rendered(page_id)
            return
        self._failures.forget()
        if row is None or not is_page(row):
            return
        if body_of(row) is not None:
            yield row
        else:
            yield from self._rendered(page_id)

    def _rendered(self, page_id: str) -> Iterator[Json | Unreadable]:
        """The page as the site renders it, where it cannot give what the author wrote (CONFCLOUD-76433)."""
        try:
            row = self._api.page(page_id, "view")
        except OF_ONE as exc:
            self._api.current_user()  # raises where it is the site or the account, and not this page alone
            yield self._unreadable(page_id, exc)
            return
        self._failures.forget()
        if row is None or not is_page(row):
            return
        if body_of(row) is None:
            yield unreadable_page(page_id, f"Confluence gave page {page_id} without a body.")
        else:
            yield row

    def _unreadable(self, page_id: str, error: ConnectorError) -> Unreadable:
        return unreadable_page(page_id, self._failures.blame(error))


def unreadable_page(page_id: str, reason: str) -> Unreadable:
    """A page that could not be read, noted in the log."""
    log.warning("confluence.page_unreadable", page=page_id)
    return Unreadable(id=page_id, external_id=page_id, reason=reason)


def is_page(row: Json) -> bool:
    """Whether this is a page or blog post that people see: no draft, not archived, not in the trash."""
    return row.get("type") in {"page", "blogpost"} and row.get("status", "current") == "current"


def body_of(row: Json) -> str | None:
    """What the author wrote, in storage format; else what the site renders, without other pages' text in it."""
    body = row.get("body") or {}
    storage, view = ((body.get(kind) or {}).get("value") for kind in ("storage", "view"))
    if isinstance(storage, str):
        return storage
    return without_foreign_text(view) if isinstance(view, str) else None
