"""Jira, Cloud or Data Center, as a source of documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog

from connectors.atlassian import AtlassianClient, Deployment, Json
from connectors.batches import batches
from connectors.documents import Document, Listed, Membership, Unreadable
from connectors.errors import NotFoundError
from connectors.jira_access import IssueAccess, project_key
from connectors.jira_api import JiraApi, Unfetched
from connectors.jira_cloud import CloudJira
from connectors.jira_datacenter import DataCenterJira
from connectors.jira_issues import FIELDS, issue_document
from connectors.people import memberships_of
from connectors.rights import needed

log = structlog.get_logger(__name__)

#: An issue that is being written while the search runs may become visible a little later.
_OVERLAP = timedelta(minutes=10)
_PROJECTS_AT_ONCE = 50
_GATEWAY = "api.atlassian.com"


class JiraConnector:
    """Tickets of some or all projects, with their comments."""

    def __init__(
        self,
        *,
        name: str,
        client: AtlassianClient,
        projects: tuple[str, ...] | None = None,
    ) -> None:
        """Make no call yet.

        Args:
            client: of a Jira, with the context path in its URL where there is one (``https://jira.acme.com/jira``).
            projects: keys; None for all that the account may browse.
        """
        self._name = name
        self._url = client.site.url
        self._deployment = client.site.deployment
        self._keys = projects
        cloud = self._deployment is Deployment.CLOUD
        self._api: JiraApi = CloudJira(client) if cloud else DataCenterJira(client)

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    def check(self) -> str:
        """Sign in and say as whom, after one call of each kind that permissions are read with."""
        person = self._api.myself().get("displayName") or "an account without a name"
        found = self._projects()
        self._check_rights(found[0])
        return f"Signed in to {self._url} as {person}; {len(found)} projects to read."

    def _check_rights(self, project: str) -> None:
        with needed(
            f"{self._url} does not show this account who may browse {project}: "
            "give it Administer Projects there, or Administer Jira."
        ):
            self._api.permission_scheme(project)
        with needed(
            f"{self._url} does not show this account the groups and their people: "
            "give it Browse Users and Groups (on Data Center also Administer Jira)."
        ):
            group = next(self._api.groups(), None)
            if group is None:
                raise NotFoundError("no group")
            next(self._api.members(group), None)

    def estimate(self, since: datetime | None) -> int | None:
        """How many issues match."""
        counts = [self._api.count(jql) for jql in self._queries(since)]
        return None if None in counts else sum(count or 0 for count in counts)

    def changes(self, since: datetime | None) -> Iterator[Document | Unreadable]:
        """All issues, or those that were edited or commented on since ``since``."""
        access, site_url = IssueAccess(self._api), self._browsed_url()
        for jql in self._queries(since):
            for issue in self._api.issues(jql, FIELDS):
                yield self._document(issue, access, site_url)

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """These issues, as far as they are in a project to read."""
        projects = set(self._projects())
        access, site_url = IssueAccess(self._api), self._browsed_url()
        for issue in self._api.issues_by_id(filter(str.isdecimal, ids), FIELDS):
            if isinstance(issue, Unfetched) or project_key(issue) in projects:
                yield self._document(issue, access, site_url)

    def listing(self) -> Iterator[Listed]:
        """Every issue with its rules, without texts."""
        access = IssueAccess(self._api)
        for jql in self._queries(None):
            for issue in self._api.issues(jql, ("project", "security")):
                if isinstance(issue, Unfetched):
                    yield Listed(id=issue.id, access_rules=None)
                else:
                    yield Listed(id=str(issue["id"]), access_rules=access.rules(issue))

    def memberships(self) -> Iterator[Membership]:
        """Everybody in any group, by e-mail."""
        members = (
            (self._api.user_id(user) or "", user.get("emailAddress") or "", group)
            for group in self._api.groups()
            for user in self._api.members(group)
        )
        return memberships_of(members)

    def _document(self, issue: Json | Unfetched, access: IssueAccess, site_url: str) -> Document | Unreadable:
        if isinstance(issue, Unfetched):
            return Unreadable(id=issue.id, external_id=issue.id, reason=issue.reason)
        try:
            self._complete_comments(issue)
            rules = access.rules(issue)
            return issue_document(
                issue, source=self._name, site_url=site_url, deployment=self._deployment, access_rules=rules
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            # A field in a shape that no version of the API documents: this ticket is lost, the rest is not.
            issue_id, key = str(issue.get("id")), str(issue.get("key"))
            log.warning("jira.issue_unreadable", issue=issue_id, error=type(exc).__name__)
            reason = f"Jira gave {key} in a form that could not be read ({type(exc).__name__})."
            return Unreadable(id=issue_id, external_id=key, reason=reason)

    def _complete_comments(self, issue: Json) -> None:
        """An issue carries only its newest comments where there are many; ``total`` tells the truth."""
        comments = issue["fields"].get("comment") or {}
        if comments.get("total", 0) > len(comments.get("comments") or ()):
            comments["comments"] = list(self._api.comments(str(issue["id"])))

    def _projects(self) -> list[str]:
        """The projects to read. One that is not shown is a fault of access: a sweep must not take it for emptied."""
        keys = [project["key"] for project in self._api.projects()]
        missing = sorted(set(self._keys or ()) - set(keys))
        if missing:
            raise NotFoundError(
                f"{self._url} does not show this account the project {', '.join(missing)}: "
                "check the key or the account's access."
            )
        found = keys if self._keys is None else [key for key in keys if key in self._keys]
        if not found:
            raise NotFoundError(
                f"{self._url} shows this account none of the projects: check keys and access."
            )
        return found

    def _queries(self, since: datetime | None) -> Iterator[str]:
        """JQL that Cloud accepts as bounded. By creation, so that edits during the run move no row.

        Dates are milliseconds, which mean the same in every time zone. There is no upper bound: with one, a ticket
        that changes all the time would be missed for ever.
        """
        for keys in batches(self._projects(), _PROJECTS_AT_ONCE):
            jql = "project in ({})".format(", ".join(f'"{key}"' for key in keys))
            if since is not None:
                jql += f" and updated >= {int((since - _OVERLAP).timestamp() * 1000)}"
            yield f"{jql} order by created asc, key asc"

    def _browsed_url(self) -> str:
        """Where people open the site; a token with scopes reads it through Atlassian's gateway instead."""
        if urlsplit(self._url).netloc != _GATEWAY:
            return self._url
        base: str = self._api.client.get(self._api.path("serverInfo"))["baseUrl"]
        return base.rstrip("/")
