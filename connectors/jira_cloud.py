"""Jira Cloud, REST v3: ids by search, issues in bulk, texts as ADF.

Source: https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.atlassian import Json
from connectors.errors import UnexpectedAnswerError
from connectors.jira_api import JiraApi, rows_of

#: With ``id`` or ``key`` alone; with more fields the site gives fewer at a time.
_ROWS_AT_ONCE = 5000


class CloudJira(JiraApi):
    """People are account ids, groups are group ids."""

    version = "3"

    def search(self, jql: str, fields: Sequence[str]) -> Iterator[Json]:
        """All issues that match, page after page; the same page twice is an :class:`UnexpectedAnswerError`."""
        body: dict[str, Any] = {"jql": jql, "fields": list(fields), "maxResults": _ROWS_AT_ONCE}
        seen: set[str] = set()
        while True:
            answer = self.client.post(self.path("search/jql"), body)
            yield from rows_of(answer, "issues", "search/jql")
            token = answer.get("nextPageToken")
            if not token or answer.get("isLast") is True:
                return
            if token in seen:
                raise UnexpectedAnswerError("Jira gave the same page of search results twice.")
            seen.add(token)
            body["nextPageToken"] = token

    def bulk(self, ids: Sequence[str], fields: Sequence[str]) -> list[Json]:
        body = {"issueIdsOrKeys": list(ids), "fields": list(fields)}
        answer = self.client.post(self.path("issue/bulkfetch"), body)
        rows = rows_of(answer, "issues", "issue/bulkfetch")
        # Not found is not among the errors, says the specification: these exist and did not fit, or failed.
        wanted = set(ids)
        refused = [
            str(error["id"]) for error in answer.get("issueErrors") or () if str(error.get("id")) in wanted
        ]
        if len(refused) < len(ids):
            return rows + (self.bulk(refused, fields) if refused else [])
        return [issue for issue_id in refused if (issue := self.issue(issue_id, fields)) is not None]

    def projects(self) -> Iterator[Json]:
        return self.listed("project/search", {"orderBy": "key"}, "values", size=100)

    def groups(self) -> Iterator[str]:
        for group in self.listed("group/bulk", {}, "values", size=100):
            yield group["groupId"]

    def members(self, group: str) -> Iterator[Json]:
        return self.listed(
            "group/member", {"groupId": group, "includeInactiveUsers": "false"}, "values", size=100
        )

    def level_members(self) -> list[Json]:
        """Of all levels at once: a site has few."""
        params = {"expand": "user,group,projectRole"}
        return list(self.listed("issuesecurityschemes/level/member", params, "values", size=100))

    def user_id(self, user: Json) -> str | None:
        return user.get("accountId")

    def group_id(self, group: Json) -> str | None:
        return group.get("groupId")

    def attachment_path(self, attachment: Json) -> str:
        """Answers with the bytes, or with a redirect to where they are."""
        return self.path(f"attachment/content/{attachment['id']}")
