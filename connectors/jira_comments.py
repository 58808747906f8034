"""Who may read a comment: everybody who sees the ticket, a role or group, or the service desk's agents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.atlassian import Deployment, Json
from connectors.documents import AccessRule
from connectors.jira_access import JiraAccess, project_id
from connectors.jira_api import JiraApi

#: The role whose people are a service desk's agents, under its name on every site.
_AGENTS = "Service Desk Team"
_INTERNAL = "sd.public.comment"


class CommentReaders:
    """Rules of comments: none for one that everybody reads, None for one that is left out."""

    def __init__(self, api: JiraApi, access: JiraAccess, *, restricted: bool, internal: bool) -> None:
        """Take comments in as asked.

        Args:
            restricted: those for a role or a group, for those.
            internal: a service desk's internal notes, for its agents.
        """
        self._api = api
        self._access = access
        self._restricted = restricted
        self._internal = internal
        self._properties_needed = api.client.site.deployment is Deployment.DATACENTER

    def complete(self, issue: Json) -> None:
        """Read the comments that did not come with the issue: a server gives the newest, ``total`` tells the truth.

        In a service desk of Data Center all are read: they tell only in a list whether they are internal.
        """
        comments = issue["fields"].get("comment") or {}
        given = comments.get("comments") or []
        if comments.get("total", 0) > len(given) or (given and self._hides_notes(issue)):
            comments["comments"] = list(self._api.comments(str(issue["id"])))
        if self._hides_notes(issue):
            for comment in comments.get("comments") or ():
                comment.setdefault("jsdPublic", _public_property(comment))

    def rules(self, issue: Json, comment: Json) -> tuple[AccessRule, ...] | None:
        """What a reader of the comment must satisfy beside the ticket's rules; None: nobody reads it here."""
        rules: list[AccessRule | None] = []
        if comment.get("visibility") is not None:
            rules.append(self._visibility_rule(issue, comment["visibility"]) if self._restricted else None)
        if is_internal(comment):
            agents = self._access.role_rule(project_id(issue), _AGENTS) if self._internal else None
            rules.append(agents)
        found = tuple(rule for rule in rules if rule is not None)
        return found if len(found) == len(rules) else None

    def _visibility_rule(self, issue: Json, visibility: Any) -> AccessRule | None:
        if not isinstance(visibility, dict):
            return None
        value, identifier = visibility.get("value"), visibility.get("identifier")
        if visibility.get("type") == "role":
            project = project_id(issue)
            named = self._access.role_rule(project, str(value))
            return named or self._access.role_rule(project, str(identifier))
        if visibility.get("type") == "group":
            group = self._api.group_id({"groupId": identifier, "name": value})
            if group:
                return AccessRule(name=f"group:{group}", principals=frozenset({f"group:{group}"}))
        return None

    def _hides_notes(self, issue: Json) -> bool:
        project = issue["fields"].get("project") or {}
        return self._properties_needed and project.get("projectTypeKey") == "service_desk"


def is_public(comment: Json) -> bool:
    """Whether everybody who sees the issue sees the comment: no role or group alone, no internal note."""
    return comment.get("visibility") is None and not is_internal(comment)


def is_internal(comment: Json) -> bool:
    """Whether it is a note of a service desk's agents, or may be one."""
    return comment.get("jsdPublic", True) is not True


def restricted_comments(comments: Iterable[Json]) -> list[Json]:
    """Those that only some may read."""
    return [comment for comment in comments if not is_public(comment)]


def _public_property(comment: Json) -> bool:
    """What Data Center's list tells of a comment in a service desk: where it tells no properties, it may be internal.

    Comments have no such property that were not written through the service desk; its customers see them.
    """
    properties = comment.get("properties")
    if not isinstance(properties, list):
        return False
    values = [entry.get("value") for entry in properties if entry.get("key") == _INTERNAL]
    return all(isinstance(value, dict) and str(value.get("internal")).lower() == "false" for value in values)
