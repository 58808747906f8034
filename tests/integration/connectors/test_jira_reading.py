"""Tickets of Jira read over HTTP by their ids, Cloud and Data Center."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.documents import Document, DocumentKind, SectionKind, Unreadable
from connectors.errors import AuthenticationError, ConnectorError
from sandbox import site_changes
from tests.integration.connectors.jira_reading import by_key, make_service_desks, read, read_all, texts

IDS = ["1001", "1002", "1003"]


@pytest.fixture(autouse=True)
def _service_desks(monkeypatch: pytest.MonkeyPatch) -> None:
    make_service_desks(monkeypatch)


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
    assert len(texts(document, SectionKind.COMMENT)) == 2  # and the solution, which stands there alone


def test_comments_beyond_the_first_hundred_are_read(running: Any) -> None:
    """In their order."""
    comments = texts(read(running.jira())["OPS-2"], SectionKind.COMMENT)
    assert comments == [f"Opinion number {number}." for number in range(130)]


def test_a_batch_that_breaks_is_cut_until_the_ticket_at_fault_is_found(serve: Callable[[str], Any]) -> None:
    """Truncated JSON for three, for one, then for that one alone."""
    with serve("cloud") as running:
        for _ in range(2):
            running.fault(path="bulkfetch", status=200, times=1, body='{"issues": [{"id": "10')
        documents = list(running.jira().documents(IDS))
    broken = [document for document in documents if isinstance(document, Unreadable)]
    assert len(broken) == 1
    assert len(documents) == 3


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


def test_only_the_named_projects_are_read(running: Any) -> None:
    """What lies in another project is neither read nor listed."""
    site_changes.create_issue(running.site, {"project": "HR", "fields": {"summary": "Pay"}})
    assert {key.partition("-")[0] for key in read(running.jira(projects=("OPS",)))} == {"OPS"}
    assert len(read(running.jira())) == 4


def test_a_row_in_an_unknown_shape_is_unreadable_and_the_rest_goes_on(running: Any) -> None:
    """One bad ticket does not end the run."""
    rows = [{"id": "1", "key": "OPS-1", "fields": {"summary": "a", "labels": 5}}]
    path = "bulkfetch" if running.deployment == "cloud" else "/search"
    running.fault(path=path, status=200, times=1, body={"issues": rows, "total": 1})
    [document] = list(running.jira().documents(["1", "2"]))
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


def test_ids_that_are_gone_cost_a_request_each_and_not_the_whole_batch(serve: Callable[[str], Any]) -> None:
    """Data Center is told not to refuse a search because of them."""
    with serve("datacenter") as running:
        connector = running.jira()
        read(connector)
        before = running.site.traffic.counts.copy()
        assert len(list(connector.documents([*IDS, "999999"]))) == 3
        made = running.site.traffic.counts - before
        assert sum(count for path, count in made.items() if path.endswith("}/search")) == 1


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
        with pytest.raises(ConnectorError):
            list(running.jira().documents(IDS))
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
            read_all(running.jira())
        assert running.requests() < 60


def test_a_ticket_that_data_center_cannot_give_by_id_is_unreadable(serve: Callable[[str], Any]) -> None:
    """The others of its batch are read."""
    with serve("datacenter") as running:
        running.fault(path="/search", status=400, times=1, body={})
        running.fault(path="issue/1001", status=500, times=3)
        first, second = running.jira().documents(["1001", "1003"])
        assert isinstance(first, Unreadable)
        assert (first.id, second.id) == ("1001", "1003")


def test_what_bulkfetch_refuses_is_asked_for_again_and_not_taken_for_deleted(
    serve: Callable[[str], Any],
) -> None:
    """Errors name tickets that exist and did not fit; those that are gone are not among them."""
    with serve("cloud") as running:
        errors = [{"id": number, "errorMessage": "Too large"} for number in ("1001", "1003")]
        running.fault(path="bulkfetch", times=1, status=200, body={"issues": [], "issueErrors": errors})
        assert {each.id for each in running.jira().documents(["1001", "1003"])} == {"1001", "1003"}
        assert set(by_key(list(running.jira().documents(IDS)))) == {"OPS-1", "OPS-2", "OPS-3"}


def test_a_ticket_that_a_search_does_not_know_yet_is_read_from_the_database(
    serve: Callable[[str], Any],
) -> None:
    """Data Center's index is behind for a while; that is no deletion."""
    with serve("datacenter") as running:
        running.fault(path="/search", times=1, status=200, body={"issues": [], "total": 0})
        assert {each.id for each in running.jira().documents(["1001", "1003"])} == {"1001", "1003"}


def test_comments_that_are_too_much_at_once_are_asked_for_in_smaller_numbers(
    serve: Callable[[str], Any],
) -> None:
    """And when they cannot be had at all, the ticket is named and the others are read."""
    with serve("cloud") as running:
        running.fault(path="1002/comment", status=413, times=1)
        comments = texts(by_key(list(running.jira().documents(IDS)))["OPS-2"], SectionKind.COMMENT)
        assert len(comments) == 130
        running.fault(path="1002/comment", status=413, times=10)
        found = {each.id: each for each in running.jira().documents(IDS)}
        assert isinstance(found["1002"], Unreadable)
        assert isinstance(found["1003"], Document)


def test_comments_that_are_not_found_are_no_deletion(serve: Callable[[str], Any]) -> None:
    """Unless the ticket itself is not there any more."""
    with serve("cloud") as running:
        running.fault(path="1002/comment", status=404, times=1)
        [found] = running.jira().documents(["1002"])
        assert isinstance(found, Unreadable)
        running.fault(path="1002/comment|issue/1002", status=404, times=2)
        assert list(running.jira().documents(["1002"])) == []


def test_a_ticket_that_moves_keeps_its_id_and_gets_new_key_address_and_rules(running: Any) -> None:
    """The project's rule is another one."""
    site, connector = running.site, running.jira()
    before = read(connector)["OPS-1"]
    site_changes.create_issue(site, {"project": "HR", "fields": {"summary": "Pay"}})
    moved = site_changes.move_issue(site, site.find_issue("OPS-1"), "HR")
    [after] = connector.documents([before.id])
    assert (after.id, after.external_id, after.place) == (before.id, moved.key, "HR")
    assert after.url == f"{running.jira_url}/browse/{moved.key}"
    assert after.access_rules != before.access_rules
    assert after.parts != before.parts


def test_other_tickets_are_named_by_key_and_relation_alone(running: Any) -> None:
    """Whoever may read this one may not be allowed to know what those are about."""
    site = running.site
    other = {"id": "9", "key": "SEC-9", "fields": {"summary": "the secret merger"}}
    link = {"id": "1", "type": {"outward": "blocks", "inward": "is blocked by"}, "outwardIssue": other}
    fields = {"issuelinks": [link], "parent": other, "subtasks": [other]}
    site_changes.update_issue(site, site.find_issue("OPS-1"), fields)
    [description] = texts(read(running.jira())["OPS-1"], SectionKind.DESCRIPTION)
    for words in ("Links: blocks SEC-9", "Parent: SEC-9", "Sub-tasks: SEC-9"):
        assert words in description
    assert "merger" not in description


def test_threads_read_batches_at_once(running: Any) -> None:
    """One connector for all of them, every ticket as it is read alone."""
    connector = running.jira()
    alone = read(connector)
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda ids: list(connector.documents(ids)), [IDS[:2], IDS[1:], IDS, IDS[:1]] * 4)
        )
    assert all(each == alone[each.external_id] for batch in found for each in batch)


CUSTOM = [
    {"id": "customfield_1", "name": "Severity", "schema": {"type": "option", "custom": "x:select"}},
    {"id": "customfield_2", "name": "Root cause", "schema": {"type": "string", "custom": "x:textarea"}},
    {"id": "customfield_3", "name": "Salary", "schema": {"type": "number", "custom": "x:float"}},
]


def test_custom_fields_are_read_where_they_are_named_and_nowhere_else(running: Any) -> None:
    """By name or id; long ones are sections of their own; the fields are asked for once."""
    site = running.site
    values = {"customfield_1": {"value": "High"}, "customfield_3": 1000}
    cause = "It was *wet*.\n\nIt froze."
    site_changes.update_issue(site, site.find_issue("OPS-1"), {**values, "customfield_2": cause})
    running.fault(path="api/[23]/field", status=200, times=1, body=json.dumps(CUSTOM))
    connector = running.jira(options={"fields": {"severity": "How bad", "customfield_2": "Why"}})
    document = read(connector)["OPS-1"]
    assert read(connector)["OPS-1"] == document
    [description] = texts(document, SectionKind.DESCRIPTION)
    assert "How bad: High" in description
    whole = " ".join(section.text for section in document.sections)
    assert "1000" not in whole
    assert "High" not in " ".join(section.text for section in read(running.jira())["OPS-1"].sections)
    if running.deployment == "datacenter":
        [section] = [section for section in document.sections if section.heading_path == ("Why",)]
        assert "It was **wet**." in section.text
