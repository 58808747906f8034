"""Who may read a ticket and its comments: the rules against the site's own answer."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from connectors.documents import ANYONE, AccessRule, Document, SectionKind
from connectors.errors import AuthenticationError, ConnectorError, NotFoundError
from sandbox import site_changes
from sandbox.site_access import may_read_issue
from tests.integration.connectors.jira_reading import admits, make_service_desks, read, rule_names, texts


@pytest.fixture(autouse=True)
def _service_desks(monkeypatch: pytest.MonkeyPatch) -> None:
    make_service_desks(monkeypatch)


def people_of(connector: Any) -> dict[str, frozenset[str]]:
    """Everybody's principals by e-mail."""
    return {member.email: member.principals | {ANYONE} for member in connector.memberships()}


def compare(running: Any) -> dict[str, Document]:
    """Everybody reads what the site lets them read, and nothing else."""
    connector, site = running.jira(), running.site
    documents = read(connector)
    for email, principals in people_of(connector).items():
        user = site.directory.find(email)
        for key, document in documents.items():
            expected = may_read_issue(site, user, site.find_issue(key))
            assert admits(connector, document, principals) == expected, (email, key)
    return documents


def test_rules_and_memberships_agree_with_the_site(running: Any) -> None:
    """Groups, people, roles and levels; a ticket is asked about itself where levels tell nobody."""
    documents = compare(running)
    level = "security:10100:10" if running.deployment == "cloud" else "issue:1003"
    assert [rule.name for rule in documents["OPS-3"].access_rules] == ["project:10", level]
    assert documents["OPS-3"].access_rules[0].principals is None


def scheme(*holders: dict[str, Any]) -> dict[str, Any]:
    """A permission scheme in which these may browse, and nobody may do anything else."""
    return {"permissions": [{"permission": "BROWSE_PROJECTS", "holder": holder} for holder in holders]}


def test_users_of_an_application_are_its_groups(running: Any) -> None:
    """The default of many sites: whoever is signed in may browse. Where the groups are closed, nobody may."""
    holders = [{"type": "applicationRole"}, {"type": "userCustomField"}, {"type": "sd.customer.portal.only"}]
    roles = [{"key": "jira", "groups": ["staff"], "groupDetails": [{"name": "staff", "groupId": "g-1"}]}]
    if running.deployment == "datacenter":
        del roles[0]["groupDetails"]
    running.fault(path="permissionscheme", status=200, times=2, body=scheme(*holders))
    running.fault(path="/applicationrole", status=200, times=1, body=json.dumps(roles))
    group = "group:g-1" if running.deployment == "cloud" else "group:staff"
    assert running.jira().rule("project:10").principals == {group}
    running.fault(path="/applicationrole", status=403, times=1)
    assert running.jira().rule("project:10").principals == frozenset()


@pytest.mark.parametrize("path", ["permissionscheme", "/role/"])
@pytest.mark.parametrize("status", [400, 403, 404])
def test_unreadable_permissions_shut_the_project(running: Any, path: str, status: int) -> None:
    """Nobody is guessed, and the read goes on."""
    running.fault(path=path, status=status, times=100)
    assert len(read(running.jira())) == 3
    readers = running.jira().rule("project:10").principals
    assert not any(principal.startswith("user:") for principal in readers)


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503}, {"status": 200, "body": '{"permissions": [{'}]
)
def test_an_outage_is_not_a_permission_that_was_taken_away(running: Any, fault: dict[str, Any]) -> None:
    """The rule stays as it was known."""
    running.fault(path="permissionscheme", times=100, **fault)
    with pytest.raises(ConnectorError):
        running.jira().rule("project:10")


def test_an_account_that_is_refused_everywhere_is_an_error(running: Any) -> None:
    """An expired token must not shut every project."""
    running.fault(path="permissionscheme|myself", status=401, times=10)
    with pytest.raises(AuthenticationError):
        running.jira().rule("project:10")


def test_unreadable_levels_shut_their_tickets(running: Any) -> None:
    """Cloud tells levels to admins alone, Data Center who sees a ticket to those who may browse users."""
    name = "security:10100:10" if running.deployment == "cloud" else "issue:1003"
    assert running.jira().rule(name).principals
    running.fault(path="level/member|viewissue", status=403, times=5)
    assert running.jira().rule(name) == AccessRule(name=name, principals=frozenset())


def test_an_open_project_is_open_to_anyone(running: Any) -> None:
    """`anyone` in the scheme becomes the principal that everybody is."""
    running.site.project_permissions["OPS"] = ("anyone",)
    assert ANYONE in running.jira().rule("project:10").principals


@pytest.mark.parametrize(
    "name", ["space:ENG", "group:staff", "project:", "project:1:2", "security:1", "x", ""]
)
def test_a_rule_that_is_none_of_these_is_a_key_error(running: Any, name: str) -> None:
    """It always comes with its principals, or is another source's."""
    with pytest.raises(KeyError):
        running.jira().rule(name)


def test_a_group_that_goes_while_people_are_read_has_nobody_in_it(running: Any) -> None:
    """If none shows its people, the account is at fault."""
    everybody = list(running.jira().memberships())
    running.fault(path="group/member", status=404, times=1)
    assert 0 < len(list(running.jira().memberships())) <= len(everybody)
    running.fault(path="group/member", status=404, times=100)
    with pytest.raises(NotFoundError):
        list(running.jira().memberships())


def test_a_change_of_permissions_is_seen_by_the_next_pass(running: Any) -> None:
    """A connector that has lived through one pass does not answer the next from memory."""
    connector = running.jira()
    [rule] = read(connector)["OPS-1"].access_rules
    people = people_of(connector)
    assert connector.rule(rule.name).principals & people["bo.kim@acme.example"]
    site_changes.set_project_permissions(running.site, "OPS", ("group:board",))
    people = people_of(connector)
    assert not connector.rule(rule.name).principals & people["bo.kim@acme.example"]


def test_a_reporter_and_an_assignee_may_read_their_own_tickets_alone(running: Any) -> None:
    """The rule's name says who they are; it counts for as long as the scheme has such holders."""
    site = running.site
    site_changes.set_project_permissions(site, "OPS", ("group:board", "reporter", "assignee"))
    site_changes.update_issue(site, site.find_issue("OPS-2"), {"reporter": "cy.fox", "assignee": "cy.fox"})
    documents = compare(running)
    [rule] = documents["OPS-1"].access_rules
    assert rule.name.startswith("project:10?assignee=")
    assert rule_names(running.jira().listing()) == rule_names(documents.values())
    site_changes.set_project_permissions(site, "OPS", ("group:board",))
    people = people_of(running.jira())
    assert not running.jira().rule(rule.name).principals & people["ann.lee@acme.example"]


def test_a_level_for_the_reporter_shows_a_ticket_to_its_own_reporter_alone(running: Any) -> None:
    """Two tickets of one level have other readers."""
    site = running.site
    for key, reporter in (("OPS-2", "bo.kim"), ("OPS-3", "ann.lee")):
        site_changes.update_issue(site, site.find_issue(key), {"reporter": reporter})
        site_changes.set_security(site, site.find_issue(key), ("reporter", "group:board"))
    compare(running)


def test_the_lead_of_a_project_may_browse_it(running: Any) -> None:
    """Where the scheme says so."""
    site_changes.set_project_lead(running.site, "OPS", "bo.kim")
    site_changes.set_project_permissions(running.site, "OPS", ("lead",))
    compare(running)


def test_a_ticket_that_a_team_managed_project_restricts_is_for_nobody(serve: Callable[[str], Any]) -> None:
    """Whose tickets are listed with the restriction, because no search tells of it."""
    with serve("cloud") as running:
        site = running.site
        restricted = {"issuerestrictions": {"projectrole": [{"id": "10101"}]}, "shouldDisplay": True}
        for key, restriction in (("OPS-1", restricted), ("OPS-2", {"issuerestrictions": {}})):
            site_changes.update_issue(site, site.find_issue(key), {"issuerestriction": restriction})
        project = {"id": "10", "key": "OPS", "name": "Operations", "style": "next-gen", "simplified": True}
        running.fault(path="project/search", status=200, times=1, body={"values": [project], "isLast": True})
        connector = running.jira()
        listed = {each.id: each.access_rules for each in connector.listing()}
        documents = read(running.jira())
        assert listed == {document.id: document.access_rules for document in documents.values()}
        nobody = AccessRule(name="restricted", principals=frozenset())
        assert [nobody in documents[key].access_rules for key in ("OPS-1", "OPS-2")] == [True, False]


def with_comments(running: Any) -> dict[str, Any]:
    """One ticket with a comment for a role, one for a group and an internal note."""
    site = running.site
    site_changes.set_project_role(site, "OPS", "Auditors", ("user:acc-2",))
    site_changes.set_project_role(site, "OPS", "Service Desk Team", ("group:keepers",))
    for body, limit in (
        ("For auditors", {"visibility": {"type": "role", "value": "Auditors"}}),
        ("For the board", {"visibility": {"type": "group", "value": "board"}}),
        ("For agents", {"jsdPublic": False}),
    ):
        ticket = site.find_issue("OPS-3")
        site_changes.add_issue_comment(site, ticket, {"body": body, "author": "bo.kim", **limit})
    return {"restricted_comments": True, "internal_notes": True}


def test_comments_for_some_are_left_out_unless_they_are_asked_for(running: Any) -> None:
    """One kind or the other, each with the rules of its readers."""
    options = with_comments(running)
    assert texts(read(running.jira())["OPS-3"], SectionKind.COMMENT) == []
    restricted = read(running.jira(options={"restricted_comments": True}))["OPS-3"]
    assert texts(restricted, SectionKind.COMMENT) == ["For auditors", "For the board"]
    connector = running.jira(options=options)
    sections = {section.text: section.access_rules for section in read(connector)["OPS-3"].sections}
    people = people_of(connector)

    def readers(text: str) -> set[str]:
        rules = [r if r.principals is not None else connector.rule(r.name) for r in sections[text]]
        return {email for email, known in people.items() if all(r.principals & known for r in rules)}

    assert all(len(sections[text]) == 1 for text in ("For auditors", "For the board", "For agents"))
    assert readers("For auditors") == {"bo.kim@acme.example"}
    assert readers("For the board") == {"cy.fox@acme.example"}
    assert readers("For agents") == {"ann.lee@acme.example"}


def test_a_note_without_a_team_and_a_comment_for_an_unknown_role_are_for_nobody(running: Any) -> None:
    """What cannot be told is left out, asked for or not."""
    options = {"restricted_comments": True, "internal_notes": True}
    roles = {"Members": "https://x/rest/api/3/project/10/role/10101"}
    running.fault(path="project/10/role$", status=200, times=1, body=roles)
    whole = " ".join(section.text for section in read(running.jira(options=options))["OPS-1"].sections)
    assert "difficult" not in whole
    assert "invoice" not in whole


def test_a_comment_for_some_is_never_everybodys_solution(running: Any) -> None:
    """Even when it is the assignee's last word, and comments for some are asked for."""
    options = {"restricted_comments": True, "internal_notes": True}
    site_changes.set_project_role(running.site, "OPS", "Admins", ("user:acc-2",))
    document = read(running.jira(options=options))["OPS-1"]
    assert any("invoice" in text for text in texts(document, SectionKind.COMMENT))
    [solution] = texts(document, SectionKind.SOLUTION)
    assert "invoice" not in solution
    assert "The contact was loose" in solution


def test_internal_notes_of_a_data_center_are_told_by_their_properties(serve: Callable[[str], Any]) -> None:
    """Its comments have no `jsdPublic`: those of a service desk are read from the list, and are internal in doubt."""
    with serve("datacenter") as running:
        project = {"id": "10", "key": "OPS", "name": "Operations", "projectTypeKey": "service_desk"}
        given = [{"id": str(n), "body": f"Note {n}", "author": {"name": "bo.kim"}} for n in (1, 2, 3, 4)]
        row = {"id": "1001", "key": "OPS-1", "fields": {"project": project, "summary": "a"}}
        row["fields"]["comment"] = {"comments": given, "total": 4}
        properties = [{"properties": [_property(internal=True)]}, {"properties": [_property(internal=False)]}]
        properties += [{"properties": []}, {}]
        listed = [{**comment, **more} for comment, more in zip(given, properties, strict=True)]
        running.fault(path="issue/1001", status=200, times=1, body=row)
        running.fault(path="1001/comment", status=200, times=1, body={"comments": listed, "total": 4})
        [document] = running.jira().documents(["1001"])
        assert texts(document, SectionKind.COMMENT) == ["Note 2", "Note 3"]


def _property(*, internal: bool) -> dict[str, Any]:
    return {"key": "sd.public.comment", "value": {"internal": internal}}


def test_the_check_says_as_whom_and_in_which_time_zone(running: Any) -> None:
    """After a call of each kind."""
    sentence = running.jira().check()
    assert "Signed in to" in sentence
    assert "time zone is UTC" in sentence


RIGHTS = {
    "search": "Browse Projects",
    "permissionscheme": "who may browse OPS",
    "project/10/role": "the roles of OPS",
    "level/member|viewissue": "security level",
    "group/bulk|groups/picker": "groups and their people",
}


@pytest.mark.parametrize("path", RIGHTS)
@pytest.mark.parametrize("status", [403, 404])
def test_the_check_names_each_right_that_is_missing(running: Any, path: str, status: int) -> None:
    """All of them at once."""
    running.fault(path=path if path != "search" else "search/jql|api/2/search", status=status, times=10)
    with pytest.raises(AuthenticationError, match=RIGHTS[path]):
        running.jira().check()


def test_a_site_without_levels_does_not_need_the_right_to_read_them(running: Any) -> None:
    """Nobody misses anything then."""
    site_changes.set_security(running.site, running.site.find_issue("OPS-3"), ())
    running.fault(path="level/member|viewissue", status=403, times=10)
    assert "Signed in" in running.jira().check()


def test_the_check_names_fields_that_do_not_exist_and_addresses_that_are_hidden(running: Any) -> None:
    """A sentence for each."""
    members = {"values": [{"accountId": "1", "key": "1"}], "isLast": True, "total": 1}
    running.fault(path="group/member", status=200, times=10, body=members)
    with pytest.raises(AuthenticationError, match=r"e-mail address.*no field Depth"):
        running.jira(options={"fields": ("Depth", "summary")}).check()


PRINCIPALS = (
    "group:staff",
    "group:keepers",
    "group:board",
    "user:acc-2",
    "user:acc-4",
    "role:Crew",
    "role:Members",
)
PER_TICKET = ("reporter", "assignee", "lead", "anyone")
LOGINS = ("ann.lee", "bo.kim", "cy.fox", "di.ode")


@pytest.mark.parametrize("seed", range(12))
def test_random_sites_are_read_as_their_people_may(running: Any, seed: int) -> None:
    """Schemes, roles, levels, leads, reporters and assignees as they come, and groups that change afterwards."""
    site, chance = running.site, random.Random(seed)

    def some(choices: tuple[str, ...], most: int = 3) -> tuple[str, ...]:
        return tuple(chance.sample(choices, chance.randint(0, most)))

    site_changes.set_project_role(site, "OPS", "Crew", some(PRINCIPALS[:5]))
    site_changes.set_project_permissions(site, "OPS", (*some(PRINCIPALS), *some(PER_TICKET, 2)))
    site_changes.set_project_lead(site, "OPS", chance.choice(LOGINS))
    for key in ("OPS-1", "OPS-2", "OPS-3"):
        people = {"reporter": chance.choice(LOGINS), "assignee": chance.choice(LOGINS)}
        site_changes.update_issue(site, site.find_issue(key), people)
        level = (*some(PRINCIPALS, 2), *some(PER_TICKET, 1))
        site_changes.set_security(site, site.find_issue(key), level)
    documents = compare(running)
    assert rule_names(running.jira().listing()) == rule_names(documents.values())
    site_changes.set_members(site, "keepers", list(chance.sample(LOGINS, 2)))
    compare(running)
