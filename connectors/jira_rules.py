"""Names of Jira's access rules: which project, level, role or ticket, and which people of the ticket count.

``project:10000``, ``project:10000?assignee=acc-1&reporter=acc-2``, ``security:10100:10000``, ``issue:4711``,
``role:10000:10002``. Ids only: keys and names of projects change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode


class RuleKind(StrEnum):
    """What a rule is about."""

    #: Who may browse a project.
    PROJECT = "project"
    #: Who is in a security level, in a project.
    SECURITY = "security"
    #: Who sees a single ticket.
    ISSUE = "issue"
    #: Who has a role in a project.
    ROLE = "role"


_IDS = {RuleKind.PROJECT: 1, RuleKind.SECURITY: 2, RuleKind.ISSUE: 1, RuleKind.ROLE: 2}


@dataclass(frozen=True, kw_only=True)
class RuleName:
    """A name in its parts; ``people`` are user ids by the field of the ticket that they are in."""

    kind: RuleKind
    ids: tuple[str, ...]
    people: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        name = ":".join((self.kind, *self.ids))
        return f"{name}?{urlencode(sorted(self.people.items()))}" if self.people else name

    @classmethod
    def parse(cls, name: str) -> RuleName:
        """The parts of a name. Raises KeyError for one that is not of this form."""
        path, _, query = name.partition("?")
        kind, *ids = path.split(":")
        if kind not in _IDS or len(ids) != _IDS[RuleKind(kind)] or not all(ids):
            raise KeyError(name)
        return cls(kind=RuleKind(kind), ids=tuple(ids), people=dict(parse_qsl(query)))
