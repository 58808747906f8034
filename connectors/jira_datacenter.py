"""Jira Data Center, REST v2: texts as wiki markup.

Source: https://developer.atlassian.com/server/jira/platform/rest/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from connectors.atlassian import AtlassianClient, Json
from connectors.batches import batches
from connectors.errors import (
    AuthenticationError,
    BrokenAnswerError,
    NotFoundError,
    ServerFaultError,
    UnexpectedAnswerError,
)
from connectors.jira_api import JiraApi, SingleFailures, Unfetched, rows_of

_ISSUES_AT_ONCE = 100
_ROWS_AT_ONCE = 1000
_ALL_GROUPS = 10_000


class DataCenterJira(JiraApi):
    """People are user keys, groups are names."""

    version = "2"

    def __init__(self, client: AtlassianClient) -> None:
        super().__init__(client)
        self._keys: dict[str, str | None] = {}

    def issues(self, jql: str, fields: tuple[str, ...]) -> Iterator[Json | Unfetched]:
        """The issues of a query, paged by offset; one that cannot be fetched is named instead."""
        params: dict[str, Any] = {"jql": jql, "fields": ",".join(fields)}
        start, size = 0, _ISSUES_AT_ONCE if "comment" in fields else _ROWS_AT_ONCE
        while True:
            try:
                answer = self.client.get(
                    self.path("search"), {**params, "startAt": start, "maxResults": size}
                )
            except (ServerFaultError, BrokenAnswerError):
                if size == 1:
                    raise
                size = max(1, size // 5)
                continue
            rows = rows_of(answer, "issues", "search")
            yield from rows
            start += len(rows)
            if not rows or start >= answer.get("total", start + 1):
                return

    def issues_by_id(self, ids: Iterable[str], fields: tuple[str, ...]) -> Iterator[Json | Unfetched]:
        """In batches, but one by one where a search refuses a batch because an id in it is gone."""
        failures = SingleFailures()
        for batch in batches(ids, _ISSUES_AT_ONCE):
            params = {"jql": f"id in ({','.join(batch)})", "fields": ",".join(fields)}
            try:
                answer = self.client.get(self.path("search"), {**params, "maxResults": len(batch)})
            except (ServerFaultError, UnexpectedAnswerError):
                found = (self._issue(issue_id, fields, failures) for issue_id in batch)
                yield from filter(None, found)
            else:
                yield from rows_of(answer, "issues", "search")

    def _issue(
        self, issue_id: str, fields: tuple[str, ...], failures: SingleFailures
    ) -> Json | Unfetched | None:
        try:
            issue: Json = self.client.get(self.path(f"issue/{issue_id}"), {"fields": ",".join(fields)})
        except NotFoundError:
            return None
        except AuthenticationError:
            self.myself()  # an account that is refused everywhere says nothing about this issue
            return None
        except (ServerFaultError, BrokenAnswerError) as exc:
            return failures.blame(issue_id, exc)
        failures.forget()
        return issue

    def count(self, jql: str) -> int | None:
        answer = self.client.get(self.path("search"), {"jql": jql, "maxResults": 0, "fields": "id"})
        total = answer.get("total") if isinstance(answer, dict) else None
        return total if isinstance(total, int) else None

    def projects(self) -> Iterator[Json]:
        projects = self.client.get(self.path("project"))
        if not isinstance(projects, list):
            raise UnexpectedAnswerError("Jira answered project without a list: check URL and deployment.")
        yield from projects

    def groups(self) -> Iterator[str]:
        answer = self.client.get(self.path("groups/picker"), {"query": "", "maxResults": _ALL_GROUPS})
        for group in rows_of(answer, "groups", "groups/picker"):
            yield group["name"]

    def members(self, group: str) -> Iterator[Json]:
        return self.listed("group/member", {"groupname": group}, "values", size=50)

    def level_holders(self, level_id: str) -> list[Json]:
        """Nobody: no REST resource of Data Center tells who is in a security level."""
        return []

    def user_id(self, user: Json) -> str | None:
        """The user's key; role actors carry only the name, which can pass to another person."""
        if user.get("key"):
            return str(user["key"])
        name = user.get("name")
        if not name:
            return None
        if name not in self._keys:
            try:
                self._keys[name] = self.client.get(self.path("user"), {"username": name}).get("key")
            except NotFoundError:
                self._keys[name] = None
        return self._keys[name]

    def group_id(self, group: Json) -> str | None:
        return group.get("name")
