"""What both Jiras have in common on the wire, and the offset paging of their lists."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.atlassian import AtlassianClient, Json
from connectors.errors import ConnectorError, UnexpectedAnswerError

log = structlog.get_logger(__name__)

_MOST_IN_A_ROW = 3


@dataclass(frozen=True, kw_only=True)
class Unfetched:
    """An issue that the search found and that could not be read."""

    id: str
    reason: str


class SingleFailures:
    """Tells issues that cannot be read from a site that gives none: more than a few in a row are its fault."""

    def __init__(self) -> None:
        self._in_a_row: list[ConnectorError] = []

    def blame(self, issue_id: str, error: ConnectorError) -> Unfetched:
        """Note that this issue alone could not be read; raises the first error of too many in a row."""
        self._in_a_row.append(error)
        if len(self._in_a_row) > _MOST_IN_A_ROW:
            raise self._in_a_row[0]
        log.warning("jira.issue_unreadable", issue=issue_id)
        return Unfetched(id=issue_id, reason=str(error))

    def forget(self) -> None:
        """Something was read."""
        self._in_a_row.clear()


class JiraApi(ABC):
    """A Jira site; the subclasses know what differs between Cloud and Data Center."""

    #: The version of the REST API: it decides in which format texts come.
    version: str

    def __init__(self, client: AtlassianClient) -> None:
        self.client = client

    @abstractmethod
    def issues(self, jql: str, fields: tuple[str, ...]) -> Iterator[Json | Unfetched]:
        """All issues that match, with these fields."""

    @abstractmethod
    def issues_by_id(self, ids: Iterable[str], fields: tuple[str, ...]) -> Iterator[Json | Unfetched]:
        """The issues with these ids, as far as they exist and the account sees them."""

    @abstractmethod
    def count(self, jql: str) -> int | None:
        """About how many issues match."""

    @abstractmethod
    def projects(self) -> Iterator[Json]:
        """All projects that the account may browse, with id, key and name."""

    @abstractmethod
    def groups(self) -> Iterator[str]:
        """The ids of all groups, as in ``group:<id>``."""

    @abstractmethod
    def members(self, group: str) -> Iterator[Json]:
        """The active people in a group."""

    @abstractmethod
    def level_holders(self, level_id: str) -> list[Json]:
        """Who may see issues of a security level: holders, as in permission schemes."""

    @abstractmethod
    def user_id(self, user: Json) -> str | None:
        """The id of a user in an answer, as in ``user:<id>``."""

    @abstractmethod
    def group_id(self, group: Json) -> str | None:
        """The id of a group in an answer, as in ``group:<id>``."""

    def myself(self) -> Json:
        """The account that reads."""
        account: Json = self.client.get(self.path("myself"))
        return account

    def permission_scheme(self, project_key: str) -> Json:
        """A project's permissions with their holders."""
        path = self.path(f"project/{project_key}/permissionscheme")
        scheme: Json = self.client.get(path, {"expand": "permissions,user,group,projectRole"})
        return scheme

    def role_actors(self, project_key: str, role_id: str) -> list[Json]:
        """The people and groups that have a role in a project."""
        answer = self.client.get(self.path(f"project/{project_key}/role/{role_id}"))
        actors: list[Json] = answer.get("actors") or []
        return actors

    def application_groups(self, role: str) -> list[Json]:
        """The groups that make somebody a user of an application; of any application for the empty string."""
        answer = self.client.get(self.path(f"applicationrole/{role}" if role else "applicationrole"))
        roles: list[Json] = answer if isinstance(answer, list) else [answer]
        groups: list[Json] = []
        for each in roles:
            groups += each.get("groupDetails") or [{"name": name} for name in each.get("groups") or ()]
        return groups

    def comments(self, issue_id: str) -> Iterator[Json]:
        """All comments of an issue, oldest first."""
        yield from self.listed(f"issue/{issue_id}/comment", {"orderBy": "created"}, "comments", size=100)

    def listed(self, path: str, params: dict[str, Any], name: str, *, size: int) -> Iterator[Json]:
        """The rows of a list with ``startAt``; a server may give fewer at a time than it was asked for."""
        start = 0
        while True:
            answer = self.client.get(self.path(path), {**params, "startAt": start, "maxResults": size})
            rows = rows_of(answer, name, path)
            yield from rows
            start += len(rows)
            if not rows or answer.get("isLast") is True or start >= answer.get("total", start + 1):
                return

    def path(self, resource: str) -> str:
        """The path of a resource of the API."""
        return f"rest/api/{self.version}/{resource}"


def rows_of(answer: Any, name: str, path: str) -> list[Json]:
    """The rows of an answer. One without them is an error: it must not be taken for the end of a list."""
    rows = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise UnexpectedAnswerError(f"Jira answered {path} without {name}: check URL and deployment.")
    return rows
