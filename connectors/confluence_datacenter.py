"""Confluence Data Center (9.1 or newer for space permissions).

Source: https://developer.atlassian.com/server/confluence/rest/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import structlog

from connectors.atlassian import AtlassianClient, Json
from connectors.batches import batches
from connectors.confluence_api import (
    KEYS_AT_ONCE,
    Body,
    ConfluenceApi,
    Person,
    Space,
    next_query,
    step,
)
from connectors.confluence_parts import FILE_EXPAND
from connectors.confluence_rows import PLACE
from connectors.documents import ANYONE
from connectors.errors import (
    AuthenticationError,
    NotFoundError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)

log = structlog.get_logger(__name__)

#: So many profiles that cannot be read one after the other are not the fault of their people.
_MOST_IN_A_ROW = 5


class DataCenterConfluence(ConfluenceApi):
    """People are user keys, groups are names, paging is by offset."""

    def __init__(self, client: AtlassianClient) -> None:
        super().__init__(client)
        self._emails: dict[str, str] = {}
        self._profiles_failed = 0

    def spaces(self, keys: tuple[str, ...] | None) -> Iterator[Space]:
        queries: list[dict[str, Any]] = [{"limit": 100, "status": "current"}]
        if keys is not None:
            queries = [{"limit": 100, "spaceKey": some} for some in batches(keys, KEYS_AT_ONCE)]
        for params in queries:
            for results in self.pages("rest/api/space", params):
                for space in results:
                    yield Space(id=str(space["id"]), key=space["key"], name=space.get("name") or space["key"])

    def download_path(self, attachment: Json, page_id: str) -> str | None:
        path = (attachment.get("_links") or {}).get("download")
        # Never a URL of another host, which would be sent our credentials.
        return path if isinstance(path, str) and path.startswith("/") and not path.startswith("//") else None

    def page(self, page_id: str, body: Body | None) -> Json | None:
        expand = f"body.{body},{PLACE}" if body else PLACE
        return self.get_if_there(f"rest/api/content/{page_id}", {"expand": expand})

    def attachment(self, attachment_id: str) -> Json | None:
        return self.get_if_there(f"rest/api/content/{attachment_id}", {"expand": FILE_EXPAND})

    def titled(self, space: Space, title: str) -> list[Json]:
        # Pages alone: for a blog post the resource wants the day of its posting.
        params = {"spaceKey": space.key, "title": title, "expand": "space,history", "limit": 25}
        return [row for rows in self.pages("rest/api/content", {**params, "type": "page"}) for row in rows]

    def space_readers(self, space: Space) -> frozenset[str]:
        """Who may view the space, as principals; nobody where the list of permissions names none."""
        readers = set()
        permissions = self.client.get(f"rest/api/space/{quote(space.key, safe='')}/permissions")
        if not isinstance(permissions, list):
            raise UnexpectedAnswerError(
                f"Confluence answered the permissions of {space.key} without a list: check URL and deployment."
            )
        for permission in permissions:
            if str(permission.get("spaceId", space.id)) != space.id:
                continue  # another space has this key by now
            operation = permission.get("operation") or {}
            key = operation.get("operationKey") or operation.get("operation")
            if key == "read" and operation.get("targetType") == "space":
                readers.add(self._subject(permission.get("subject")))
        return frozenset(reader for reader in readers if reader)

    def admits_anonymous(self) -> bool:
        """Whether *Can use* is among the global permissions of anonymous visitors; not where that is not told."""
        try:
            permissions = self.client.get("rest/api/permissions/anonymous")
        except (NotFoundError, AuthenticationError):
            self.current_user()
            log.warning("confluence.anonymous_use_untold")
            return False
        operations = (each.get("operation") or {} for each in permissions if isinstance(each, dict))
        return any(
            each.get("operationKey") == "use" and each.get("targetType") == "application"
            for each in operations
        )

    def user_names(self, ids: Iterable[str]) -> Mapping[str, str]:
        names: dict[str, str] = {}
        for key in ids:
            try:
                user = self.client.get("rest/api/user", {"key": key})
            except (NotFoundError, AuthenticationError):
                continue
            if user.get("displayName"):
                names[key] = user["displayName"]
        return names

    def groups(self) -> Iterator[str]:
        for results in self.pages("rest/api/group", {"limit": 200}):
            yield from (group["name"] for group in results)

    def members(self, group: str) -> Iterator[Person]:
        for results in self.pages(f"rest/api/group/{quote(group, safe='')}/member", {"limit": 200}):
            for user in results:
                yield Person(id=user["userKey"], email=self._email(user))

    def _email(self, user: Json) -> str:
        """A person's e-mail, which only the profile for mobile clients tells; empty where it does not."""
        name = user.get("username") or ""
        if name not in self._emails:
            try:
                profile = self.client.get(f"rest/mobile/1.0/profile/{quote(name, safe='')}")
            except (NotFoundError, AuthenticationError):
                profile = {}
            except (SourceUnavailableError, UnexpectedAnswerError):
                self.current_user()  # raises where it is the site or the account, and not this profile alone
                self._profiles_failed += 1
                if self._profiles_failed > _MOST_IN_A_ROW:
                    raise
                log.warning("confluence.profile_unreadable", user=user.get("userKey"))
                return ""  # asked for again the next time
            self._profiles_failed = 0
            self._emails[name] = profile.get("email") or ""
        return self._emails[name]

    def principal_of_user(self, user: Json) -> str | None:
        return f"user:{user['userKey']}" if user.get("userKey") else None

    def principal_of_group(self, group: Json) -> str | None:
        return f"group:{group['name']}" if group.get("name") else None

    def following(self, answer: Json, params: dict[str, Any]) -> dict[str, Any] | None:
        # The next link counts by the limit that was asked for, not by what a capped page held.
        if next_query(answer) is None:
            return None
        return {**params, "start": params.get("start", 0) + step(answer, params)}

    def _subject(self, subject: object) -> str | None:
        if not isinstance(subject, dict):
            return None
        kind = str(subject.get("type", "")).lower()
        if kind == "anonymous":
            return ANYONE
        return self.principal_of_group(subject) if kind == "group" else self.principal_of_user(subject)
