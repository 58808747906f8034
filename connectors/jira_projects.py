"""The projects that are read. One that is not shown is a fault of access: a sweep must not take it for emptied.

It keeps nothing of the others back: they are read, and whoever wants to know of all is told at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connectors.atlassian import Json
from connectors.batches import batches
from connectors.errors import AuthenticationError, NotFoundError
from connectors.jira_api import JiraApi
from connectors.jira_memory import Memory

_AT_ONCE = 50
#: Seconds; a pass over everything asks anew anyway.
_OLD = 3600.0


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project; its key and its name can change."""

    id: str
    key: str
    name: str
    #: Whether its tickets can be restricted one by one (Cloud's team-managed projects), which no search tells.
    team_managed: bool = False


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The projects to read that the account is shown, one at least."""

    projects: tuple[Project, ...]
    #: Why others that are named are not among them; None where all are.
    complaint: str | None = None

    def require_all(self) -> None:
        """Raises NotFoundError where a named project is not shown."""
        if self.complaint is not None:
            raise NotFoundError(self.complaint)


class Projects:
    """The named projects (under any key that they ever had), or all that the account may browse."""

    def __init__(self, api: JiraApi, keys: tuple[str, ...] | None) -> None:
        self._api = api
        self._keys = keys
        self._host = api.client.site.url
        self._memory = Memory()

    def now(self) -> Shown:
        """Asked for anew. Raises NotFoundError where none at all is shown."""
        self._memory.forget()
        return self.known()

    def known(self) -> Shown:
        """As they were told lately."""
        return self._memory.get("shown", self._ask, max_age=_OLD)

    def scopes(self, projects: tuple[Project, ...]) -> Iterator[str]:
        """JQL that Cloud accepts as bounded, for some projects at a time."""
        for some in batches(projects, _AT_ONCE):
            yield "project in ({})".format(", ".join(f'"{project.key}"' for project in some))

    def filter(self) -> Callable[[str], bool]:
        """Whether a project, by its id, is read; one that is new is asked about, once for each filter.

        A project that is not shown is not read: what it holds is as good as gone, until it is listed again.
        """
        found = {project.id for project in self.known().projects}
        asked = False

        def contains(project: str) -> bool:
            nonlocal asked
            if project not in found and not asked:
                asked = True
                found.update(each.id for each in self.now().projects)
            return project in found

        return contains

    def _ask(self) -> Shown:
        every = tuple(_project(row) for row in self._api.projects())
        shown = Shown(projects=every) if self._keys is None else self._named(every, self._keys)
        if not shown.projects:
            raise NotFoundError(
                f"{self._host} shows this account none of the projects: check keys and access."
            )
        return shown

    def _named(self, shown: tuple[Project, ...], keys: tuple[str, ...]) -> Shown:
        by_key = {project.key: project for project in shown}
        by_id = {project.id: project for project in shown}
        found = {key: by_key.get(key) or by_id.get(self._renamed(key) or "") for key in keys}
        named = {project.id: project for project in found.values() if project}
        absent = sorted(key for key, project in found.items() if project is None)
        complaint = (
            f"{self._host} does not show this account the project {', '.join(absent)}: "
            "check the key or the account's access."
        )
        projects = tuple(sorted(named.values(), key=_by_key))
        return Shown(projects=projects, complaint=complaint if absent else None)

    def _renamed(self, key: str) -> str | None:
        """The id of the project that had this key once."""
        try:
            return str(self._api.project(key)["id"])
        except (NotFoundError, AuthenticationError):
            return None


def _project(row: Json) -> Project:
    return Project(
        id=str(row["id"]),
        key=str(row["key"]),
        name=str(row.get("name") or row["key"]),
        team_managed=row.get("style") == "next-gen" or row.get("simplified") is True,
    )


def _by_key(project: Project) -> str:
    return project.key
