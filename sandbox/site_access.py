"""Who may read what on a site: the one oracle for the human pages, the permission APIs and the tests.

A page needs its space's permission and the restriction of the page itself and of every ancestor; an issue
needs its project's permission and its security level; a comment on an issue needs its own visibility as well.
Each is a list of principals of whom the reader must be one. What no list names is open to `anyone`; an empty list
shuts everybody out. Who has been deactivated cannot sign in, and sees what a visitor without an account sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from sandbox.site_people import Directory, User
from sandbox.site_records import IssueRow, PageRow, Principals

ANYONE: Principals = ("anyone",)
SERVICE_DESK_TEAM = "Service Desk Team"
"""The role whose actors read internal notes; in a project without it everybody who sees the issue reads them."""

PLAIN_KINDS = ("group", "user", "anyone")
JIRA_KINDS = (*PLAIN_KINDS, "role", "reporter", "assignee", "lead", "applicationRole")
NAMED_KINDS = ("group", "user", "role")


class Permissions(Protocol):
    """The part of a site that the rules look at."""

    directory: Directory
    pages: dict[str, PageRow]
    space_permissions: dict[str, Principals]
    page_restrictions: dict[str, Principals]
    project_permissions: dict[str, Principals]
    project_roles: dict[str, dict[str, Principals]]
    project_leads: dict[str, str]
    application_roles: dict[str, Principals]


def is_principal(text: str, *, jira: bool = False) -> bool:
    """Whether this is how a principal is written."""
    kind, _, name = text.partition(":")
    if kind not in (JIRA_KINDS if jira else PLAIN_KINDS):
        return False
    return bool(name) if kind in NAMED_KINDS else not name or kind == "applicationRole"


def admits(directory: Directory, principals: Iterable[str], user: User | None) -> bool:
    """Whether one of the principals is this user (`None`: a visitor without an account)."""
    if user is None or not user.active:
        return "anyone" in principals
    return any(_is_principal(directory, principal, user) for principal in principals)


def admits_in_project(
    site: Permissions,
    principals: Iterable[str],
    user: User | None,
    project: str,
    issue: IssueRow | None = None,
) -> bool:
    """As `admits`, for principals that depend on the project or the issue.

    Asked for a whole project (no issue), reporters and assignees are everybody: whoever may browse as a reporter
    makes the project itself visible to all users, as in Jira.
    """
    if user is None or not user.active:
        return "anyone" in principals
    return any(_holds(site, principal, user, project, issue) for principal in principals)


def _holds(site: Permissions, principal: str, user: User, project: str, issue: IssueRow | None) -> bool:
    kind, _, name = principal.partition(":")
    if kind == "role":
        return admits(site.directory, site.project_roles.get(project, {}).get(name, ()), user)
    if kind == "lead":
        return _same(site, site.project_leads.get(project), user)
    if kind == "applicationRole":
        return user.listed and (
            not name or admits(site.directory, site.application_roles.get(name, ()), user)
        )
    if kind in ("reporter", "assignee"):
        if issue is None:
            return True
        return _same(site, issue.reporter if kind == "reporter" else issue.assignee, user)
    return _is_principal(site.directory, principal, user)


def _same(site: Permissions, reference: str | None, user: User) -> bool:
    found = site.directory.find(reference)
    return found is not None and found.id == user.id


def _is_principal(directory: Directory, principal: str, user: User) -> bool:
    if principal == "anyone":
        return True
    kind, _, name = principal.partition(":")
    if kind == "user":
        return name == user.id
    group = directory.groups.get(name)
    return kind == "group" and group is not None and user.id in group.member_ids


def ancestors(pages: dict[str, PageRow], page: PageRow) -> list[PageRow]:
    """The page's ancestors, the top of the tree first."""
    chain: list[PageRow] = []
    seen = {page.id}
    parent = pages.get(page.parent_id or "")
    while parent is not None and parent.id not in seen:
        seen.add(parent.id)
        chain.append(parent)
        parent = pages.get(parent.parent_id or "")
    return chain[::-1]


def rules_of_page(site: Permissions, page: PageRow) -> Iterator[Principals]:
    yield site.space_permissions.get(page.space, ANYONE)
    for each in [*ancestors(site.pages, page), page]:
        if each.id in site.page_restrictions:
            yield site.page_restrictions[each.id]


def may_read_page(site: Permissions, user: User | None, page: PageRow) -> bool:
    """A page in the trash is read by nobody; an archived one by its readers. The same goes for what hangs on it."""
    return page.status != "trashed" and is_permitted_page(site, user, page)


def is_permitted_page(site: Permissions, user: User | None, page: PageRow) -> bool:
    """Whether the rules let the user see the page, in the trash or not."""
    return all(admits(site.directory, rule, user) for rule in rules_of_page(site, page))


def may_browse(site: Permissions, user: User | None, project: str) -> bool:
    """Whether the project is visible to the user."""
    return admits_in_project(site, site.project_permissions.get(project, ANYONE), user, project)


def may_read_issue(site: Permissions, user: User | None, issue: IssueRow) -> bool:
    rules = [site.project_permissions.get(issue.project, ANYONE)]
    if issue.security is not None:
        rules.append(issue.security.principals)
    return all(admits_in_project(site, rule, user, issue.project, issue) for rule in rules)


def may_read_issue_comment(
    site: Permissions, user: User | None, issue: IssueRow, comment: dict[str, Any]
) -> bool:
    """`comment` is the stored JSON; its `visibility` names a role or group, `jsdPublic` false is an internal note."""
    return may_read_issue(site, user, issue) and is_visible_comment(site, user, issue.project, comment)


def is_visible_comment(site: Permissions, user: User | None, project: str, comment: dict[str, Any]) -> bool:
    """Whether the comment's own limits let the user see it."""
    visibility = comment.get("visibility")
    if visibility:
        principal = f"{visibility['type']}:{visibility['value']}"
        if not admits_in_project(site, (principal,), user, project):
            return False
    team = site.project_roles.get(project, {}).get(SERVICE_DESK_TEAM)
    return comment.get("jsdPublic", True) or team is None or admits(site.directory, team, user)
