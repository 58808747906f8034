"""One real call of each kind that a Confluence is read with, and in one sentence what an account is missing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from connectors.atlassian import Deployment
from connectors.confluence_access import RESTRICTIONS
from connectors.confluence_api import ConfluenceApi, Person, Space
from connectors.confluence_query import of_space, zone_of
from connectors.confluence_spaces import Spaces
from connectors.errors import AuthenticationError, NotFoundError
from connectors.rights import needed

_GROUPS_ASKED = 20
_PEOPLE_ASKED = 10


def check_access(api: ConfluenceApi, spaces: Spaces) -> str:
    """As whom and to what the account gets, with remarks.

    Raises:
        AuthenticationError: something is missing without which documents or rules cannot be read.
    """
    user, url = api.current_user(), api.client.site.url
    person = user.get("displayName") or user.get("publicName") or "an account without a name"
    with needed(
        f"{url} does not show this account its spaces: let it use Confluence, "
        "and give a token with scopes read:space:confluence."
    ):
        next(api.spaces(spaces.keys), None)
    shown = spaces.shown()
    shown.require_all()
    found = shown.spaces
    _check_content(api, found[0])
    with needed(
        f"{url} does not show this account who may view the space {found[0].key}: give it "
        "administration of the space on Data Center (9.1 or newer), and on Cloud a token that reads spaces "
        "(scope read:space:confluence)."
    ):
        api.space_readers(found[0])
    _check_people(api)
    return f"Signed in to {url} as {person}; {len(found)} spaces to read." + _zone_remark(
        user.get("timeZone")
    )


def _check_content(api: ConfluenceApi, space: Space) -> None:
    url = api.client.site.url
    with needed(
        f"{url} does not let this account search pages: let it view the space {space.key}, and give a token "
        "with scopes search:confluence and read:confluence-content.all."
    ):
        rows = next(
            api.search(of_space(space.key, ["page"]), expand=f"body.storage,{RESTRICTIONS}", limit=1), []
        )
    if rows:
        with needed(
            f"{url} does not let this account read single pages and files: give a token with scopes "
            "read:page:confluence, read:content.metadata:confluence and read:attachment:confluence."
        ):
            api.page(str(rows[0]["id"]), "storage")
            api.attachment(str(rows[0]["id"]))  # there is none of this id: it is only whether we may ask
        with needed(
            f"{url} does not show this account who may read single pages: give a token with scopes "
            "read:confluence-content.all."
        ):
            next(api.restrictions(str(rows[0]["id"])), None)


def _check_people(api: ConfluenceApi) -> None:
    url = api.client.site.url
    with needed(
        f"{url} does not show this account the groups and their people: let it use Confluence and see people's "
        "profiles, and give a token with scopes read:confluence-groups and read:confluence-user."
    ):
        if next(api.groups(), None) is None:
            raise NotFoundError("no group")
        people = list(islice(_people(api), _PEOPLE_ASKED))
    if people and not any(person.email for person in people):
        cloud = api.client.site.deployment is Deployment.CLOUD
        remedy = (
            "let the organisation manage their accounts or let people show their e-mail in their profiles"
            if cloud
            else "make the account an administrator, or show e-mail addresses to people who are signed in"
        )
        raise AuthenticationError(f"{url} does not show this account anybody's e-mail address: {remedy}.")


def _people(api: ConfluenceApi) -> Iterator[Person]:
    for group in islice(api.groups(), _GROUPS_ASKED):
        yield from islice(api.members(group), _PEOPLE_ASKED)


def _zone_remark(name: object) -> str:
    zone = zone_of(name)
    if zone is None:
        return " Its time zone is unknown, so that every refresh looks back a day more: set it to UTC."
    if zone.key not in {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Etc/UCT", "UCT", "Zulu"}:
        return f" Its time zone is {zone.key}: UTC is safer where clocks change."
    return ""
