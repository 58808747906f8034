"""Every page that exists, with its rules and versions, and what changed since a point in time; no bodies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog

from connectors.atlassian import Json
from connectors.batches import batches
from connectors.confluence_access import RESTRICTIONS, PageAccess
from connectors.confluence_api import KEYS_AT_ONCE, OF_A_BATCH, ConfluenceApi, Space
from connectors.confluence_children import container_id
from connectors.confluence_known import Known
from connectors.confluence_parts import CHILD_EXPAND, PAGE_EXPAND, child_part, page_part, part_of
from connectors.confluence_query import CHILDREN, PAGES, changed_since, of_space, with_ids
from connectors.confluence_rows import is_page
from connectors.documents import Changed, Listed
from connectors.errors import (
    AuthenticationError,
    ConnectorError,
    NotFoundError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)
from connectors.times import parse_time

log = structlog.get_logger(__name__)

_ROWS_AT_ONCE = 200
#: What one space alone can be the cause of.
_OF_ONE_SPACE = (AuthenticationError, NotFoundError, SourceUnavailableError, UnexpectedAnswerError)
#: So many spaces that fail one after the other are a site that is down; each takes as long as all its tries.
_MOST_IN_A_ROW = 10
_CHANGES_EXPAND = f"{PAGE_EXPAND},container,extensions.resolution"


def list_spaces(known: Known, spaces: Sequence[Space]) -> Iterator[Listed]:
    """Every page and blog post of these spaces. Deleted comments, moves, labels and removed files show in the parts.

    Raises:
        ConnectorError: a space could not be listed, after the others were; or too many one after the other.
    """
    problem: ConnectorError | None = None
    failures = 0
    for space in spaces:
        try:
            yield from _list_space(known, space)
        except _OF_ONE_SPACE as exc:
            known.api.current_user()  # raises where it is the site or the account, and not this space alone
            log.warning("confluence.space_not_listed", space=space.key, error=type(exc).__name__)
            problem, failures = problem or exc, failures + 1
            if failures == _MOST_IN_A_ROW:
                break
        else:
            failures = 0
    if problem is not None:
        raise problem


def _list_space(known: Known, space: Space) -> Iterator[Listed]:
    problem: ConnectorError | None = None
    try:
        hanging = _children(known.api, space)
    except OF_A_BATCH as exc:
        problem, hanging = exc, None  # no versions are told, but who reads the pages is
    told: set[str] = set()
    try:
        for listed in _pages(known, space, hanging):
            told.add(listed.id)
            yield listed
    except OF_A_BATCH as exc:
        problem = exc
        for rows in known.api.search(of_space(space.key, PAGES), expand="space", limit=_ROWS_AT_ONCE):
            yield from (
                Listed(id=str(row["id"])) for row in rows if is_page(row) and str(row["id"]) not in told
            )
    if problem is not None:
        raise problem


def _pages(known: Known, space: Space, hanging: dict[str, list[str | None]] | None) -> Iterator[Listed]:
    access = PageAccess(known.api)
    cql = of_space(space.key, PAGES)
    for rows in known.api.search(cql, expand=f"{PAGE_EXPAND},{RESTRICTIONS}", limit=_ROWS_AT_ONCE):
        # The search's index lags: a page that has left is where its row says.
        pages = [row for row in rows if is_page(row) and _is_here(known, row)]
        access.learn(pages)
        for row in pages:
            own, children = page_part(row), (hanging or {}).pop(str(row["id"]), [])
            is_told = hanging is not None and own is not None and None not in children
            yield Listed(
                id=str(row["id"]),
                access_rules=access.rules(row, known.spaces.of(row)),
                parts=frozenset(filter(None, [own, *children])) if is_told else None,
            )


def _is_here(known: Known, row: Json) -> bool:
    """Whether a page lies in a space to read; one of which that is not told is there, and for nobody."""
    return known.spaces.of(row) is None or known.spaces.reads(row)


def _children(api: ConfluenceApi, space: Space) -> dict[str, list[str | None]]:
    """The parts of all comments and attachments of a space, by page id: words alone, so that memory stays flat."""
    found: dict[str, list[str | None]] = {}
    for rows in api.search(of_space(space.key, CHILDREN), expand=CHILD_EXPAND, limit=_ROWS_AT_ONCE):
        for row in rows:
            if page_id := container_id(row):
                found.setdefault(page_id, []).append(child_part(row))
    return found


def changes_since(api: ConfluenceApi, minute: str, keys: Sequence[str] | None) -> Iterator[Changed]:
    """Pages that changed themselves, or whose comments or attachments did, since a minute of the account's zone."""
    for some in batches(keys, KEYS_AT_ONCE) if keys is not None else [[]]:
        cql = changed_since(minute, some)
        for rows in api.search(cql, expand=_CHANGES_EXPAND, limit=_ROWS_AT_ONCE):
            for row in rows:
                if page_id := _page_id(api, row):
                    yield Changed(id=page_id, updated=_updated(row), part=part_of(row))


def _page_id(api: ConfluenceApi, row: Json) -> str | None:
    """The page that a row is or hangs on; None for what hangs on something else (a whiteboard, a space)."""
    for _ in range(_DEEPEST):
        if row.get("type") in PAGES:
            return str(row["id"])
        container = row.get("container") or {}
        if container.get("type") != "comment":
            return str(container["id"]) if container.get("type") in PAGES else None
        above = next(api.search(with_ids([str(container["id"])]), expand="container", limit=1), [])
        if not above:
            return None
        row = above[0]
    return None


def _updated(row: Json) -> datetime | None:
    return parse_time((row.get("version") or {}).get("when"))


#: A reply to a reply, as deep as people go, where a site gives comments as the containers of replies.
_DEEPEST = 10
