"""Whether the account may make every kind of call that reading takes, and what it is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from connectors.errors import AuthenticationError, NotFoundError, ScopeError, UnexpectedAnswerError
from connectors.jira_api import JiraApi
from connectors.jira_cloud import CloudJira
from connectors.jira_datacenter import DataCenterJira
from connectors.jira_fields import missing_fields
from connectors.jira_people import admitting_groups
from connectors.jira_projects import Project, Projects

_PEOPLE_TO_LOOK_AT = 50


class JiraCheck:
    """One real call of each kind."""

    def __init__(self, api: JiraApi, projects: Projects, fields: tuple[str, ...]) -> None:
        self._api = api
        self._projects = projects
        self._fields = fields
        self._url = api.client.site.url

    def sentence(self) -> str:
        """As whom, how much, in which time zone. Raises AuthenticationError with a sentence for each missing right."""
        account = self._api.myself()
        shown = self._projects.now()
        shown.require_all()
        projects = shown.projects
        missing = [*self._missing(projects[0])]
        if missing:
            raise AuthenticationError(" ".join(dict.fromkeys(missing)))
        person = account.get("displayName") or "an account without a name"
        zone = account.get("timeZone")
        remarks = f"; its time zone is {zone}" if zone else ""
        if admitting_groups(self._api) is None:
            remarks += (
                "; it is not shown who may use Jira at all (give it Administer Jira), so that people without access "
                "read what their groups may"
            )
        return f"Signed in to {self._url} as {person}; {len(projects)} projects to read{remarks}."

    def _missing(self, project: Project) -> Iterator[str]:
        site = f"{self._url} does not show this account"
        ask = (
            (
                lambda: next(self._api.search(f'project = "{project.key}"', ("key",)), None),
                f"{site} the tickets of {project.key}: give it Browse Projects there.",
            ),
            (
                lambda: self._api.permission_grants(project.id),
                f"{site} who may browse {project.key}: give it Administer Projects there, or Administer Jira.",
            ),
            (
                lambda: self._api.project_roles(project.id),
                f"{site} the roles of {project.key}: give it Administer Projects there, or Administer Jira.",
            ),
        )
        yield from filter(None, (_refusal(call, sentence) for call, sentence in ask))
        levels = f"{site} who may see tickets with a security level: give it {self._level_right()}."
        refused = _refusal(self._levels, levels)
        if refused and self._uses_levels():
            yield refused
        yield from self._people()
        yield from self._unknown_fields()

    def _levels(self) -> object:
        if isinstance(self._api, DataCenterJira):
            issue = next(self._api.search("order by created desc", ("key",)), None)
            return self._api.viewers(issue["key"]) if issue else None
        return next(self._api.listed("issuesecurityschemes/level/member", {}, "values", size=1), None)

    def _uses_levels(self) -> bool:
        """Whether there are tickets that nobody would be shown for want of this right."""
        try:
            for scope in self._projects.scopes(self._projects.known().projects):
                if next(self._api.search(f"{scope} and level is not EMPTY", ("key",)), None):
                    return True
        except UnexpectedAnswerError:
            return True  # a site that cannot search for levels may have them
        except (AuthenticationError, NotFoundError):
            return False  # it shows no tickets at all, which is said already
        return False

    def _level_right(self) -> str:
        return "Administer Jira" if isinstance(self._api, CloudJira) else "Browse Users"

    def _people(self) -> Iterator[str]:
        """Groups that show their people, and people with e-mail addresses."""
        people: list[bool] = []
        groups = 0

        def look() -> None:
            nonlocal groups
            for group in self._api.groups():
                groups += 1
                members = islice(self._api.members(group), _PEOPLE_TO_LOOK_AT - len(people))
                people.extend(bool(member.get("emailAddress")) for member in members)
                if len(people) >= _PEOPLE_TO_LOOK_AT or any(people):
                    return

        hidden = (
            f"{self._url} does not show this account the groups and their people: "
            "give it Browse Users and Groups (on Data Center also Administer Jira)."
        )
        refused = _refusal(look, hidden)
        if refused or not groups:
            yield refused or hidden
        elif people and not any(people):
            yield (
                f"{self._url} shows this account nobody's e-mail address, so that nobody could be told from another: "
                "read as a site admin, or let people show their address."
            )

    def _unknown_fields(self) -> Iterator[str]:
        if not self._fields:
            return
        for name in missing_fields(self._api.fields(), self._fields):
            yield f"{self._url} has no field {name}: correct the name or take it from the configuration."


def _refusal(call: Callable[[], object], sentence: str) -> str | None:
    """What to say where the site does not answer (Atlassian hides with 404 as well as with 403)."""
    try:
        call()
    except ScopeError as exc:
        return str(exc)  # the token's scopes are at fault, and not the account's rights
    except (AuthenticationError, NotFoundError):
        return sentence
    return None
