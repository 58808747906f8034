"""Jira read over HTTP, Cloud and Data Center."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.documents import AccessRule, Document, DocumentKind, SectionKind, Unreadable
from connectors.errors import AuthenticationError, ConnectorError, NotFoundError, UnexpectedAnswerError
from sandbox import site_changes
from sandbox.atlassian import jira_issues
from sandbox.site_access import may_read_issue


def read(connector: Any, since: datetime | None = None) -> dict[str, Document]:
    """All documents by key; every one must be readable."""
    documents = list(connector.changes(since))
    assert not [document for document in documents if isinstance(document, Unreadable)]
    assert len({document.id for document in documents}) == len(documents)
    return {document.external_id: document for document in documents}


def texts(document: Document, kind: SectionKind) -> list[str]:
    """The texts of the sections of one kind."""
    return [section.text for section in document.sections if section.kind is kind]


def test_a_ticket_has_description_solution_and_comments(running: Any) -> None:
    """With people, dates, status and a link of its own for every comment."""
    document = read(running.jira())["OPS-1"]
    assert (document.id, document.kind, document.place) == ("1001", DocumentKind.TICKET, "Operations")
    assert (document.title, document.status) == ("Lamp flickers at dusk", "Done · Fixed")
    assert (document.author, document.labels) == ("Ann Lee", ("lamp",))
    assert document.url == f"{running.jira_url}/browse/OPS-1"
    [description] = texts(document, SectionKind.DESCRIPTION)
    assert "```sh\nmeter --volts\n```" in description
    assert "Components: Lens" in description
    comment = document.sections[-1]
    assert (comment.author, comment.created) == ("Bo Kim", datetime(2024, 3, 12, 10, tzinfo=UTC))
    assert comment.url == _comment_link(running, document, 3)


def test_the_solution_quotes_the_assignees_last_word_before_the_end(running: Any) -> None:
    """And links to it; a comment written after the resolution is not it."""
    documents = read(running.jira())
    [solution] = [s for s in documents["OPS-1"].sections if s.kind is SectionKind.SOLUTION]
    assert "The contact was loose" in solution.text
    assert "Resolution: Fixed, fixed in 1.2, resolved 2024-03-08" in solution.text
    assert solution.url == _comment_link(running, documents["OPS-1"], 2)
    assert texts(documents["OPS-2"], SectionKind.SOLUTION) == []


def _comment_link(running: Any, document: Document, number: int) -> str:
    link = f"{document.url}?focusedCommentId={number}"
    if running.deployment == "cloud":
        return link
    tab = "com.atlassian.jira.plugin.system.issuetabpanels:comment-tabpanel"
    return f"{link}&page={tab}#comment-{number}"


def test_comments_for_some_alone_are_left_out(running: Any) -> None:
    """Neither a comment for a role nor an internal note is in any section."""
    document = read(running.jira())["OPS-1"]
    whole = " ".join(section.text for section in document.sections)
    assert "invoice" not in whole
    assert "difficult" not in whole
    assert len(texts(document, SectionKind.COMMENT)) == 3


def test_comments_beyond_the_first_hundred_are_read(running: Any) -> None:
    """In their order."""
    comments = texts(read(running.jira())["OPS-2"], SectionKind.COMMENT)
    assert comments == [f"Opinion number {number}." for number in range(130)]


def test_rules_and_memberships_agree_with_the_site(serve: Callable[[str], Any]) -> None:
    """On Cloud, where levels tell their members: everybody reads exactly what the site lets them read."""
    with serve("cloud") as running:
        connector, site = running.jira(), running.site
        people = {member.email: member.principals | {"anyone"} for member in connector.memberships()}
        documents = read(connector)
        assert [rule.name for rule in documents["OPS-3"].access_rules] == ["project:OPS", "security:10100"]
        for email, principals in people.items():
            for key, document in documents.items():
                allowed = all(rule.principals & principals for rule in document.access_rules)
                assert allowed == may_read_issue(site, site.directory.find(email), site.find_issue(key))


def test_data_center_names_people_by_key_and_groups_by_name(serve: Callable[[str], Any]) -> None:
    """Everybody reads what the site lets them read, but for security levels."""
    with serve("datacenter") as running:
        connector, site = running.jira(), running.site
        documents = read(connector)
        for member in connector.memberships():
            user = site.directory.find(member.email)
            for key in ("OPS-1", "OPS-2"):
                allowed = all(rule.principals & member.principals for rule in documents[key].access_rules)
                assert allowed == may_read_issue(site, user, site.find_issue(key))


def test_no_project_at_all_is_an_error_and_not_an_empty_jira(running: Any) -> None:
    """Or a sweep would delete everything when an account loses its rights."""
    with pytest.raises(NotFoundError):
        list(running.jira(projects=("NOPE",)).listing())


def test_a_project_is_read_by_groups_people_and_roles(running: Any) -> None:
    """Holders of the browse permission themselves and through a role; reporters and such grant nothing."""
    [rule] = read(running.jira())["OPS-1"].access_rules
    assert rule.name == "project:OPS"
    kinds = sorted(principal.partition(":")[0] for principal in rule.principals)
    assert kinds == ["group", "user"]


def test_users_of_an_application_are_its_groups(running: Any) -> None:
    """The default of many sites: whoever is signed in may browse. Where the groups are closed, nobody may."""
    holders = [{"type": "applicationRole"}, {"type": "reporter"}, {"type": "sd.customer.portal.only"}]
    scheme = {"permissions": [{"permission": "BROWSE_PROJECTS", "holder": holder} for holder in holders]}
    roles = [{"key": "jira", "groups": ["staff"], "groupDetails": [{"name": "staff", "groupId": "g-1"}]}]
    if running.deployment == "datacenter":
        del roles[0]["groupDetails"]
    running.fault(path="permissionscheme", status=200, times=2, body=scheme)
    running.fault(path="/applicationrole", status=200, times=1, body=json.dumps(roles))
    group = "group:g-1" if running.deployment == "cloud" else "group:staff"
    assert read(running.jira())["OPS-1"].access_rules[0].principals == {group}
    assert read(running.jira())["OPS-1"].access_rules[0].principals == frozenset()


def test_a_security_level_that_cannot_be_read_shuts_the_issue(serve: Callable[[str], Any]) -> None:
    """Data Center tells nobody who is in a level; Cloud tells admins alone."""
    shut = AccessRule(name="security:10100", principals=frozenset())
    with serve("datacenter") as running:
        assert read(running.jira())["OPS-3"].access_rules[1] == shut
    with serve("cloud") as running:
        running.fault(path="level/member", status=403, times=5)
        assert read(running.jira())["OPS-3"].access_rules[1] == shut


def test_unreadable_permissions_shut_the_project(running: Any) -> None:
    """And the read goes on."""
    running.fault(path="permissionscheme", status=403, times=5)
    rules = {document.access_rules[0] for document in read(running.jira()).values()}
    assert rules == {AccessRule(name="project:OPS", principals=frozenset())}


def test_an_open_project_is_open_to_anyone(running: Any) -> None:
    """`anyone` in the scheme becomes the principal that everybody is."""
    running.site.project_permissions["OPS"] = ("anyone",)
    assert "anyone" in read(running.jira())["OPS-1"].access_rules[0].principals


def test_small_pages_of_results_are_walked_to_the_end(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that gives two rows at a time gives them all."""
    for number in range(7):
        site_changes.create_issue(running.site, {"project": "OPS", "fields": {"summary": f"Ticket {number}"}})
    for name in ("MAX_IDS_AND_KEYS", "MAX_ON_DATA_CENTER"):
        monkeypatch.setattr(jira_issues, name, 2)
    assert len(read(running.jira())) == 10
    assert len(list(running.jira().listing())) == 10


def test_a_batch_that_breaks_is_cut_until_the_ticket_at_fault_is_found(serve: Callable[[str], Any]) -> None:
    """Truncated JSON for three, for one, then for that one alone."""
    with serve("cloud") as running:
        for _ in range(2):
            running.fault(path="bulkfetch", status=200, times=1, body='{"issues": [{"id": "10')
        documents = list(running.jira().changes(None))
    broken = [document for document in documents if isinstance(document, Unreadable)]
    assert len(broken) == 1
    assert len(documents) == 3


def test_a_repeated_token_ends_in_an_error_and_not_in_a_circle(serve: Callable[[str], Any]) -> None:
    """Jira once gave the same page for ever."""
    with serve("cloud") as running:
        body = {"issues": [{"id": "1001"}], "isLast": False, "nextPageToken": "again"}
        running.fault(path="search/jql", status=200, times=10, body=body)
        with pytest.raises(UnexpectedAnswerError, match="twice"):
            list(running.jira().listing())


def test_cloud_and_data_center_give_the_same_documents(serve: Callable[[str], Any]) -> None:
    """The words are the same, whether they came as ADF or as wiki markup."""
    with serve("cloud") as cloud, serve("datacenter") as datacenter:
        one, other = read(cloud.jira()), read(datacenter.jira())
    assert one.keys() == other.keys()
    for key, document in one.items():
        assert document.title == other[key].title
        assert document.status == other[key].status
        assert list(map(_words, document.sections)) == list(map(_words, other[key].sections))


def _words(section: Any) -> tuple[object, ...]:
    return (section.kind, section.author, section.created, re.findall(r"\w+", section.text))


def test_an_incremental_read_sees_edits_comments_and_new_tickets(running: Any) -> None:
    """Nothing else is read again."""
    site, since, connector = running.site, datetime.now(UTC), running.jira()
    assert read(connector, since) == {}
    assert connector.estimate(since) == 0
    site_changes.update_issue(site, site.find_issue("OPS-1"), {"summary": "Lamp flickers at dawn"})
    site_changes.add_issue_comment(site, site.find_issue("OPS-3"), {"body": "Paid.", "author": "cy.fox"})
    created = site_changes.create_issue(site, {"project": "OPS", "fields": {"summary": "Bell is cracked"}})
    documents = read(connector, since)
    assert set(documents) == {"OPS-1", "OPS-3", created.key}
    assert documents["OPS-1"].title == "Lamp flickers at dawn"
    assert texts(documents["OPS-3"], SectionKind.COMMENT) == ["Paid."]


def test_the_listing_has_the_rules_and_misses_what_was_deleted(running: Any) -> None:
    """A sweep needs no texts."""
    rules = {listed.id: listed.access_rules for listed in running.jira().listing()}
    assert rules == {document.id: document.access_rules for document in read(running.jira()).values()}
    site_changes.delete_issue(running.site, running.site.find_issue("OPS-2"))
    assert {listed.id for listed in running.jira().listing()} == {"1001", "1003"}


def test_only_the_named_projects_are_read(running: Any) -> None:
    """What lies in another project is neither read nor listed."""
    site_changes.create_issue(running.site, {"project": "HR", "fields": {"summary": "Pay"}})
    assert {key.partition("-")[0] for key in read(running.jira(projects=("OPS",)))} == {"OPS"}
    assert len(read(running.jira())) == 4
    assert running.jira(projects=("OPS",)).estimate(None) == 3


def test_a_row_in_an_unknown_shape_is_unreadable_and_the_rest_goes_on(running: Any) -> None:
    """One bad ticket does not end the run."""
    rows = [{"id": "1", "key": "OPS-1", "fields": {"summary": "a", "labels": 5}}]
    path = "bulkfetch" if running.deployment == "cloud" else "/search"
    running.fault(path=path, status=200, times=1, body={"issues": rows, "total": 1})
    [document] = list(running.jira().changes(None))
    assert isinstance(document, Unreadable)
    assert document.external_id == "OPS-1"


def test_single_tickets_are_read_by_id(running: Any) -> None:
    """Those that are gone, that never were or that lie in another project yield nothing, in whatever company."""
    other = site_changes.create_issue(running.site, {"project": "HR", "fields": {"summary": "Pay"}})
    site_changes.delete_issue(running.site, running.site.find_issue("OPS-2"))
    connector = running.jira(projects=("OPS",))
    whole = read(connector)
    assert {d.external_id: d for d in connector.documents(["1001", "1003"])} == whole
    found = list(connector.documents(["1001", "1002", "1003", "999999", "x) or (id = 1", other.id]))
    assert {document.external_id: document for document in found} == whole
    assert list(connector.documents(["1002"])) == []
    assert list(connector.documents([])) == []


def test_a_refused_account_is_not_taken_for_a_deleted_ticket(serve: Callable[[str], Any]) -> None:
    """403 for one ticket hides it; 401 for the account is an error."""
    with serve("datacenter") as running:
        running.fault(path="/search", status=400, times=2, body={"errorMessages": ["gone"]})
        running.fault(path="issue/1001", status=403, times=1)
        assert [document.id for document in running.jira().documents(["1001", "1003"])] == ["1003"]
        running.fault(path="issue/1001", status=401, times=1)
        running.fault(path="myself", status=401, times=1)
        with pytest.raises(AuthenticationError):
            list(running.jira().documents(["1001", "1003"]))


HALF_DOWN = {
    "unavailable": {"status": 503},
    "not found": {"status": 404},
    "a page for people": {"status": 200, "body": "<html>Sign in</html>"},
    "no issues in the answer": {"status": 200, "body": {"errorMessages": ["No."]}},
}


@pytest.mark.parametrize("fault", HALF_DOWN.values(), ids=HALF_DOWN)
def test_a_jira_that_finds_but_does_not_give_is_down(
    serve: Callable[[str], Any], fault: dict[str, Any]
) -> None:
    """No ticket is blamed, and nobody asks for each of them."""
    with serve("cloud") as running:
        running.fault(path="bulkfetch", times=1000, **fault)
        for call in (running.jira().changes, lambda _: running.jira().listing()):
            with pytest.raises(ConnectorError):
                list(call(None))
        assert 0 < running.requests() < 20


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 413}, {"status": 200, "body": '{"issues'}])
def test_more_than_three_broken_tickets_in_a_row_are_a_broken_site(
    serve: Callable[[str], Any], fault: dict[str, Any]
) -> None:
    """What may be one ticket's fault is not the fault of all of them."""
    with serve("cloud") as running:
        for number in range(40):
            site_changes.create_issue(running.site, {"project": "OPS", "fields": {"summary": f"T {number}"}})
        running.fault(path="bulkfetch", times=1000, **fault)
        with pytest.raises(ConnectorError):
            list(running.jira().changes(None))
        assert running.requests() < 60


@pytest.mark.parametrize("status", [500, 413])
def test_a_broken_ticket_keeps_its_rules(serve: Callable[[str], Any], status: int) -> None:
    """The listing says that it exists, and not who may read it."""
    with serve("cloud") as running:
        for _ in range(2):  # the batch of three, then the first of them
            running.fault(path="bulkfetch", status=status, times=3 if status == 500 else 1)
        listed = list(running.jira().listing())
        assert [each.access_rules is None for each in listed] == [True, False, False]


def test_a_ticket_that_data_center_cannot_give_by_id_is_unreadable(serve: Callable[[str], Any]) -> None:
    """The others of its batch are read."""
    with serve("datacenter") as running:
        running.fault(path="/search", status=400, times=1, body={})
        running.fault(path="issue/1001", status=500, times=3)
        first, second = running.jira().documents(["1001", "1003"])
        assert isinstance(first, Unreadable)
        assert (first.id, second.id) == ("1001", "1003")


@pytest.mark.parametrize("body", [{"errorMessages": ["No."]}, {}, []])
def test_an_answer_without_issues_is_not_an_empty_jira(running: Any, body: Any) -> None:
    """Or a sweep would delete everything."""
    for call in (lambda: running.jira().changes(None), lambda: running.jira().listing()):
        running.fault(path="/search/jql|api/2/search", status=200, times=1, body=json.dumps(body))
        with pytest.raises(UnexpectedAnswerError):
            list(call())


def test_a_single_project_that_is_not_visible_any_more_is_an_error(running: Any) -> None:
    """Its tickets must not look deleted while the others are read."""
    connector = running.jira(projects=("OPS", "GONE"))
    for call in (
        connector.changes,
        lambda _: connector.listing(),
        lambda _: iter([connector.estimate(None)]),
    ):
        with pytest.raises(NotFoundError, match=r"GONE.*check"):
            list(call(None))
