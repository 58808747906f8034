"""Who may read a ticket: the project's browsers and, where it has a security level, the level's members.

A ticket carries only the names of its rules. Where a scheme has holders who are others on each ticket (its reporter,
its assignee), the name says who they are, and :meth:`JiraAccess.rule` counts them as long as the scheme has them.
"""

from __future__ import annotations

from connectors.atlassian import Json
from connectors.documents import AccessRule
from connectors.jira_api import JiraApi
from connectors.jira_datacenter import DataCenterJira
from connectors.jira_holders import TICKET_HOLDERS, Holders
from connectors.jira_memory import Memory
from connectors.jira_rules import RuleKind, RuleName

#: What :meth:`JiraAccess.rules` needs of a ticket.
RULE_FIELDS = ("project", "security", "issuerestriction", *TICKET_HOLDERS)
#: The rule of a ticket that a team-managed project shows to some roles alone: what Jira says of them is nowhere
#: documented, so that nobody satisfies it.
_RESTRICTED = AccessRule(name="restricted", principals=frozenset())
#: How old an answer may be (seconds) that only decides which people of a ticket its rule names.
_OLD = 3600.0
#: And one that grants: as many rules are asked for in a row, each of them needs the same parts.
_FRESH = 10.0


class JiraAccess:
    """Names the rules of tickets, and tells who satisfies them."""

    def __init__(self, api: JiraApi) -> None:
        self._api = api
        self._memory = Memory()
        self._holders = Holders(api, self._memory)
        #: Keys of tickets with a level, by id, as they were seen last.
        self._keys: dict[str, str] = {}

    def forget(self) -> None:
        """A pass begins that wants to know how things are now."""
        self._memory.forget()

    def rules(self, issue: Json) -> tuple[AccessRule, ...]:
        """The names of all rules of an issue that came with :data:`RULE_FIELDS`."""
        project, level = project_id(issue), issue["fields"].get("security")
        browsers = self._holders.browsers(project, _OLD)
        names = [RuleName(kind=RuleKind.PROJECT, ids=(project,), people=self._people(issue, browsers))]
        if level and isinstance(self._api, DataCenterJira):
            names.append(RuleName(kind=RuleKind.ISSUE, ids=(str(issue["id"]),)))
            self._keys[str(issue["id"])] = str(issue["key"])
        elif level:
            members = self._holders.of_level(str(level["id"]), _OLD)
            people = self._people(issue, members)
            names.append(RuleName(kind=RuleKind.SECURITY, ids=(str(level["id"]), project), people=people))
        rules = tuple(AccessRule(name=str(name), principals=None) for name in names)
        restriction = issue["fields"].get("issuerestriction")
        return (*rules, _RESTRICTED) if restriction and restriction.get("issuerestrictions") != {} else rules

    def rules_now(self, issue: Json) -> tuple[AccessRule, ...]:
        """As :meth:`rules`, and who satisfies those whose name is the same whatever the ticket's level."""
        return tuple(self._told(rule) for rule in self.rules(issue))

    def project_rules(self, project: str) -> tuple[AccessRule, ...]:
        """The rules of a ticket without a level, in a project that does not depend on its tickets' people."""
        return (AccessRule(name=str(RuleName(kind=RuleKind.PROJECT, ids=(project,))), principals=None),)

    def depends_on_tickets(self, project: str) -> bool:
        """Whether one needs to know a ticket's people to name the rule of its project."""
        return any(holder.get("type") in TICKET_HOLDERS for holder in self._holders.browsers(project, _OLD))

    def role_rule(self, project: str, role: str) -> AccessRule | None:
        """The rule of a role of a project, by its name or id; None where the project has no such role."""
        roles = self._holders.roles(project, _OLD)
        found = roles.get(role) or (role if role in roles.values() else None)
        if found is None:
            return None
        return AccessRule(name=str(RuleName(kind=RuleKind.ROLE, ids=(project, found))), principals=None)

    def rule(self, name: str) -> AccessRule:
        """Who satisfies a rule now; nobody where the site does not tell. Raises KeyError for another's name."""
        asked = RuleName.parse(name)
        return AccessRule(name=name, principals=self._principals(asked))

    def _told(self, rule: AccessRule) -> AccessRule:
        if rule.principals is None and RuleName.parse(rule.name).kind is RuleKind.ISSUE:
            return self.rule(rule.name)
        return rule

    def _principals(self, asked: RuleName) -> frozenset[str]:
        if asked.kind is RuleKind.ISSUE:
            return self._viewers(asked.ids[0])
        if asked.kind is RuleKind.ROLE:
            project, role = asked.ids
            return frozenset(self._holders.role(project, role, _FRESH))
        if asked.kind is RuleKind.SECURITY:
            level, project = asked.ids
            holders = self._holders.of_level(level, _FRESH)
        else:
            project = asked.ids[0]
            holders = self._holders.browsers(project, _FRESH)
        return self._holders.principals(holders, project, asked.people, _FRESH)

    def _viewers(self, issue_id: str) -> frozenset[str]:
        """Who sees this ticket. Data Center tells it for a ticket, and not who is in a level: a level may name the
        reporter or a field, so that one ticket of a level says nothing about another."""
        api = self._api
        if not isinstance(api, DataCenterJira):
            return frozenset()
        key = self._keys.pop(issue_id, None)
        if key is None:
            issue = api.issue(issue_id, ("project",))
            if issue is None:
                return frozenset()
            key = str(issue["key"])
        viewers = self._holders.readable(lambda: api.viewers(key), issue=issue_id)
        return frozenset(f"user:{found}" for user in viewers if (found := api.user_id(user)))

    def _people(self, issue: Json, holders: list[Json]) -> dict[str, str]:
        """The people of a ticket who are holders, by their fields."""
        kinds = {str(holder.get("type")) for holder in holders}.intersection(TICKET_HOLDERS)
        people = {kind: self._api.user_id(issue["fields"].get(kind) or {}) for kind in kinds}
        return {kind: person for kind, person in people.items() if person}


def project_id(issue: Json) -> str:
    """The id of the project that an issue is in."""
    return str(issue["fields"]["project"]["id"])
