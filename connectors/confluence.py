"""Confluence, Cloud or Data Center, as a source of documents.

A batch of pages costs one search for the pages, one for the comments and attachments of all of them, and one
more where an ancestor has not been seen; nothing is asked for page by page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from connectors.atlassian import AtlassianClient, Deployment, Json
from connectors.batches import batches
from connectors.confluence_access import EXPAND, PageAccess
from connectors.confluence_api import ConfluenceApi, Space
from connectors.confluence_children import ChildReader, Children
from connectors.confluence_cloud import CloudConfluence
from connectors.confluence_datacenter import DataCenterConfluence
from connectors.confluence_pages import Page, blogpost_url, page_document, page_url
from connectors.documents import Document, DocumentKind, Listed, Membership, Unreadable
from connectors.errors import NotFoundError
from connectors.markup.storage import mentioned_users
from connectors.people import memberships_of
from connectors.rights import needed
from connectors.times import parse_time

log = structlog.get_logger(__name__)

_BODIES = f"body.storage,version,space,metadata.labels,history,{EXPAND}"
_PAGES_AT_ONCE = 50
_ROWS_AT_ONCE = 200
#: CQL knows minutes only and may read an hour twice or never when the clocks change.
_OVERLAP = timedelta(minutes=70)
#: From the westernmost zone to the easternmost: windows grow by it while the account's zone is unknown.
_ALL_ZONES = timedelta(hours=26)


class ConfluenceConnector:
    """Pages and blog posts of some or all spaces, with comments and attached text files."""

    def __init__(
        self,
        *,
        name: str,
        client: AtlassianClient,
        spaces: tuple[str, ...] | None = None,
    ) -> None:
        """Make no call yet.

        Args:
            client: of a Confluence, with the context path in its URL (``https://wiki.acme.com/confluence``).
            spaces: keys; None for all that the account may read.
        """
        self._deployment = client.site.deployment
        self._url = client.site.url
        cloud = self._deployment is Deployment.CLOUD
        self._name = name
        self._keys = spaces
        self._api: ConfluenceApi = CloudConfluence(client) if cloud else DataCenterConfluence(client)
        self._names: dict[str, str | None] = {}

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    def check(self) -> str:
        """Sign in and say as whom, after one call of each kind that permissions are read with."""
        user = self._api.current_user()
        person = user.get("displayName") or user.get("publicName") or "an account without a name"
        spaces = self._spaces()
        self._check_rights(spaces[0])
        return f"Signed in to {self._url} as {person}; {len(spaces)} spaces to read."

    def _check_rights(self, space: Space) -> None:
        with needed(
            f"{self._url} does not show this account who may view the space {space.key}: give it "
            "administration of the space on Data Center (9.1 or newer), and on Cloud a token that reads spaces."
        ):
            self._api.space_readers(space)
        with needed(
            f"{self._url} does not show this account the groups and their people: "
            "let it use Confluence and see people's profiles."
        ):
            group = next(self._api.groups(), None)
            if group is None:
                raise NotFoundError("no group")
            next(self._api.members(group), None)

    def estimate(self, since: datetime | None) -> int | None:
        """How many pages and blog posts match."""
        self._spaces()
        return self._api.count(self._scope("page,blogpost", since))

    def changes(self, since: datetime | None) -> Iterator[Document | Unreadable]:
        """All pages, or those that were edited, commented on or given a file since ``since``.

        Deleted comments, moved pages and changed labels carry no date: a full read finds them.
        """
        spaces = {space.key: space for space in self._spaces()}
        access = PageAccess(self._api)
        if since is None:
            for space in spaces.values():
                cql = f'space = "{space.key}" and type in (page, blogpost) order by created asc'
                yield from self._documents(self._search(cql), spaces, access)
            return
        for batch in batches(sorted(self._changed(since)), _PAGES_AT_ONCE):
            yield from self._documents(self._search(f"id in ({','.join(batch)})"), spaces, access)

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """These pages and blog posts. What the search, whose index lags, does not show is asked for by id."""
        spaces = {space.key: space for space in self._spaces()}
        access = PageAccess(self._api)
        for batch in batches(filter(str.isdecimal, ids), _PAGES_AT_ONCE):
            found = set()
            for document in self._documents(self._search(f"id in ({','.join(batch)})"), spaces, access):
                found.add(document.id)
                yield document
            rows = [self._api.content(page_id, _BODIES) for page_id in batch if page_id not in found]
            yield from self._documents([[row] for row in rows if row is not None], spaces, access)

    def listing(self) -> Iterator[Listed]:
        """Every page and blog post with its rules, without bodies."""
        access = PageAccess(self._api)
        for space in self._spaces():
            cql = f'space = "{space.key}" and type in (page, blogpost) order by created asc'
            for rows in self._api.search(cql, expand=EXPAND, limit=_ROWS_AT_ONCE):
                access.learn(rows)
                for row in rows:
                    yield Listed(id=str(row["id"]), access_rules=access.rules(row, space))

    def memberships(self) -> Iterator[Membership]:
        """Everybody in any group, by e-mail."""
        members = (
            (person.id, person.email, group)
            for group in self._api.groups()
            for person in self._api.members(group)
        )
        return memberships_of(members)

    def _spaces(self) -> list[Space]:
        """The spaces to read. One that is not shown is a fault of access: a sweep must not take it for emptied."""
        spaces = list(self._api.spaces(self._keys))
        missing = sorted(set(self._keys or ()) - {space.key for space in spaces})
        if missing:
            raise NotFoundError(
                f"{self._url} does not show this account the space {', '.join(missing)}: "
                "check the key or the account's access."
            )
        if not spaces:
            raise NotFoundError(f"{self._url} shows this account none of the spaces: check keys and access.")
        return spaces

    def _search(self, cql: str) -> Iterator[list[Json]]:
        return self._api.search(cql, expand=_BODIES, limit=_PAGES_AT_ONCE)

    def _documents(
        self, pages: Iterable[list[Json]], spaces: dict[str, Space], access: PageAccess
    ) -> Iterator[Document | Unreadable]:
        children = ChildReader(self._api)
        for rows in pages:
            found = [row for row in rows if row.get("type") in {"page", "blogpost"}]
            access.learn(found)
            attached = children.of(found)
            comments = [comment.storage for each in attached.values() for comment in each.comments]
            self._learn_names([*filter(None, map(_storage, found)), *comments])
            for row in found:
                space = spaces.get((row.get("space") or {}).get("key", ""))
                if space is None:
                    continue
                yield self._document(row, space, access, attached[str(row["id"])])

    def _document(
        self, row: Json, space: Space, access: PageAccess, attached: Children
    ) -> Document | Unreadable:
        page_id = str(row["id"])
        try:
            page = self._page(row, space, attached)
            return page_document(
                page,
                source=self._name,
                deployment=self._deployment,
                access_rules=access.rules(row, space),
                user_name=self._names.get,
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            # A row in a shape that no version of the API documents: this page is lost, the rest is not.
            log.warning("confluence.page_unreadable", page=page_id, error=type(exc).__name__)
            reason = (
                f"Confluence gave page {page_id} in a form that could not be read ({type(exc).__name__})."
            )
            return Unreadable(id=page_id, external_id=page_id, reason=reason)

    def _page(self, row: Json, space: Space, attached: Children) -> Page:
        storage = _storage(row)
        if storage is None:
            raise TypeError("no body")
        history = row.get("history") or {}
        created = parse_time(history.get("createdDate"))
        labels = ((row.get("metadata") or {}).get("labels") or {}).get("results", [])
        kind = DocumentKind.BLOGPOST if row["type"] == "blogpost" else DocumentKind.PAGE
        place = {"space": space.key, "page_id": str(row["id"]), "title": row["title"]}
        if kind is DocumentKind.BLOGPOST and self._deployment is Deployment.CLOUD:
            url = blogpost_url(self._url, created=created, **place)
        else:
            url = page_url(self._url, self._deployment, **place)
        return Page(
            id=str(row["id"]),
            kind=kind,
            space=space.key,
            place=space.name,
            title=row["title"],
            storage=storage,
            url=url,
            author=_name(history.get("createdBy")),
            created=created,
            updated=parse_time((row.get("version") or {}).get("when")),
            labels=tuple(sorted(label["name"] for label in labels)),
            comments=attached.comments,
            attachments=attached.attachments,
        )

    def _learn_names(self, bodies: Iterable[str]) -> None:
        wanted = {user for body in bodies for user in mentioned_users(body)} - self._names.keys()
        if wanted:
            self._names |= dict.fromkeys(wanted) | dict(self._api.user_names(sorted(wanted)))

    def _changed(self, since: datetime) -> set[str]:
        """The ids of pages that changed themselves, or whose comments or attachments did."""
        changed = set()
        cql = self._scope("page,blogpost,comment,attachment", since)
        for rows in self._api.search(cql, expand="container", limit=_ROWS_AT_ONCE):
            for row in rows:
                page = row if row.get("type") in {"page", "blogpost"} else row.get("container") or {}
                if page.get("id"):
                    changed.add(str(page["id"]))
        return changed

    def _scope(self, types: str, since: datetime | None) -> str:
        clauses = [f"type in ({types})"]
        if self._keys is not None:
            clauses.append("space in ({})".format(",".join(f'"{key}"' for key in self._keys)))
        if since is not None:
            clauses.append(f'lastmodified >= "{self._local_minute(since)}"')
        return " and ".join(clauses)

    def _local_minute(self, since: datetime) -> str:
        """The start of the window in the account's own zone, in which CQL reads dates."""
        zone = self._api.current_user().get("timeZone")
        try:
            local = (since - _OVERLAP).astimezone(ZoneInfo(str(zone))) if zone else None
        except (ZoneInfoNotFoundError, ValueError):
            local = None
        if local is None:
            local = (since - _OVERLAP - _ALL_ZONES).astimezone(ZoneInfo("UTC"))
        return f"{local:%Y-%m-%d %H:%M}"


def _storage(row: Json) -> str | None:
    value = ((row.get("body") or {}).get("storage") or {}).get("value")
    return value if isinstance(value, str) else None


def _name(user: object) -> str | None:
    return user.get("displayName") or user.get("publicName") if isinstance(user, dict) else None
