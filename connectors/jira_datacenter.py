"""Jira Data Center, REST v2: texts as wiki markup.

Source: https://developer.atlassian.com/server/jira/platform/rest/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from connectors.atlassian import AtlassianClient, Json
from connectors.errors import BrokenAnswerError, NotFoundError, ServerFaultError, UnexpectedAnswerError
from connectors.jira_api import JiraApi, rows_of

_ROWS_AT_ONCE = 1000
_ALL_GROUPS = 10_000


class DataCenterJira(JiraApi):
    """People are user keys, groups are names."""

    version = "2"

    def __init__(self, client: AtlassianClient) -> None:
        super().__init__(client)
        self._keys: dict[str, str | None] = {}

    def search(self, jql: str, fields: Sequence[str]) -> Iterator[Json]:
        """Paged by offset. Every page begins with the last row of the one before: where it does not, rows before it
        have gone meanwhile, those behind it have moved up, and the walk goes back to what it has seen."""
        params: dict[str, Any] = {"jql": jql, "fields": ",".join(fields)}
        start, size = 0, _ROWS_AT_ONCE
        seen: set[str] = set()
        while True:
            try:
                answer = self.client.get(
                    self.path("search"), {**params, "startAt": start, "maxResults": size}
                )
            except (ServerFaultError, BrokenAnswerError):
                if size == 2:
                    raise
                size = max(2, size // 5)
                continue
            rows = rows_of(answer, "issues", "search")
            if start and (not rows or str(rows[0]["id"]) not in seen):
                start = max(0, start - max(len(rows), size // 10, 1))
                continue
            fresh = [row for row in rows if str(row["id"]) not in seen]
            seen.update(str(row["id"]) for row in fresh)
            yield from fresh
            end = start + len(rows)
            if end >= answer.get("total", end + 1) or (not fresh and len(rows) < 2):
                return
            start = end - 1

    def bulk(self, ids: Sequence[str], fields: Sequence[str]) -> list[Json]:
        """By search, which may refuse all of them because one is gone; those that it does not find and the last one
        alone from the database, because a search knows what is new only after a while."""
        if len(ids) == 1:
            issue = self.issue(ids[0], fields)
            return [] if issue is None else [issue]
        params = {"jql": f"id in ({','.join(ids)})", "fields": ",".join(fields), "maxResults": len(ids)}
        answer = self.client.get(self.path("search"), {**params, "validateQuery": "false"})
        rows = rows_of(answer, "issues", "search")
        missing = set(ids) - {str(row["id"]) for row in rows}
        return rows + [found for each in sorted(missing) if (found := self.issue(each, fields)) is not None]

    def comments(self, issue_id: str) -> Iterator[Json]:
        """With their properties, which alone tell an internal note here."""
        params = {"orderBy": "created", "expand": "properties"}
        yield from self.listed(f"issue/{issue_id}/comment", params, "comments", size=100)

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
        return self.listed(
            "group/member", {"groupname": group, "includeInactiveUsers": "false"}, "values", size=50
        )

    def level_members(self) -> list[Json]:
        """Nobody: no REST resource of Data Center tells who is in a security level."""
        return []

    def viewers(self, issue_key: str) -> list[Json]:
        """The active people who may see an issue, level included; a site tells the first hundred to thousand."""
        params = {"issueKey": issue_key, "username": ".", "maxResults": 1000}
        answer = self.client.get(self.path("user/viewissue/search"), params)
        if not isinstance(answer, list):
            raise UnexpectedAnswerError("Jira answered user/viewissue/search without a list.")
        return answer

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

    def attachment_path(self, attachment: Json) -> str:
        """Built from id and name: the address that the site gives may be that of another host."""
        return f"secure/attachment/{attachment['id']}/{quote(str(attachment['filename']), safe='')}"
