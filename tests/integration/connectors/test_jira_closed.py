"""What stays closed while a site changes, lags or answers in part: nobody sees more than the site shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from connectors.documents import Changed, Document, Listed, Unreadable
from connectors.errors import ConnectorError, NotFoundError, ServerFaultError
from sandbox import site_changes

START = datetime(2020, 1, 1, tzinfo=UTC)


def listed(running: Any) -> dict[str, Any]:
    """The rules that the listing tells, by id."""
    return {each.id: each.access_rules for each in running.jira().listing()}


def search_path(running: Any) -> str:
    """Where searches are answered."""
    return "/search/jql" if running.deployment == "cloud" else "api/2/search"


def test_a_level_that_cannot_be_understood_closes_its_ticket(running: Any) -> None:
    """It does not fall back to whoever browses the project."""
    project = {"id": "10", "key": "OPS", "name": "Operations"}
    row = {"id": "1003", "key": "OPS-3", "fields": {"project": project, "security": "board"}}
    row["fields"]["issuerestriction"] = "some"
    answer = {"issues": [row], "total": 1, "isLast": True}
    running.fault(path=search_path(running), status=200, times=1, body=answer)
    rules = listed(running)
    assert rules["1003"] == ()
    assert [rule.name for rule in rules["1001"]] == ["project:10"]


def test_where_neither_search_nor_field_tells_of_levels_the_known_rules_stay(running: Any) -> None:
    """A listing that knows of no level must not say that there is none."""
    project = {"id": "10", "key": "OPS", "name": "Operations"}
    row = {"id": "1003", "key": "OPS-3", "fields": {"project": project}}
    levels = {"errorMessages": ["Field 'level' does not exist or you do not have permission to view it."]}
    running.fault(path=search_path(running), status=400, times=1, body=levels)
    answer = {"issues": [row], "total": 1, "isLast": True}
    running.fault(path=search_path(running), status=200, times=1, body=answer)
    assert list(running.jira().listing()) == [Listed(id="1003")]


def told(rows: Iterator[Listed | Changed]) -> set[str]:
    """The ids that come before the named project that is not shown is complained about."""
    found = set()

    def walk() -> None:
        for row in rows:
            found.add(row.id)

    with pytest.raises(NotFoundError, match=r"does not show this account the project HR: check"):
        walk()
    return found


@pytest.mark.parametrize("gone", [False, True])
def test_a_named_project_that_is_not_shown_keeps_nothing_of_the_others_back(running: Any, gone: bool) -> None:
    """They are listed, read and shut; what it held is read by nobody, and the refresh is told at the end."""
    site = running.site
    pay = site_changes.create_issue(site, {"project": "HR", "fields": {"summary": "Pay"}})
    connector = running.jira(projects=("HR", "OPS"))
    documents = {each.id: each for each in connector.documents([pay.id, "1001"])}
    (rule,) = documents[pay.id].access_rules
    if gone:
        site_changes.delete_issue(site, pay)
        del site.projects["HR"]
    else:
        site_changes.set_account(site, {"hides": ["project:HR"]})
    site_changes.set_project_permissions(site, "OPS", ("group:board",))
    for each in (connector, running.jira(projects=("HR", "OPS"))):
        assert told(each.listing()) == {"1001", "1002", "1003"}
        assert told(each.changes(START)) == {"1001", "1002", "1003"}
        assert [document.id for document in each.documents([pay.id, "1001"])] == ["1001"]
        assert list(each.documents([pay.id])) == []
        assert each.rule(rule.name).principals == frozenset()
        assert len(each.rule("project:10").principals) == 1


def test_where_no_project_is_shown_the_account_is_at_fault(running: Any) -> None:
    """Nothing is taken for gone then, and every rule answers nobody."""
    connector = running.jira()
    assert connector.rule("project:10").principals
    site_changes.set_account(running.site, {"hides": ["project:OPS"]})
    connector = running.jira()
    for call in (connector.listing, lambda: connector.changes(START), lambda: connector.documents(["1001"])):
        with pytest.raises(NotFoundError, match="none of the projects"):
            next(call())
    assert connector.rule("project:10").principals == frozenset()


BROKEN_GROUPS = {
    "fault": {"status": 500},
    "unavailable": {"status": 503},
    "refused": {"status": 403},
    "broken off": {"status": 200, "body": '{"values": [{'},
    "a page for people": {"status": 200, "body": "<html>Sorry</html>"},
    "people that are none": {"status": 200, "body": {"values": ["ann.lee"], "isLast": True}},
}


def principals(running: Any) -> dict[str, frozenset[str]]:
    """Everybody's by e-mail."""
    return {person.email: person.principals for person in running.jira().memberships()}


def group_fault(running: Any, name: str, **fault: Any) -> str:
    """Let the people of a group not be read; returns the group as a principal."""
    group = running.site.directory.group(name)
    identity = group.id if running.deployment == "cloud" else group.name
    running.fault(**{"path": rf"group/member\?.*={identity}(&|$)", "times": 100, **fault})
    return f"group:{identity}"


@pytest.mark.parametrize("fault", BROKEN_GROUPS.values(), ids=BROKEN_GROUPS)
def test_a_group_whose_people_cannot_be_read_has_nobody_in_it(running: Any, fault: dict[str, Any]) -> None:
    """The others are read; somebody who left one of them must not stay in it because of this one."""
    before = principals(running)
    site_changes.set_members(running.site, "board", [])
    keepers = group_fault(running, "keepers", **fault)
    with capture_logs() as logs:
        now = principals(running)
    warned = [f"group:{entry['group']}" for entry in logs if entry["event"] == "people.group_unreadable"]
    assert warned == [keepers]
    assert keepers in before["ann.lee@acme.example"]
    assert now["ann.lee@acme.example"] == before["ann.lee@acme.example"] - {keepers}
    assert now["cy.fox@acme.example"] < before["cy.fox@acme.example"]


def test_a_group_that_breaks_off_in_its_middle_counts_as_empty(running: Any) -> None:
    """Its first page is not everybody, and tells nothing about who has left."""
    before = principals(running)
    values = [{"accountId": "acc-1", "key": "ann.lee", "emailAddress": "ann.lee@acme.example"}]
    first = {"values": values, "isLast": False, "total": 2, "startAt": 0}
    group_fault(running, "keepers", status=200, body=first, times=1)
    group = group_fault(running, "keepers", status=500)
    assert principals(running)["ann.lee@acme.example"] == before["ann.lee@acme.example"] - {group}


@pytest.mark.parametrize("status", [401, 500, 503])
def test_where_account_or_site_are_down_nobody_is_put_out_of_a_group(running: Any, status: int) -> None:
    """Those who are known stay."""
    group_fault(running, "keepers", status=status)
    running.fault(path="myself", status=status, times=30)
    with pytest.raises(ConnectorError):
        principals(running)


def test_where_no_group_can_be_read_the_site_is_at_fault(running: Any) -> None:
    """Though the account works."""
    running.fault(path="group/member", status=500, times=100)
    with pytest.raises(ServerFaultError):
        principals(running)


def test_a_ticket_that_is_read_tells_who_sees_its_new_level(serve: Callable[[str], Any]) -> None:
    """On Data Center its rule is called the same whatever the level; a listing leaves it as it is known."""
    with serve("datacenter") as running:
        site, connector = running.site, running.jira()
        before = {rule.name: rule.principals for rule in next(connector.documents(["1003"])).access_rules}
        assert before == {"project:10": None, "issue:1003": {"user:cy.fox"}}
        assert connector.rule("issue:1003").principals == before["issue:1003"]
        site_changes.set_security(site, site.find_issue("OPS-3"), ("group:keepers",))
        counts = site.traffic.counts.copy()
        (_, level) = next(connector.documents(["1003"])).access_rules
        assert level.principals == {"user:ann.lee"}
        made = site.traffic.counts - counts
        assert sum(number for path, number in made.items() if "viewissue" in path) == 1
        assert {rule.principals for rule in listed(running)["1003"]} == {None}


@pytest.mark.parametrize("status", [403, 404])
def test_a_ticket_that_is_read_while_nobody_tells_who_sees_it_is_for_nobody(
    serve: Callable[[str], Any], status: int
) -> None:
    """A refusal is no reason to leave it to those who saw it under its last level."""
    with serve("datacenter") as running:
        running.fault(path="viewissue", status=status, times=1)
        (_, level) = next(running.jira().documents(["1003"])).access_rules
        assert level.principals == frozenset()


def test_a_ticket_whose_viewers_fail_waits_and_the_others_are_read(serve: Callable[[str], Any]) -> None:
    """It is asked about again later."""
    with serve("datacenter") as running:
        running.fault(path="viewissue", status=500, times=3)
        found = {each.id: each for each in running.jira().documents(["1001", "1003"])}
        assert isinstance(found["1001"], Document)
        assert isinstance(found["1003"], Unreadable)


def test_deactivated_people_are_in_no_group(running: Any) -> None:
    """Whether the site leaves them out, as it is asked to, or not."""
    site_changes.put_user(running.site, "bo.kim", {"active": False})
    assert "bo.kim@acme.example" not in principals(running)
    people = [
        {"accountId": f"acc-{n}", "key": f"k{n}", "emailAddress": f"{n}@x", "active": n == 1} for n in (1, 2)
    ]
    running.fault(path="group/member", status=200, times=1, body={"values": people, "isLast": True})
    assert {"1@x", "2@x"} & principals(running).keys() == {"1@x"}


def test_who_has_no_access_to_jira_is_nobody_there(running: Any) -> None:
    """Jira does not let them in, whatever its schemes give to the other groups that they are in."""
    everybody = principals(running)
    running.site.application_roles["jira-software"] = ("group:keepers",)
    running.site.application_roles["jira-servicedesk"] = ("group:board",)
    users = {"ann.lee@acme.example", "cy.fox@acme.example"}
    assert principals(running) == {email: everybody[email] for email in users}


def test_where_the_account_is_not_shown_who_has_access_groups_alone_decide(running: Any) -> None:
    """A refusal shuts nobody out, which the check tells; a fault leaves everybody as they are known."""
    everybody = principals(running)
    running.site.application_roles["jira-software"] = ("group:keepers",)
    running.fault(path="applicationrole", status=403, times=2)
    assert principals(running) == everybody
    assert "who may use Jira" in running.jira().check()
    assert "who may use Jira" not in running.jira().check()
    running.fault(path="applicationrole", status=500, times=3)
    with pytest.raises(ServerFaultError):
        principals(running)


@pytest.mark.parametrize("status", [500, 503])
def test_a_project_whose_scheme_fails_keeps_no_other_from_being_listed(running: Any, status: int) -> None:
    """Its own tickets are there, under the rules that are known; the refresh is told at the end."""
    site = running.site
    pay = site_changes.create_issue(site, {"project": "HR", "fields": {"summary": "Pay"}})
    running.fault(path=r"project/10/permissionscheme", status=status, times=100)
    rows: dict[str, Any] = {}

    def walk() -> None:
        for each in running.jira().listing():
            rows[each.id] = each.access_rules

    with pytest.raises(ConnectorError):
        walk()
    assert {name: rules for name, rules in rows.items() if rules is None} == dict.fromkeys(
        ["1001", "1002", "1003"]
    )
    assert rows[pay.id]
