"""Who may read a page: everybody whom the space, the page's own restriction and every ancestor's let through.

Ancestors' restrictions are never expanded in a listing: one draft or trashed ancestor makes Cloud answer 404
for the whole page of results (CONFCLOUD-77618). They come from the ancestors' own rows, or by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import structlog

from connectors.atlassian import Json
from connectors.batches import batches
from connectors.confluence_api import ConfluenceApi, Space
from connectors.confluence_query import with_ids
from connectors.documents import AccessRule
from connectors.errors import (
    AuthenticationError,
    BrokenAnswerError,
    NotFoundError,
    ServerFaultError,
    SourceUnavailableError,
)

log = structlog.get_logger(__name__)

#: What the rows of a search must expand for :class:`PageAccess`, beside ``ancestors``.
RESTRICTIONS = "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
_AT_ONCE = 100
_SPACE = "space:"

NOBODY: frozenset[str] = frozenset()
_UNREADABLE = (AuthenticationError, NotFoundError, ServerFaultError, BrokenAnswerError)


def space_rule_name(space_id: str) -> str:
    """``space:98305``: by the id, because a key may pass to another space, and a space take another key."""
    return f"{_SPACE}{space_id}"


def space_id(rule_name: str) -> str:
    """The id in a space rule's name. Raises KeyError for any other rule: pages' come with their principals."""
    if not rule_name.startswith(_SPACE):
        raise KeyError(rule_name)
    return rule_name.removeprefix(_SPACE)


def space_readers(api: ConfluenceApi, space: Space) -> frozenset[str]:
    """The principals that may view a space; nobody where the site does not tell this account."""
    try:
        return api.space_readers(space)
    except (AuthenticationError, NotFoundError):
        log.warning("confluence.space_permissions_unreadable", space=space.key)
        return NOBODY


class PageAccess:
    """Restrictions seen so far, by page id (None: unrestricted); it grows with the number of pages alone.

    Threads may share one: what two of them find out at once is the same.
    """

    def __init__(self, api: ConfluenceApi) -> None:
        self._api = api
        self._restrictions: dict[str, frozenset[str] | None] = {}

    def rules(self, content: Json, space: Space | None) -> tuple[AccessRule, ...]:
        """All rules of a page that :meth:`learn` has seen; none, which is for nobody, where its space is unknown."""
        if space is None:
            return ()
        rules = [AccessRule(name=space_rule_name(space.id), principals=None)]
        for page_id in [*ancestor_ids(content), str(content["id"])]:
            principals = self._restrictions.get(page_id, NOBODY)
            if principals is not None:
                rules.append(AccessRule(name=f"page:{page_id}", principals=principals))
        return tuple(rules)

    def learn(self, contents: Sequence[Json]) -> None:
        """Take in the restrictions of these pages and find those of their ancestors."""
        self._take(contents)
        missing = {
            page_id for content in contents for page_id in ancestor_ids(content)
        } - self._restrictions.keys()
        for batch in batches(sorted(missing), _AT_ONCE):
            try:
                for results in self._api.search(with_ids(batch), expand=RESTRICTIONS, limit=_AT_ONCE):
                    self._take(results)
            except (ServerFaultError, BrokenAnswerError):
                log.warning("confluence.restrictions_search_failed", pages=len(batch))
        for page_id in sorted(missing - self._restrictions.keys()):
            self._restrictions[page_id] = self._asked(page_id)

    def _take(self, contents: Iterable[Json]) -> None:
        for content in contents:
            read = (content.get("restrictions") or {}).get("read")
            page_id = str(content["id"])
            if isinstance(read, dict) and not _is_cut(read):
                self._restrictions[page_id] = self._principals([read])
            else:
                self._restrictions[page_id] = self._asked(page_id)

    def _asked(self, page_id: str) -> frozenset[str] | None:
        """The restriction of something that no search shows (a folder, a draft) or shows in part.

        What cannot be read shuts.
        """
        try:
            return self._principals(list(self._api.restrictions(page_id)))
        except _UNREADABLE:
            pass
        except SourceUnavailableError:
            self._api.current_user()  # raises where it is the site, and not this page alone
        log.warning("confluence.restriction_unreadable", page=page_id)
        return NOBODY

    def _principals(self, pages: Sequence[Json]) -> frozenset[str] | None:
        """Of whom a reader must be one; None without a restriction, nobody where that is unclear."""
        found: set[str | None] = set()
        for read in pages:
            restrictions = read.get("restrictions")
            if not isinstance(restrictions, dict) or not {"user", "group"} <= restrictions.keys():
                return NOBODY
            users, groups = (_results(restrictions[kind]) for kind in ("user", "group"))
            if users is None or groups is None:
                return NOBODY
            found |= {self._api.principal_of_user(user) for user in users}
            found |= {self._api.principal_of_group(group) for group in groups}
        return frozenset(principal for principal in found if principal) if found else None


def ancestor_ids(content: Json) -> list[str]:
    """The ids above a page, the top first."""
    return [str(ancestor["id"]) for ancestor in content.get("ancestors") or []]


def _is_cut(read: Json) -> bool:
    """Whether the site may have left out people or groups, because there are more than it shows at once."""
    for listed in (read.get("restrictions") or {}).values():
        if not isinstance(listed, dict):
            continue
        shown, limit, size = (listed.get(name) for name in ("results", "limit", "size"))
        count = len(shown) if isinstance(shown, list) else 0
        if (isinstance(limit, int) and count >= limit > 0) or (isinstance(size, int) and size > count):
            return True
        if (listed.get("_links") or {}).get("next"):
            return True
    return False


def _results(listed: object) -> list[Json] | None:
    results = listed.get("results") if isinstance(listed, dict) else None
    return results if isinstance(results, list) else None
