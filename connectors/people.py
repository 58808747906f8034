"""Who is who in a source: people by e-mail, with the groups that they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import structlog

from connectors.documents import Membership
from connectors.errors import (
    AuthenticationError,
    ConnectorError,
    NotFoundError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)

log = structlog.get_logger(__name__)

Person = TypeVar("Person")

#: What one group alone can be the cause of.
_OF_ONE_GROUP = (AuthenticationError, NotFoundError, SourceUnavailableError, UnexpectedAnswerError)
#: So many groups that fail one after the other are a site that is down; each takes as long as all its tries.
_MOST_IN_A_ROW = 10


def people_in_groups(
    groups: Iterable[str], members: Callable[[str], Iterable[Person]], sign_in: Callable[[], object]
) -> Iterator[tuple[str, Person]]:
    """The people of each group, none of whom counts before the group is read to its end.

    A group whose people cannot be read has nobody in it, so that it keeps nobody in the others.

    Args:
        sign_in: asked when a group fails, raises where account or site are at fault.

    Raises:
        ConnectorError: of ``sign_in``; of the groups where none, or too many in a row, cannot be read.
    """
    problem: ConnectorError | None = None
    shown, failures = False, 0
    for group in groups:
        try:
            people = list(members(group))
        except _OF_ONE_GROUP as exc:
            sign_in()
            problem, failures = exc, failures + 1
            if failures == _MOST_IN_A_ROW:
                raise
            log.warning("people.group_unreadable", group=group, error=type(exc).__name__)
            continue
        shown, failures = True, 0
        yield from ((group, person) for person in people)
    if problem and not shown:
        raise problem


def memberships_of(members: Iterable[tuple[str, str, str]]) -> Iterator[Membership]:
    """Memberships from ``(person id, e-mail, group id)`` rows, in which a person comes once per group.

    People whose e-mail the source hides are left out: nobody could be matched to them. Two accounts of one
    address become one membership with what both may read.
    """
    principals: dict[str, set[str]] = {}
    for person, email, group in members:
        if email:
            principals.setdefault(email.strip().lower(), set()).update({f"user:{person}", f"group:{group}"})
    for email, found in principals.items():
        yield Membership(email=email, principals=frozenset(found))
