"""Who may read an issue: the project's browsers and, where the issue has a security level, the level's members.

Holders that depend on the single issue (reporter, assignee, a custom field) and those that are not understood grant
nothing: a reader too few is a question, a reader too many is a leak.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from connectors.atlassian import Json
from connectors.documents import ANYONE, AccessRule
from connectors.errors import AuthenticationError, NotFoundError
from connectors.jira_api import JiraApi

log = structlog.get_logger(__name__)

_ROLE = "projectRole"


class IssueAccess:
    """Rules by project and by security level, each asked for once."""

    def __init__(self, api: JiraApi) -> None:
        self._api = api
        self._projects: dict[str, AccessRule] = {}
        self._levels: dict[tuple[str, str], AccessRule] = {}
        self._holders: dict[str, list[Json]] = {}

    def rules(self, issue: Json) -> tuple[AccessRule, ...]:
        """All rules of an issue that came with ``project`` and ``security``."""
        project = project_key(issue)
        level = issue["fields"].get("security")
        if not level:
            return (self._project_rule(project),)
        return (self._project_rule(project), self._level_rule(str(level["id"]), project))

    def _project_rule(self, project: str) -> AccessRule:
        if project not in self._projects:
            try:
                granted = self._api.permission_scheme(project).get("permissions") or []
            except (AuthenticationError, NotFoundError):
                log.warning("jira.permissions_unreadable", project=project)
                granted = []
            holders = [
                grant.get("holder") or {} for grant in granted if grant.get("permission") == "BROWSE_PROJECTS"
            ]
            principals = self._principals(holders, project)
            self._projects[project] = AccessRule(name=f"project:{project}", principals=principals)
        return self._projects[project]

    def _level_rule(self, level: str, project: str) -> AccessRule:
        """A level that names roles means other people in each project, and needs a rule for each."""
        if level not in self._holders:
            try:
                self._holders[level] = self._api.level_holders(level)
            except (AuthenticationError, NotFoundError):
                log.warning("jira.security_level_unreadable", level=level)
                self._holders[level] = []
        holders = self._holders[level]
        has_roles = any(holder.get("type") == _ROLE for holder in holders)
        name = f"security:{level}:{project}" if has_roles else f"security:{level}"
        if (level, project) not in self._levels:
            rule = AccessRule(name=name, principals=self._principals(holders, project))
            self._levels[level, project] = rule
        return self._levels[level, project]

    def _principals(self, holders: Iterable[Json], project: str) -> frozenset[str]:
        return frozenset(found for holder in holders for found in self._holder(holder, project) if found)

    def _holder(self, holder: Json, project: str) -> list[str | None]:
        kind = holder.get("type")
        if kind == "anyone":
            return [ANYONE]
        if kind == "group":
            group = holder.get("group") or {}
            value = {"name": holder.get("parameter"), "groupId": holder.get("value")}
            return [_principal("group", self._api.group_id(group) or self._api.group_id(value))]
        if kind == "user":
            user = holder.get("user") or {
                "accountId": holder.get("parameter"),
                "key": holder.get("parameter"),
            }
            return [_principal("user", self._api.user_id(user))]
        if kind == _ROLE:
            return self._actors(project, str(holder.get("parameter") or holder.get("value")))
        if kind == "applicationRole":
            return self._application_users(str(holder.get("parameter") or ""))
        log.info("jira.holder_ignored", holder=kind, project=project)
        return []

    def _application_users(self, role: str) -> list[str | None]:
        """ "Any logged in user" and "any user of this application", the default of many sites, are groups."""
        try:
            groups = self._api.application_groups(role)
        except (AuthenticationError, NotFoundError):
            log.warning("jira.application_role_unreadable", role=role)
            return []
        return [_principal("group", self._api.group_id(group)) for group in groups]

    def _actors(self, project: str, role: str) -> list[str | None]:
        try:
            actors = self._api.role_actors(project, role)
        except (AuthenticationError, NotFoundError):
            log.warning("jira.role_unreadable", project=project, role=role)
            return []
        found = []
        for actor in actors:
            named = {"name": actor.get("name")}
            if "group" in str(actor.get("type")):
                found.append(_principal("group", self._api.group_id(actor.get("actorGroup") or named)))
            else:
                found.append(_principal("user", self._api.user_id(actor.get("actorUser") or named)))
        return found


def project_key(issue: Json) -> str:
    """The key of the project that an issue is in."""
    project = issue["fields"].get("project") or {}
    return str(project.get("key") or issue["key"].rpartition("-")[0])


def _principal(kind: str, identity: str | None) -> str | None:
    return f"{kind}:{identity}" if identity else None
