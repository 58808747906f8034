"""Confluence spaces, groups and files that the site closes or breaks one by one: the others go on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.errors import ConnectorError, NotFoundError
from sandbox import site_changes
from sandbox.site_people import AccountView


def add_page(running: Any, space: str, title: str) -> str:
    """A page in another space, by its id."""
    row = {"space": space, "title": title, "storage": f"<p>{title}.</p>"}
    return str(site_changes.create_page(running.site, row).id)


def rule_of(running: Any, key: str) -> str:
    """The name of a space's rule."""
    return f"space:{key}"


def remove_space(running: Any, key: str) -> None:
    """As when somebody deletes it."""
    site = running.site
    for page in [page for page in site.pages.values() if page.space == key]:
        del site.pages[page.id]
    del site.spaces[key]
    site.space_permissions.pop(key, None)


def drained(told: Iterable[Any]) -> tuple[list[str], ConnectorError | None]:
    """The ids that come, and what is raised after them."""
    found: list[str] = []
    try:
        for each in told:
            found.append(each.id)  # noqa: PERF401 - what came before the error counts
    except ConnectorError as error:
        return found, error
    return found, None


@pytest.mark.parametrize("closed", [True, False])
def test_a_named_space_that_is_not_shown_keeps_nothing_of_the_others_back(running: Any, closed: bool) -> None:
    """Deleted or closed to the account: nobody reads it, and the others are listed, told and read."""
    page = add_page(running, "OPS", "Boats")
    connector = running.confluence(spaces=("ENG", "OPS"))
    names = {key: rule_of(running, key) for key in ("ENG", "OPS")}
    assert connector.rule(names["ENG"]).principals
    since = datetime.now(UTC) - timedelta(minutes=1)
    if closed:
        running.site.account = AccountView(hides=frozenset({"space:ENG"}))
    else:
        remove_space(running, "ENG")
    found, error = drained(connector.listing())
    assert (found, type(error)) == ([page], NotFoundError)
    assert "space ENG" in str(error)
    assert connector.rule(names["ENG"]).principals == frozenset()
    assert connector.rule(names["OPS"]).principals == {"anyone"}
    assert [each.id for each in connector.documents(["100", page, "102/att1"])] == [page]
    told, error = drained(connector.changes(since))
    assert (told, type(error)) == ([page], NotFoundError)


def test_a_source_of_which_no_space_is_shown_is_closed(running: Any) -> None:
    """Nothing is gone, and no rule is told."""
    connector = running.confluence(spaces=("ENG",))
    name = rule_of(running, "ENG")
    running.site.account = AccountView(hides=frozenset({"space:ENG"}))
    for told in (connector.listing(), connector.documents(["100"]), connector.documents(["102/att1"])):
        assert isinstance(drained(told)[1], NotFoundError)
    with pytest.raises(NotFoundError):
        connector.rule(name)
