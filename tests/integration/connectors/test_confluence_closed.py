"""Confluence spaces, groups and files that the site closes or breaks one by one: the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.confluence_access import RESTRICTIONS
from connectors.confluence_parts import PAGE_EXPAND
from connectors.documents import Listed
from connectors.errors import ConnectorError, NotFoundError, ServerFaultError, SourceUnavailableError
from sandbox import site_changes
from sandbox.site_people import AccountView


def add_page(running: Any, space: str, title: str) -> str:
    """A page in another space, by its id."""
    row = {"space": space, "title": title, "storage": f"<p>{title}.</p>"}
    return str(site_changes.create_page(running.site, row).id)


def rule_of(running: Any, key: str) -> str:
    """The name of a space's rule."""
    return f"space:{running.site.spaces[key].id}"


def remove_space(running: Any, key: str) -> None:
    """As when somebody deletes it."""
    site = running.site
    for page in [page for page in site.pages.values() if page.space == key]:
        del site.pages[page.id]
    del site.spaces[key]
    site.space_permissions.pop(key, None)


def drained(told: Iterable[Any]) -> tuple[list[str], ConnectorError | None]:
    """The ids that come, and what is raised after them."""
    found: list[Listed] = []
    try:
        collect(told, found)
    except ConnectorError as error:
        return [each.id for each in found], error
    return [each.id for each in found], None


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


LISTED = f"{PAGE_EXPAND},{RESTRICTIONS}"
ENG = "space(%20|\\+)(=|%3D)(%20|\\+)%22ENG%22"


@pytest.mark.parametrize("status", [500, 503, 400])
def test_a_space_that_cannot_be_listed_keeps_nothing_of_the_others_back(running: Any, status: int) -> None:
    """What is raised after them keeps anything from counting as gone."""
    page = add_page(running, "OPS", "Boats")
    running.fault(path=ENG, status=status, times=1000)
    found, error = drained(running.confluence().listing())
    assert (found, str(status) in str(error)) == ([page], True)


def test_a_site_that_is_down_is_not_asked_for_space_after_space(running: Any) -> None:
    """The account is asked for as soon as one fails."""
    for number in range(5):
        add_page(running, f"S{number}", "Boats")
    running.fault(path="content/search|user/current", status=503, times=1000)
    found, error = drained(running.confluence().listing())
    assert (found, type(error)) == ([], SourceUnavailableError)
    assert running.requests() < 12


def test_one_row_that_breaks_the_listing_leaves_the_ids_of_its_space(running: Any) -> None:
    """So that a first read reads the pages; nothing is said of their rules and versions."""
    page = add_page(running, "OPS", "Boats")
    running.fault(path=f"{ENG}.*restrictions|restrictions.*{ENG}", status=500, times=1000)
    listed: list[Listed] = []
    with pytest.raises(ServerFaultError):
        collect(running.confluence().listing(), listed)
    told = {each.id: each for each in listed}
    assert set(told) == {"100", "101", "102", "103", "104", page}
    assert (told["102"].access_rules, told["102"].parts) == (None, None)
    assert told[page].parts


def test_comments_that_break_the_listing_leave_the_rules_of_their_space(running: Any) -> None:
    """Who reads the pages is still told; no version is."""
    running.fault(path=f"{ENG}.*comment", status=500, times=1000)
    listed: list[Listed] = []
    with pytest.raises(ServerFaultError):
        collect(running.confluence().listing(), listed)
    whole = {
        each.id: each.access_rules for each in running.confluence().documents([each.id for each in listed])
    }
    assert {each.id: each.access_rules for each in listed} == whole
    assert {each.parts for each in listed} == {None}


def collect(told: Iterable[Listed], into: list[Listed]) -> None:
    """Keep what comes, whatever is raised after it."""
    for each in told:
        into.append(each)


def people(running: Any) -> dict[str, frozenset[str]]:
    """Everybody's principals, by e-mail."""
    return {each.email: each.principals for each in running.confluence().memberships()}


BROKEN_PEOPLE = {"status": 200, "body": {"results": [{"displayName": "Nobody"}], "_links": {}}}


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 500}, {"status": 503}, BROKEN_PEOPLE])
def test_a_group_whose_people_cannot_be_read_has_nobody_in_it(running: Any, fault: dict[str, Any]) -> None:
    """And keeps nobody in the others."""
    before = people(running)
    [group] = before["ann.lee@acme.example"] - before["bo.kim@acme.example"] - {"user:acc-1"} - users(before)
    running.fault(path=f"group/{group.removeprefix('group:')}/member", times=1000, **fault)
    now = people(running)
    assert now["ann.lee@acme.example"] == before["ann.lee@acme.example"] - {group}
    assert {email: now[email] for email in now if "ann" not in email} == {
        email: before[email] for email in before if "ann" not in email
    }


def users(found: dict[str, frozenset[str]]) -> set[str]:
    """The principals of people alone."""
    return {each for principals in found.values() for each in principals if each.startswith("user:")}


def test_where_the_site_is_down_nobody_is_put_out_of_a_group(running: Any) -> None:
    """Those who are known stay."""
    running.fault(path="/member|user/current", status=503, times=1000)
    with pytest.raises(SourceUnavailableError):
        people(running)


@pytest.mark.parametrize("status", [500, 503, 400])
def test_a_profile_that_cannot_be_read_costs_its_person_alone(serve: Callable[..., Any], status: int) -> None:
    """And is asked for again the next time."""
    with serve("datacenter") as running:
        connector = running.confluence()
        running.fault(path="profile/bo.kim", status=status, times=9)
        found = {each.email for each in connector.memberships()}
        assert found == {"ann.lee@acme.example", "cy.fox@acme.example"}
        running.site.traffic.faults.clear()
        assert {each.email for each in connector.memberships()} == found | {"bo.kim@acme.example"}


def test_a_space_that_takes_over_a_key_opens_nothing_of_the_one_before(running: Any) -> None:
    """Its rule is another one, and the old one's is for nobody."""
    site = running.site
    add_page(running, "OPS", "Boats")
    site.space_permissions["OPS"] = ("group:board",)
    connector, old = running.confluence(), rule_of(running, "OPS")
    assert len(connector.rule(old).principals) == 1
    site.space_permissions["OPS"] = ("group:staff",)
    site.spaces["OPS"] = replace(site.spaces["OPS"], id="777777")
    for each in (connector, running.confluence()):
        assert each.rule(old).principals == frozenset()
    assert len(running.confluence().rule("space:777777").principals) == 1


def test_a_space_with_a_new_key_keeps_its_rule(running: Any) -> None:
    """It is the same space."""
    site, name = running.site, rule_of(running, "ENG")
    before = running.confluence().rule(name)
    site.spaces["KEEP"] = replace(site.spaces.pop("ENG"), key="KEEP")
    site.space_permissions["KEEP"] = site.space_permissions.pop("ENG")
    for page in list(site.pages.values()):
        page.space = "KEEP"
    site.changed()
    connector = running.confluence()
    assert connector.rule(name) == before
    assert {each.access_rules[0].name for each in connector.listing()} == {name}


def test_the_listing_takes_the_space_that_the_row_tells(running: Any) -> None:
    """The search's index lags: it still shows a page in the space that it has left."""
    site, connector = running.site, running.confluence()
    add_page(running, "HR", "Pay")
    known = {each.id: each for each in connector.listing()}
    site_changes.update_page(site, site.pages["104"], {"space": "HR", "parent_id": None})
    [row] = next(connector._api.search("id in (104)", expand=LISTED, limit=1))
    answer = {"results": [row], "_links": {}}
    for reading, rule in ((connector, rule_of(running, "HR")), (running.confluence(spaces=("ENG",)), None)):
        running.fault(path=f"{ENG}.*restrictions|restrictions.*{ENG}", status=200, times=1, body=answer)
        moved = {each.id: each for each in reading.listing()}.get("104")
        assert (moved and [each.name for each in moved.access_rules]) == (rule and [rule])
        assert moved is None or moved.parts != known["104"].parts


NOT_LET_IN: list[dict[str, Any]] = [
    {"status": 200, "body": "[]"},
    {"status": 200, "body": '[{"operation": {"targetType": "user", "operationKey": "read"}}]'},
    {"status": 403},
    {"status": 404},
]


@pytest.mark.parametrize("fault", NOT_LET_IN)
def test_an_open_space_is_open_only_where_the_site_is(
    serve: Callable[..., Any], fault: dict[str, Any]
) -> None:
    """Data Center tells whether visitors may use the site at all; where it does not tell, they may not."""
    with serve("datacenter") as running:
        running.site.space_permissions["ENG"] = ("anyone", "group:staff")
        name = rule_of(running, "ENG")
        assert running.confluence().rule(name).principals == {"anyone", "group:staff"}
        running.fault(path="permissions/anonymous", times=1, **fault)
        assert running.confluence().rule(name).principals == {"group:staff"}


def test_whether_the_site_is_open_is_asked_once_for_all_spaces(serve: Callable[..., Any]) -> None:
    """With each pass."""
    with serve("datacenter") as running:
        for key in ("OPS", "HR"):
            add_page(running, key, "Boats")
        connector, names = running.confluence(), [rule_of(running, key) for key in ("OPS", "HR")]
        assert [connector.rule(name).principals for name in names] == [{"anyone"}, {"anyone"}]
        assert running.requests() == 4
