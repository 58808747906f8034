"""Who is in which group of a Jira, as far as they are let in at all."""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from connectors.documents import Membership
from connectors.errors import AuthenticationError, NotFoundError, UnexpectedAnswerError
from connectors.jira_api import JiraApi
from connectors.people import memberships_of, people_in_groups

log = structlog.get_logger(__name__)


def jira_memberships(api: JiraApi) -> Iterator[Membership]:
    """Everybody in any group, by e-mail, but who has no access to any of Jira's products.

    Jira lets only those in who are in a group of one of its applications; a scheme may name other groups, in which
    there may be people who never see Jira. Where the site does not tell those groups, all people count.
    """
    found = people_in_groups(api.groups(), lambda group: _people(api, group), api.myself)
    rows = [(person, email, group) for group, (person, email) in found]
    admitting = admitting_groups(api)
    if not admitting:
        log.warning("jira.access_untold", refused=admitting is None)
    else:
        users = {person for person, _, group in rows if group in admitting}
        rows = [row for row in rows if row[0] in users]
    return memberships_of(rows)


def admitting_groups(api: JiraApi) -> set[str] | None:
    """The ids of the groups whose people may use Jira; None where the account is not shown them.

    Source: https://support.atlassian.com/user-management/docs/give-users-access-to-apps/
    """
    try:
        groups = {api.group_id(group) for group in api.application_groups("")}
    except (AuthenticationError, NotFoundError):
        api.myself()
        return None
    return {group for group in groups if group}


def _people(api: JiraApi, group: str) -> Iterator[tuple[str, str]]:
    """Ids and e-mail addresses of the active people in a group."""
    for user in api.members(group):
        if not isinstance(user, dict):
            raise UnexpectedAnswerError(f"Jira told the people of the group {group} in an unknown form.")
        if user.get("active", True):
            yield api.user_id(user) or "", user.get("emailAddress") or ""
