"""Jira Cloud, REST v3: ids by search, issues in bulk, texts as ADF.

Source: https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from connectors.atlassian import Json
from connectors.batches import batches
from connectors.errors import BrokenAnswerError, ServerFaultError, UnexpectedAnswerError
from connectors.jira_api import JiraApi, SingleFailures, Unfetched, rows_of

_IDS_AT_ONCE = 5000
_ISSUES_AT_ONCE = 100


class CloudJira(JiraApi):
    """People are account ids, groups are group ids."""

    version = "3"

    def issues(self, jql: str, fields: tuple[str, ...]) -> Iterator[Json | Unfetched]:
        return self.issues_by_id(self._ids(jql), fields)

    def issues_by_id(self, ids: Iterable[str], fields: tuple[str, ...]) -> Iterator[Json | Unfetched]:
        failures = SingleFailures()
        for batch in batches(ids, _ISSUES_AT_ONCE):
            yield from self._fetched(batch, fields, failures)

    def count(self, jql: str) -> int | None:
        answer = self.client.post(self.path("search/approximate-count"), {"jql": jql})
        count = answer.get("count") if isinstance(answer, dict) else None
        return count if isinstance(count, int) else None

    def projects(self) -> Iterator[Json]:
        return self.listed("project/search", {"orderBy": "key"}, "values", size=100)

    def groups(self) -> Iterator[str]:
        for group in self.listed("group/bulk", {}, "values", size=100):
            yield group["groupId"]

    def members(self, group: str) -> Iterator[Json]:
        return self.listed("group/member", {"groupId": group}, "values", size=100)

    def level_holders(self, level_id: str) -> list[Json]:
        params = {"levelId": level_id, "expand": "user,group,projectRole"}
        rows = self.listed("issuesecurityschemes/level/member", params, "values", size=100)
        return [row.get("holder") or {} for row in rows]

    def user_id(self, user: Json) -> str | None:
        return user.get("accountId")

    def group_id(self, group: Json) -> str | None:
        return group.get("groupId")

    def _ids(self, jql: str) -> Iterator[str]:
        body: dict[str, Any] = {"jql": jql, "fields": ["id"], "maxResults": _IDS_AT_ONCE}
        seen: set[str] = set()
        while True:
            answer = self.client.post(self.path("search/jql"), body)
            for issue in rows_of(answer, "issues", "search/jql"):
                yield str(issue["id"])
            token = answer.get("nextPageToken")
            if not token or answer.get("isLast") is True:
                return
            if token in seen:
                raise UnexpectedAnswerError("Jira gave the same page of search results twice.")
            seen.add(token)
            body["nextPageToken"] = token

    def _fetched(
        self, ids: list[str], fields: tuple[str, ...], failures: SingleFailures
    ) -> Iterator[Json | Unfetched]:
        """The issues with these ids; a batch that breaks is cut in two until the one at fault is found."""
        body = {"issueIdsOrKeys": ids, "fields": list(fields)}
        try:
            rows = rows_of(self.client.post(self.path("issue/bulkfetch"), body), "issues", "issue/bulkfetch")
        except (ServerFaultError, BrokenAnswerError) as exc:
            if len(ids) == 1:
                yield failures.blame(ids[0], exc)
                return
            middle = len(ids) // 2
            yield from self._fetched(ids[:middle], fields, failures)
            yield from self._fetched(ids[middle:], fields, failures)
            return
        failures.forget()
        # An id without an issue was deleted or closed to the account since the search.
        yield from rows
