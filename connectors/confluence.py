"""Confluence, Cloud or Data Center, as a source of documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from threading import Lock
from time import monotonic
from zoneinfo import ZoneInfo

from connectors.atlassian import AtlassianClient, Deployment
from connectors.confluence_access import NOBODY, PageAccess, space_id
from connectors.confluence_api import ConfluenceApi
from connectors.confluence_check import check_access
from connectors.confluence_cloud import CloudConfluence
from connectors.confluence_datacenter import DataCenterConfluence
from connectors.confluence_files import read_files
from connectors.confluence_known import Known
from connectors.confluence_people import confluence_memberships
from connectors.confluence_query import minute_of, zone_of
from connectors.confluence_reader import read_pages
from connectors.confluence_rows import PAGES_AT_ONCE
from connectors.confluence_spaces import Spaces
from connectors.confluence_sweep import changes_since, list_spaces
from connectors.documents import AccessRule, Changed, Document, Listed, Membership, Unreadable

#: How long ancestors' restrictions may serve: a rule that is older than the last sweep's would undo it.
_SECONDS_KNOWN = 120.0
_FILE = re.compile(r"([0-9]+)/((?:att)?[0-9]+)")


class ConfluenceConnector:
    """Pages and blog posts of some or all spaces, with comments and attached files."""

    def __init__(self, *, name: str, client: AtlassianClient, spaces: tuple[str, ...] | None = None) -> None:
        """Make no call yet.

        Args:
            name: of the source, in the configuration.
            client: of a Confluence, with the context path in its URL (``https://wiki.acme.com/confluence``).
            spaces: keys; None for all that the account may read and that are not archived.
        """
        self._client = client
        self._name = name
        self._keys = spaces
        cloud = client.site.deployment is Deployment.CLOUD
        self._api: ConfluenceApi = CloudConfluence(client) if cloud else DataCenterConfluence(client)
        self._known: Known | None = None
        self._known_until = 0.0
        self._names: dict[str, str | None] = {}
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    @property
    def batch_size(self) -> int:
        """As many pages as one search gives with their bodies."""
        return PAGES_AT_ONCE

    def check(self) -> str:
        """Sign in and say as whom, after one call of each kind.

        Raises:
            AuthenticationError: a right or scope is missing; the sentence names it.
        """
        return check_access(self._api, Spaces(self._api, self._keys))

    def changes(self, since: datetime) -> Iterator[Changed]:
        """Pages that were edited, commented on or given a file since, with an overlap of more than an hour.

        Deleted comments, moved pages and changed labels carry no date: :meth:`listing` tells them. Raises
        NotFoundError after all others where a named space is not shown: a search that names it is refused.
        """
        self._forget()
        minute = minute_of(since, self._zone)
        if self._keys is None:
            yield from changes_since(self._api, minute, None)
            return
        shown = self._known_now().spaces.shown()
        yield from changes_since(self._api, minute, [space.key for space in shown.spaces])
        shown.require_all()

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """These pages, blog posts and attachments. What the search, whose index lags, misses is asked for by id."""
        known = self._known_now()
        pages = [each for each in ids if each.isascii() and each.isdecimal()]
        files = [match.group(1, 2) for match in map(_FILE.fullmatch, ids) if match]
        yield from read_pages(known, pages)
        yield from read_files(known, [(page_id, attachment_id) for page_id, attachment_id in files])

    def listing(self) -> Iterator[Listed]:
        """Every page and blog post with its rules and parts, without bodies; a space at a time.

        A space that cannot be listed, or is named and not shown, is not to be taken for empty: it raises its error, but
        after all the others.
        """
        self._forget()
        known = self._known_now()
        shown = known.spaces.shown()
        yield from list_spaces(known, shown.spaces)
        self._forget()
        shown.require_all()

    def rule(self, name: str) -> AccessRule:
        """Who may view a space (``space:98305``) now; nobody where the site does not tell or has no such space.

        Raises:
            KeyError: it is no space's rule: those of pages always come with their principals.
        """
        spaces = self._known_now().spaces
        space = spaces.with_id(space_id(name))
        return AccessRule(name=name, principals=spaces.readers(space) if space else NOBODY)

    def memberships(self) -> Iterator[Membership]:
        """Everybody in any group, by e-mail."""
        self._forget()  # the rules are asked about next
        return confluence_memberships(self._api)

    @cached_property
    def _zone(self) -> ZoneInfo | None:
        return zone_of(self._api.current_user().get("timeZone"))

    def _known_now(self) -> Known:
        with self._lock:
            if self._known is None or monotonic() > self._known_until:
                self._known = Known(
                    api=self._api,
                    spaces=Spaces(self._api, self._keys) if self._known is None else self._known.spaces,
                    access=PageAccess(self._api),
                    source=self._name,
                    deployment=self._client.site.deployment,
                    url=self._client.site.browse_url,
                    names=self._names,
                )
                self._known_until = monotonic() + _SECONDS_KNOWN
            return self._known

    def _forget(self) -> None:
        with self._lock:
            self._known = None
