"""Confluence Cloud: spaces, permissions and single pages by API v2; search, restrictions and people by API v1.

Source: https://developer.atlassian.com/cloud/confluence/rest/v1/intro/ and …/v2/intro/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.atlassian import Json
from connectors.batches import batches
from connectors.confluence_api import KEYS_AT_ONCE, Body, ConfluenceApi, Person, Space, next_query, step
from connectors.confluence_single import read_attachment, read_page, titled_pages
from connectors.documents import ANYONE

_USERS_AT_ONCE = 100


class CloudConfluence(ConfluenceApi):
    """People are account ids, groups are group ids, paging is by cursor."""

    def spaces(self, keys: tuple[str, ...] | None) -> Iterator[Space]:
        queries: list[dict[str, Any]] = [{"limit": 250, "status": "current"}]
        if keys is not None:
            queries = [{"limit": 250, "keys": ",".join(some)} for some in batches(keys, KEYS_AT_ONCE)]
        for params in queries:
            for results in self.pages("api/v2/spaces", params):
                for space in results:
                    yield Space(id=str(space["id"]), key=space["key"], name=space.get("name") or space["key"])

    def download_path(self, attachment: Json, page_id: str) -> str | None:
        # Of the API: the link in the row is of the web site, which takes no token with scopes.
        return f"/rest/api/content/{page_id}/child/attachment/{attachment['id']}/download"

    def page(self, page_id: str, body: Body | None) -> Json | None:
        return read_page(self, page_id, body)

    def attachment(self, attachment_id: str) -> Json | None:
        return read_attachment(self, attachment_id)

    def titled(self, space: Space, title: str) -> list[Json]:
        return titled_pages(self, space, title)

    def space_readers(self, space: Space) -> frozenset[str]:
        readers = set()
        for results in self.pages(f"api/v2/spaces/{space.id}/permissions", {"limit": 250}):
            for permission in results:
                operation = permission.get("operation") or {}
                if operation.get("key") == "read" and operation.get("targetType") == "space":
                    readers.add(_principal(permission.get("principal") or {}))
        return frozenset(reader for reader in readers if reader)

    def user_names(self, ids: Iterable[str]) -> Mapping[str, str]:
        names: dict[str, str] = {}
        for batch in batches(ids, _USERS_AT_ONCE):
            answer = self.client.get("rest/api/user/bulk", {"accountId": batch})
            for user in answer.get("results", []):
                name = user.get("displayName") or user.get("publicName")
                if name:
                    names[user["accountId"]] = name
        return names

    def groups(self) -> Iterator[str]:
        for results in self.pages("rest/api/group", {"limit": 200}):
            yield from (group["id"] for group in results)

    def members(self, group: str) -> Iterator[Person]:
        for results in self.pages(f"rest/api/group/{group}/membersByGroupId", {"limit": 200}):
            for user in results:
                yield Person(id=user["accountId"], email=user.get("email") or "")

    def principal_of_user(self, user: Json) -> str | None:
        return f"user:{user['accountId']}" if user.get("accountId") else None

    def principal_of_group(self, group: Json) -> str | None:
        return f"group:{group['id']}" if group.get("id") else None

    def following(self, answer: Json, params: dict[str, Any]) -> dict[str, Any] | None:
        query = next_query(answer)
        if query is None:
            return None
        if "cursor" in query:
            return {**params, "cursor": query["cursor"]}
        return {**params, "start": params.get("start", 0) + step(answer, params)}


def _principal(principal: Json) -> str | None:
    """Roles are not resolved and grant nothing, but for the class of visitors who are not signed in."""
    kind, identity = str(principal.get("type", "")).lower(), principal.get("id")
    if kind in {"anonymous", "role", "access_class"} and (
        kind == "anonymous" or identity == "anonymous-users"
    ):
        return ANYONE
    return f"{kind}:{identity}" if kind in {"user", "group"} and identity else None
