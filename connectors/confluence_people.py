"""Who is in which group of a Confluence."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.confluence_api import ConfluenceApi, Person
from connectors.documents import Membership
from connectors.errors import UnexpectedAnswerError
from connectors.people import memberships_of, people_in_groups


def confluence_memberships(api: ConfluenceApi) -> Iterator[Membership]:
    """Everybody in any group, by e-mail. A group whose people cannot be read has nobody in it."""
    found = people_in_groups(api.groups(), lambda group: _people(api, group), api.current_user)
    return memberships_of((person.id, person.email, group) for group, person in found)


def _people(api: ConfluenceApi, group: str) -> list[Person]:
    try:
        return list(api.members(group))
    except (KeyError, TypeError, AttributeError) as exc:
        raise UnexpectedAnswerError(
            f"Confluence told the people of the group {group} in an unknown form."
        ) from exc
