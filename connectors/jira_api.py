"""What both Jiras have in common on the wire: issues in batches, offset paging, permissions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.atlassian import AtlassianClient, Json
from connectors.batches import batches
from connectors.errors import (
    AuthenticationError,
    BrokenAnswerError,
    ConnectorError,
    NotFoundError,
    ServerFaultError,
    UnexpectedAnswerError,
)

log = structlog.get_logger(__name__)

ISSUES_AT_ONCE = 100
_MOST_IN_A_ROW = 3


@dataclass(frozen=True, kw_only=True)
class Unfetched:
    """An issue that exists and that could not be read."""

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
    def search(self, jql: str, fields: Sequence[str]) -> Iterator[Json]:
        """All issues that match, with ``id`` and these fields; ``key`` alone is the cheapest."""

    @abstractmethod
    def bulk(self, ids: Sequence[str], fields: Sequence[str]) -> list[Json]:
        """The issues with these ids (at most a hundred), as far as they exist and the account sees them."""

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
    def level_members(self) -> list[Json]:
        """Who may see issues of which security level: ``issueSecurityLevelId`` with a ``holder``."""

    @abstractmethod
    def user_id(self, user: Json) -> str | None:
        """The id of a user in an answer, as in ``user:<id>``."""

    @abstractmethod
    def group_id(self, group: Json) -> str | None:
        """The id of a group in an answer, as in ``group:<id>``."""

    @abstractmethod
    def attachment_path(self, attachment: Json) -> str:
        """Where the bytes of an attachment are, relative to the site's URL."""

    def issues_by_id(self, ids: Iterable[str], fields: Sequence[str]) -> Iterator[Json | Unfetched]:
        """The issues with these ids; those that are gone or closed to the account are left out."""
        failures = SingleFailures()
        for batch in batches(ids, ISSUES_AT_ONCE):
            yield from self._fetched(batch, fields, failures)

    def _fetched(
        self, ids: Sequence[str], fields: Sequence[str], failures: SingleFailures
    ) -> Iterator[Json | Unfetched]:
        """A batch that breaks is cut in two until the one at fault is found."""
        try:
            rows = self.bulk(ids, fields)
        except (ServerFaultError, UnexpectedAnswerError) as exc:
            if len(ids) > 1:
                middle = len(ids) // 2
                yield from self._fetched(ids[:middle], fields, failures)
                yield from self._fetched(ids[middle:], fields, failures)
            elif isinstance(exc, ServerFaultError | BrokenAnswerError):
                yield failures.blame(ids[0], exc)
            else:
                raise
            return
        failures.forget()
        yield from rows

    def issue(self, issue_id: str, fields: Sequence[str]) -> Json | None:
        """One issue, read from the database; None where it is gone or closed to the account."""
        try:
            found: Json = self.client.get(self.path(f"issue/{issue_id}"), {"fields": ",".join(fields)})
        except NotFoundError:
            return None
        except AuthenticationError:
            self.myself()  # an account that is refused everywhere says nothing about this issue
            return None
        return found

    def myself(self) -> Json:
        """The account that reads."""
        account: Json = self.client.get(self.path("myself"))
        return account

    def project(self, id_or_key: str) -> Json:
        """One project, under any key that it ever had, with its ``lead``."""
        project: Json = self.client.get(self.path(f"project/{id_or_key}"))
        return project

    def permission_grants(self, project: str) -> list[Json]:
        """The permissions of a project's scheme with their holders."""
        path = self.path(f"project/{project}/permissionscheme")
        scheme = self.client.get(path, {"expand": "permissions,user,group,projectRole"})
        grants: list[Json] = scheme.get("permissions") or []
        return grants

    def project_roles(self, project: str) -> dict[str, str]:
        """The ids of a project's roles by their names."""
        answer = self.client.get(self.path(f"project/{project}/role"))
        return {str(name): str(url).rstrip("/").rpartition("/")[2] for name, url in answer.items()}

    def role_actors(self, project: str, role_id: str) -> list[Json]:
        """The people and groups that have a role in a project."""
        answer = self.client.get(self.path(f"project/{project}/role/{role_id}"))
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

    def fields(self) -> list[Json]:
        """All fields that tickets can have."""
        answer = self.client.get(self.path("field"))
        if not isinstance(answer, list):
            raise UnexpectedAnswerError("Jira answered field without a list: check URL and deployment.")
        return answer

    def comments(self, issue_id: str) -> Iterator[Json]:
        """All comments of an issue, oldest first."""
        yield from self.listed(f"issue/{issue_id}/comment", {"orderBy": "created"}, "comments", size=100)

    def listed(self, path: str, params: dict[str, Any], name: str, *, size: int) -> Iterator[Json]:
        """The rows of a list with ``startAt``; a server may give fewer at a time than it was asked for.

        Rows that are too large to be given together are asked for in smaller numbers.
        """
        start = 0
        while True:
            try:
                answer = self.client.get(self.path(path), {**params, "startAt": start, "maxResults": size})
            except (ServerFaultError, BrokenAnswerError):
                if size == 1:
                    raise
                size = max(1, size // 5)
                continue
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
