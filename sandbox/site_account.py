"""What the account sees as whom API clients are signed in: everything, what a certain user sees, or less.

A test takes access away from the connector's account here: what the account does not see is not listed, not found
and answered 404 by id, as a real site does it.
"""

from __future__ import annotations

from typing import Any

from sandbox.errors import ChangeError
from sandbox.site_access import (
    ANYONE,
    admits,
    ancestors,
    is_permitted_page,
    is_visible_comment,
    may_browse,
    may_read_issue,
)
from sandbox.site_people import AccountView
from sandbox.site_records import IssueRow, PageRow
from sandbox.site_state import Site

KINDS = ("space", "page", "project", "issue")


def read_view(site: Site, data: dict[str, Any]) -> AccountView:
    """From `{"sees": "everything" or "as:<user>", "hides": [...]}`; raises ChangeError."""
    sees, hides, reader = str(data.get("sees", "everything")), data.get("hides", []), None
    if sees != "everything":
        reader = site.directory.find(sees.removeprefix("as:"))
        if reader is None or not sees.startswith("as:"):
            raise ChangeError(
                f"{sees!r} is nobody's view: write everything or as:<user id, login or e-mail>."
            )
    if not isinstance(hides, list) or not all(str(each).partition(":")[0] in KINDS for each in hides):
        raise ChangeError("'hides' is a list of space:<key>, page:<id>, project:<key> and issue:<key>.")
    return AccountView(reader=reader, hides=frozenset(map(str, hides)))


class Sight:
    """Whether the account sees a thing of the site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._view = site.account

    def space(self, key: str) -> bool:
        if f"space:{key}" in self._view.hides:
            return False
        rule = self._site.space_permissions.get(key, ANYONE)
        return self._view.reader is None or admits(self._site.directory, rule, self._view.reader)

    def page(self, page: PageRow) -> bool:
        if not self._view.is_limited:
            return True
        chain = [page, *ancestors(self._site.pages, page)]
        hidden = {f"space:{page.space}", *(f"page:{each.id}" for each in chain)}
        if hidden & self._view.hides:
            return False
        return self._view.reader is None or is_permitted_page(self._site, self._view.reader, page)

    def project(self, key: str) -> bool:
        if f"project:{key}" in self._view.hides:
            return False
        return self._view.reader is None or may_browse(self._site, self._view.reader, key)

    def issue(self, issue: IssueRow) -> bool:
        if {f"project:{issue.project}", f"issue:{issue.key}"} & self._view.hides:
            return False
        return self._view.reader is None or may_read_issue(self._site, self._view.reader, issue)

    def comment(self, issue: IssueRow, comment: dict[str, Any]) -> bool:
        """A comment on an issue that the account sees."""
        reader = self._view.reader
        return reader is None or is_visible_comment(self._site, reader, issue.project, comment)
