"""Jira, Cloud or Data Center, as a source of documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from connectors.atlassian import AtlassianClient, Deployment
from connectors.documents import AccessRule, Changed, Document, Listed, Membership, Unreadable
from connectors.jira_access import JiraAccess
from connectors.jira_api import ISSUES_AT_ONCE, JiraApi
from connectors.jira_attachments import ids_by_ticket
from connectors.jira_check import JiraCheck
from connectors.jira_cloud import CloudJira
from connectors.jira_comments import CommentReaders
from connectors.jira_datacenter import DataCenterJira
from connectors.jira_fields import CustomField, chosen_fields
from connectors.jira_issues import issue_part
from connectors.jira_listing import TicketListing
from connectors.jira_memory import Memory
from connectors.jira_people import jira_memberships
from connectors.jira_projects import Projects
from connectors.jira_tickets import TicketReader
from connectors.times import parse_time

#: A search index may be so far behind. What is told twice and is stored already costs a row of a list.
_OVERLAP = timedelta(hours=1)
#: What the list of fields is good for, seconds.
_OLD = 3600.0


class JiraConnector:
    """Tickets of some or all projects, with their comments and files. Thread-safe."""

    def __init__(
        self,
        *,
        name: str,
        client: AtlassianClient,
        projects: tuple[str, ...] | None = None,
        fields: Mapping[str, str] | tuple[str, ...] = (),
        restricted_comments: bool = False,
        internal_notes: bool = False,
    ) -> None:
        """Make no call yet.

        Args:
            client: of a Jira, with the context path in its URL where there is one (``https://jira.acme.com/jira``).
            projects: keys; None for all that the account may browse.
            fields: custom fields to read by id or name; a mapping says what they are called in documents.
            restricted_comments: take in comments for a role or a group, readable by those alone.
            internal_notes: take in the internal notes of service desks, readable by their agents alone.
        """
        self._name = name
        self._site = client.site
        cloud = self._site.deployment is Deployment.CLOUD
        self._api: JiraApi = CloudJira(client) if cloud else DataCenterJira(client)
        self._projects = Projects(self._api, projects)
        self._access = JiraAccess(self._api)
        self._comments = CommentReaders(
            self._api, self._access, restricted=restricted_comments, internal=internal_notes
        )
        self._wanted: dict[str, str | None] = dict(fields) if isinstance(fields, Mapping) else {}
        self._wanted |= dict.fromkeys(() if isinstance(fields, Mapping) else fields)
        self._memory = Memory()

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    @property
    def batch_size(self) -> int:
        """How many ids :meth:`documents` is best asked for at once."""
        return ISSUES_AT_ONCE

    def check(self) -> str:
        """Sign in and say as whom, after one call of each kind; raises what is missing, a sentence for each."""
        return JiraCheck(self._api, self._projects, tuple(self._wanted)).sentence()

    def changes(self, since: datetime) -> Iterator[Changed]:
        """The tickets that were edited, commented on or given a file, each with its version.

        Dates are milliseconds, which mean the same in every time zone. There is no upper bound: with one, a ticket
        that changes all the time would be missed for ever. By creation, so that edits meanwhile move no row.
        Raises NotFoundError after all others where a named project is not shown.
        """
        start = int((since - _OVERLAP).timestamp() * 1000)
        shown = self._projects.now()
        for scope in self._projects.scopes(shown.projects):
            jql = f"{scope} and updated >= {start} order by created asc, key asc"
            for row in self._api.search(jql, ("updated",)):
                updated = parse_time((row.get("fields") or {}).get("updated"))
                yield Changed(id=str(row["id"]), updated=updated, part=issue_part(updated))
        shown.require_all()

    def listing(self) -> Iterator[Listed]:
        """Every ticket with the names of its rules, mostly for one request in five thousand tickets.

        Raises NotFoundError after all others where a named project is not shown, which is not to be taken for empty.
        """
        self._access.forget()
        return TicketListing(self._api, self._access, self._projects).tickets()

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """These tickets and attachments, as far as they are in a project to read."""
        reader = TicketReader(
            self._api,
            self._access,
            self._comments,
            source=self._name,
            site_url=self._site.browse_url,
            custom=self._custom_fields(),
        )
        in_scope = self._projects.filter()
        tickets = [each for each in ids if each.isascii() and each.isdecimal()]
        files = ids_by_ticket(ids)
        yield from reader.tickets(tickets, in_scope)
        yield from reader.files(files, in_scope)

    def rule(self, name: str) -> AccessRule:
        """Who browses a project, is in a security level, has a role, or sees a ticket (Data Center's levels) now."""
        return self._access.rule(name)

    def memberships(self) -> Iterator[Membership]:
        """Everybody in any group, by e-mail, but who has no access to Jira at all."""
        self._access.forget()
        return jira_memberships(self._api)

    def _custom_fields(self) -> tuple[CustomField, ...]:
        """The fields to read. Data Center has the epic in one of them, and is asked in any case."""
        if not self._wanted and self._site.deployment is Deployment.CLOUD:
            return ()
        fields = self._memory.get("fields", self._api.fields, max_age=_OLD)
        return tuple(chosen_fields(fields, self._wanted))
