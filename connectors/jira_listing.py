"""Every ticket with the names of its rules, without reading any: keys by the thousand, security levels apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import structlog

from connectors.atlassian import Json
from connectors.documents import AccessRule, Listed
from connectors.errors import (
    BrokenAnswerError,
    ConnectorError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)
from connectors.failures import SingleFailures
from connectors.jira_access import RULE_FIELDS, JiraAccess
from connectors.jira_api import JiraApi
from connectors.jira_projects import Project, Projects

log = structlog.get_logger(__name__)

#: By creation, so that edits during the run move no row.
_ORDER = "order by created asc, key asc"

Rules = tuple[AccessRule, ...]


@dataclass(frozen=True, kw_only=True)
class _Kinds:
    """Projects by what one needs to know to name the rules of their tickets."""

    #: The key and the level of a ticket.
    plain: tuple[Project, ...]
    #: Its people or its own restriction too.
    personal: tuple[Project, ...]
    #: Who knows: their schemes cannot be read just now, because of the problem.
    failing: tuple[Project, ...]
    problem: ConnectorError | None


class TicketListing:
    """Lists the tickets of the projects that are read."""

    def __init__(self, api: JiraApi, access: JiraAccess, projects: Projects) -> None:
        self._api = api
        self._access = access
        self._projects = projects

    def tickets(self) -> Iterator[Listed]:
        """All tickets, each with its rules.

        Raises ConnectorError at the end where a named project is not shown, or does not tell who may browse it.
        """
        shown = self._projects.now()
        kinds = self._sorted(shown.projects)
        by_key = {project.key: project for project in kinds.plain}
        for scope in self._projects.scopes(kinds.plain):
            levelled = self._levelled(scope)
            if levelled is None:
                yield from self._where_levels_are_told(scope)
            else:
                yield from self._by_key(scope, by_key, levelled)
        for scope in self._projects.scopes(kinds.personal):
            yield from self._with_rules(scope)
        for scope in self._projects.scopes(kinds.failing):
            for row in self._api.search(f"{scope} {_ORDER}", ("key",)):
                yield Listed(id=str(row["id"]))
        shown.require_all()
        if kinds.problem:
            raise kinds.problem

    def _sorted(self, projects: Iterable[Project]) -> _Kinds:
        """By what their rules take. Raises the error of projects that fail one after the other: the site does."""
        plain: list[Project] = []
        personal: list[Project] = []
        failing: list[Project] = []
        problem: ConnectorError | None = None
        failures = SingleFailures()
        for project in projects:
            try:
                depends = self._access.depends_on_tickets(project.id)
            except (SourceUnavailableError, BrokenAnswerError) as exc:
                failures.blame(exc)
                log.warning("jira.scheme_unreadable", project=project.key)
                failing.append(project)
                problem = exc
                continue
            failures.forget()
            (personal if depends or project.team_managed else plain).append(project)
        return _Kinds(plain=tuple(plain), personal=tuple(personal), failing=tuple(failing), problem=problem)

    def _by_key(
        self, scope: str, projects: dict[str, Project], levelled: dict[str, Rules]
    ) -> Iterator[Listed]:
        """A key says in which project a ticket is; those with a security level are known already."""
        for row in self._api.search(f"{scope} {_ORDER}", ("key",)):
            ticket, key = str(row["id"]), str(row.get("key") or "")
            project = projects.get(key.rpartition("-")[0])
            usual = self._access.project_rules(project.id) if project else None
            yield Listed(id=ticket, access_rules=levelled.get(ticket, usual))

    def _with_rules(self, scope: str) -> Iterator[Listed]:
        """With the fields that the rules are made of, which is slower."""
        for row in self._api.search(f"{scope} {_ORDER}", RULE_FIELDS):
            yield Listed(id=str(row["id"]), access_rules=self._rules(row))

    def _where_levels_are_told(self, scope: str) -> Iterator[Listed]:
        """As :meth:`_with_rules`, on a site whose search knows no levels: a ticket that comes without the field may
        have one that the account is not shown there, so that what its reading told stays."""
        for row in self._api.search(f"{scope} {_ORDER}", RULE_FIELDS):
            told = "security" in (row.get("fields") or {})
            yield Listed(id=str(row["id"]), access_rules=self._rules(row) if told else None)

    def _levelled(self, scope: str) -> dict[str, Rules] | None:
        """The rules of the tickets with a security level; None on a site that does not know levels in searches."""
        try:
            rows = list(self._api.search(f"{scope} and level is not EMPTY {_ORDER}", RULE_FIELDS))
        except BrokenAnswerError:
            raise
        except UnexpectedAnswerError:
            log.info("jira.search_without_levels")
            return None
        # Rules that cannot be told are no rules: nobody reads such a ticket until they can be.
        return {str(row["id"]): self._rules(row) or () for row in rows}

    def _rules(self, row: Json) -> Rules | None:
        try:
            return self._access.rules(row)
        except (KeyError, TypeError, AttributeError):
            log.warning("jira.rules_unreadable", issue=str(row.get("id")))
            return None
