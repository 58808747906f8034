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
from connectors.documents import AccessRule
from connectors.errors import AuthenticationError, NotFoundError

log = structlog.get_logger(__name__)

#: What a listing must expand for :class:`PageAccess`.
EXPAND = "ancestors,restrictions.read.restrictions.user,restrictions.read.restrictions.group"
_OWN = "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
_AT_ONCE = 100

NOBODY: frozenset[str] = frozenset()


class PageAccess:
    """Restrictions seen so far, by page id (None: unrestricted); it grows with the number of pages alone."""

    def __init__(self, api: ConfluenceApi) -> None:
        self._api = api
        self._restrictions: dict[str, frozenset[str] | None] = {}
        self._spaces: dict[str, AccessRule] = {}

    def rules(self, content: Json, space: Space) -> tuple[AccessRule, ...]:
        """All rules of a page that :meth:`learn` has seen."""
        rules = [self._space_rule(space)]
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
            cql = f"id in ({','.join(batch)})"
            for results in self._api.search(cql, expand=_OWN, limit=_AT_ONCE):
                self._take(results)
        for page_id in sorted(missing - self._restrictions.keys()):
            self._restrictions[page_id] = self._asked(page_id)

    def _take(self, contents: Iterable[Json]) -> None:
        for content in contents:
            read = (content.get("restrictions") or {}).get("read")
            page_id = str(content["id"])
            self._restrictions[page_id] = self._principals(read) if read else self._asked(page_id)

    def _asked(self, page_id: str) -> frozenset[str] | None:
        """The restriction of something that no search shows: a folder, a draft. What cannot be read shuts."""
        try:
            return self._principals(self._api.restrictions(page_id))
        except (AuthenticationError, NotFoundError):
            log.warning("confluence.restriction_unreadable", page=page_id)
            return NOBODY

    def _principals(self, read: Json) -> frozenset[str] | None:
        """Of whom a reader must be one; None without a restriction, nobody where that is unclear."""
        restrictions = read.get("restrictions")
        if not isinstance(restrictions, dict) or not {"user", "group"} <= restrictions.keys():
            return NOBODY
        users = (restrictions["user"] or {}).get("results", [])
        groups = (restrictions["group"] or {}).get("results", [])
        if not users and not groups:
            return None
        found = {self._api.principal_of_user(user) for user in users}
        found |= {self._api.principal_of_group(group) for group in groups}
        return frozenset(principal for principal in found if principal)

    def _space_rule(self, space: Space) -> AccessRule:
        if space.key not in self._spaces:
            try:
                readers = self._api.space_readers(space)
            except (AuthenticationError, NotFoundError):
                log.warning("confluence.space_permissions_unreadable", space=space.key)
                readers = NOBODY
            self._spaces[space.key] = AccessRule(name=f"space:{space.key}", principals=readers)
        return self._spaces[space.key]


def ancestor_ids(content: Json) -> list[str]:
    """The ids above a page, the top first."""
    return [str(ancestor["id"]) for ancestor in content.get("ancestors") or []]
