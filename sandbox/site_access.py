"""Who may read what on a site: the one oracle for the human pages, the permission APIs and the tests.

A page needs its space's permission and the restriction of the page itself and of every ancestor; an issue
needs its project's permission and its security level. Each is a list of principals of whom the reader must be
one. What no list names is open to `anyone`; an empty list shuts everybody out. Who has been deactivated cannot
sign in, and sees what a visitor without an account sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from sandbox.site_people import Directory, User
from sandbox.site_records import IssueRow, PageRow, Principals

ANYONE: Principals = ("anyone",)


class Permissions(Protocol):
    """The part of a site that the rules look at."""

    directory: Directory
    pages: dict[str, PageRow]
    space_permissions: dict[str, Principals]
    page_restrictions: dict[str, Principals]
    project_permissions: dict[str, Principals]


def admits(directory: Directory, principals: Iterable[str], user: User | None) -> bool:
    """Whether one of the principals is this user (`None`: a visitor without an account)."""
    if user is None or not user.active:
        return "anyone" in principals
    return any(_is_principal(directory, principal, user) for principal in principals)


def _is_principal(directory: Directory, principal: str, user: User) -> bool:
    if principal == "anyone":
        return True
    kind, _, name = principal.partition(":")
    if kind == "user":
        return name == user.id
    group = directory.groups.get(name)
    return group is not None and user.id in group.member_ids


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


def rules_of_issue(site: Permissions, issue: IssueRow) -> Iterator[Principals]:
    yield site.project_permissions.get(issue.project, ANYONE)
    if issue.security is not None:
        yield issue.security.principals


def may_read_page(site: Permissions, user: User | None, page: PageRow) -> bool:
    return page.status == "current" and all(
        admits(site.directory, rule, user) for rule in rules_of_page(site, page)
    )


def may_read_issue(site: Permissions, user: User | None, issue: IssueRow) -> bool:
    return all(admits(site.directory, rule, user) for rule in rules_of_issue(site, issue))
