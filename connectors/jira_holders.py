"""Holders of a permission, as Jira's schemes name them, to principals.

A holder that is not understood, or whose people cannot be read, grants nothing: a reader too few is a question, a
reader too many is a leak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import structlog

from connectors.atlassian import Json
from connectors.documents import ANYONE
from connectors.errors import AuthenticationError, BrokenAnswerError, NotFoundError, UnexpectedAnswerError
from connectors.jira_api import JiraApi
from connectors.jira_memory import Memory

log = structlog.get_logger(__name__)

#: Holders that are other people on every ticket: who is in the field of that name.
TICKET_HOLDERS = ("assignee", "reporter")
_ROLE = "projectRole"


class Holders:
    """Reads who holds what, each part once in ``max_age`` seconds."""

    def __init__(self, api: JiraApi, memory: Memory) -> None:
        self._api = api
        self._memory = memory

    def browsers(self, project: str, max_age: float) -> list[Json]:
        """The holders of the permission to browse a project."""
        grants = self._rows("scheme", lambda: self._api.permission_grants(project), max_age, project)
        return [grant.get("holder") or {} for grant in grants if grant.get("permission") == "BROWSE_PROJECTS"]

    def of_level(self, level: str, max_age: float) -> list[Json]:
        """The holders of a security level."""
        members = self._rows("levels", self._api.level_members, max_age)
        return [
            member.get("holder") or {}
            for member in members
            if str(member.get("issueSecurityLevelId")) == level
        ]

    def principals(
        self, holders: Iterable[Json], project: str, people: Mapping[str, str], max_age: float
    ) -> frozenset[str]:
        """Everybody whom the holders mean in a project, on a ticket with these people."""
        found: set[str] = set()
        for holder in holders:
            kind = str(holder.get("type"))
            if kind in TICKET_HOLDERS:
                found.update(_principals("user", [people.get(kind)]))
            else:
                found.update(self._holder(kind, holder, project, max_age))
        return frozenset(found)

    def role(self, project: str, role: str, max_age: float) -> list[str]:
        """The people and groups that have a role in a project."""
        found: list[str] = []
        for actor in self._rows("role", lambda: self._api.role_actors(project, role), max_age, project, role):
            named = {"name": actor.get("name")}
            if "group" in str(actor.get("type")):
                found += _principals("group", [self._api.group_id(actor.get("actorGroup") or named)])
            else:
                found += _principals("user", [self._api.user_id(actor.get("actorUser") or named)])
        return found

    def roles(self, project: str, max_age: float) -> dict[str, str]:
        """The ids of a project's roles by their names."""
        [roles] = self._rows("roles", lambda: [self._api.project_roles(project)], max_age, project) or [{}]
        return roles

    def readable(self, ask: Callable[[], list[Json]], **what: str) -> list[Json]:
        """The rows; none where they are refused or hidden. A site that is out of order as a whole raises, and an
        account that is refused everywhere."""
        try:
            return ask()
        except BrokenAnswerError:
            raise
        except (AuthenticationError, NotFoundError, UnexpectedAnswerError) as exc:
            self._api.myself()
            log.warning("jira.permission_unreadable", error=type(exc).__name__, **what)
        return []

    def _rows(self, about: str, ask: Callable[[], list[Json]], max_age: float, *ids: str) -> list[Json]:
        def once() -> list[Json]:
            return self.readable(ask, about=about, ids=":".join(ids))

        return self._memory.get((about, *ids), once, max_age=max_age)

    def _holder(self, kind: str, holder: Json, project: str, max_age: float) -> list[str]:
        parameter = holder.get("parameter")
        if kind == "anyone":
            return [ANYONE]
        if kind in {"group", "user"}:
            return self._named(kind, holder)
        if kind == _ROLE:
            role = parameter or holder.get("value")
            return self.role(project, str(role), max_age) if role else []
        if kind == "projectLead":
            whole = self._rows("project", lambda: [self._api.project(project)], max_age, project)
            return _principals("user", [self._api.user_id(found.get("lead") or {}) for found in whole])
        if kind == "applicationRole":
            # "Any logged in user" and "any user of this application", the default of many sites, are groups.
            role = str(parameter or "")
            groups = self._rows("users", lambda: self._api.application_groups(role), max_age, role)
            return _principals("group", map(self._api.group_id, groups))
        log.info("jira.holder_ignored", holder=kind, project=project)
        return []

    def _named(self, kind: str, holder: Json) -> list[str]:
        parameter, value = holder.get("parameter"), holder.get("value")
        if kind == "group":
            named = {"name": parameter, "groupId": value}
            return _principals(
                kind, [self._api.group_id(holder.get("group") or {}) or self._api.group_id(named)]
            )
        user = holder.get("user") or {"accountId": parameter, "key": parameter}
        return _principals(kind, [self._api.user_id(user)])


def _principals(kind: str, identities: Iterable[str | None]) -> list[str]:
    return [f"{kind}:{identity}" for identity in identities if identity]
