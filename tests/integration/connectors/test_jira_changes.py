"""Which tickets changed and which there are, over HTTP, and for how many requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.errors import NotFoundError, UnexpectedAnswerError
from sandbox import site_changes
from sandbox.atlassian import jira_issues
from tests.integration.connectors.jira_reading import by_key, read, read_all, read_changed, rule_names

START = datetime(2020, 1, 1, tzinfo=UTC)


def create(running: Any, number: int, **fields: Any) -> None:
    """That many tickets more."""
    for index in range(number):
        fields = {"summary": f"Ticket {index}", **fields}
        site_changes.create_issue(running.site, {"project": "OPS", "fields": fields})


def test_edits_comments_and_new_tickets_are_told(running: Any) -> None:
    """Nothing else is."""
    site, since, connector = running.site, datetime.now(UTC), running.jira()
    assert list(connector.changes(since)) == []
    site_changes.update_issue(site, site.find_issue("OPS-1"), {"summary": "Lamp flickers at dawn"})
    site_changes.add_issue_comment(site, site.find_issue("OPS-3"), {"body": "Paid.", "author": "cy.fox"})
    created = site_changes.create_issue(site, {"project": "OPS", "fields": {"summary": "Bell is cracked"}})
    documents = by_key(read_changed(connector, since))
    assert set(documents) == {"OPS-1", "OPS-3", created.key}
    assert documents["OPS-1"].title == "Lamp flickers at dawn"
    assert "Paid." in documents["OPS-3"].sections[-1].text


def test_a_change_tells_the_version_that_the_document_has(running: Any) -> None:
    """So that the overlap of two windows costs nothing, in whatever zone the dates are written."""
    connector = running.jira()
    parts = {changed.id: {changed.part} for changed in connector.changes(START)}
    assert parts == {document.id: document.parts for document in read(connector).values()}
    assert all(changed.updated is not None for changed in connector.changes(START))


def test_a_ticket_that_is_read_as_it_is_edited_has_no_version_yet(running: Any) -> None:
    """A second edit at what the site tells as the same moment would not be seen."""
    issue = running.site.find_issue("OPS-1")
    site_changes.update_issue(running.site, issue, {"summary": "Once"})
    [document] = running.jira().documents([issue.id])
    assert document.parts == frozenset()
    [settled] = running.jira().documents([running.site.find_issue("OPS-3").id])
    assert len(settled.parts) == 1


def test_the_window_overlaps_and_has_no_end(running: Any) -> None:
    """What was written minutes before the watermark is told again, and what has a date in the future as well."""
    site = running.site
    site_changes.update_issue(site, site.find_issue("OPS-1"), {"summary": "New"})
    now = datetime.now(UTC)
    assert {changed.id for changed in running.jira().changes(now + timedelta(minutes=59))} == {"1001"}
    assert list(running.jira().changes(now + timedelta(minutes=61))) == []


def test_the_listing_has_the_rules_and_misses_what_was_deleted(running: Any) -> None:
    """A sweep needs no texts."""
    rules = rule_names(running.jira().listing())
    assert rules == rule_names(read(running.jira()).values())
    assert all(rule.principals is None for each in running.jira().listing() for rule in each.access_rules)
    site_changes.delete_issue(running.site, running.site.find_issue("OPS-2"))
    assert {listed.id for listed in running.jira().listing()} == {"1001", "1003"}


def test_a_site_that_cannot_search_for_levels_lists_the_same(running: Any) -> None:
    """Then every ticket tells its own."""
    usual = list(running.jira().listing())
    path = "/search/jql" if running.deployment == "cloud" else "api/2/search"
    running.fault(path=path, status=400, times=1, body={"errorMessages": ["Field 'level' does not exist."]})
    assert list(running.jira().listing()) == usual


def test_only_the_named_projects_are_listed(running: Any) -> None:
    """Also under a key that a project had before."""
    site_changes.create_issue(running.site, {"project": "HR", "fields": {"summary": "Pay"}})
    assert len(list(running.jira(projects=("OPS",)).listing())) == 3
    assert len(list(running.jira().listing())) == 4
    renamed = json.dumps({"id": "10", "key": "OPS", "name": "Operations"})
    running.fault(path="project/OLD", status=200, times=1, body=renamed)
    assert len(list(running.jira(projects=("OLD",)).listing())) == 3


def test_no_project_at_all_is_an_error_and_not_an_empty_jira(running: Any) -> None:
    """Or a sweep would delete everything when an account loses its rights."""
    with pytest.raises(NotFoundError):
        list(running.jira(projects=("NOPE",)).listing())


def test_a_single_project_that_is_not_visible_any_more_is_an_error(running: Any) -> None:
    """Its tickets must not look deleted while the others are read."""
    connector = running.jira(projects=("OPS", "GONE"))
    for call in (lambda: connector.changes(START), connector.listing, connector.check):
        with pytest.raises(NotFoundError, match=r"GONE.*check"):
            list(call())


@pytest.mark.parametrize("body", [{"errorMessages": ["No."]}, {}, []])
def test_an_answer_without_issues_is_not_an_empty_jira(running: Any, body: Any) -> None:
    """Or a sweep would delete everything."""
    for call in (lambda: running.jira().changes(START), lambda: running.jira().listing()):
        running.fault(path="/search/jql|api/2/search", status=200, times=2, body=json.dumps(body))
        with pytest.raises(UnexpectedAnswerError):
            list(call())
        running.site.traffic.faults.clear()


def test_small_pages_of_results_are_walked_to_the_end(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that gives two rows at a time gives them all."""
    create(running, 7)
    for name in ("MAX_IDS_AND_KEYS", "MAX_ON_DATA_CENTER", "MAX_WITH_FIELDS"):
        monkeypatch.setattr(jira_issues, name, 2)
    assert len(list(running.jira().listing())) == 10
    assert len(list(running.jira().changes(START))) == 10


def test_rows_that_move_up_while_they_are_paged_are_not_missed(
    serve: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion on a page that was read moves the rest up by one, past the beginning of the next page."""
    monkeypatch.setattr(jira_issues, "MAX_ON_DATA_CENTER", 4)
    with serve("datacenter") as running:
        create(running, 12)
        rows = running.jira().changes(START)
        found = [next(rows).id for _ in range(4)]
        for key in ("OPS-1", "OPS-2", "OPS-3"):
            site_changes.delete_issue(running.site, running.site.find_issue(key))
        found += [row.id for row in rows]
        assert set(running.site.issues) <= set(found)
        assert len(found) == len(set(found)) == 15


def test_a_repeated_token_ends_in_an_error_and_not_in_a_circle(serve: Callable[[str], Any]) -> None:
    """Jira once gave the same page for ever."""
    with serve("cloud") as running:
        body = {"issues": [{"id": "1001"}], "isLast": False, "nextPageToken": "again"}
        running.fault(path="search/jql", status=200, times=10, body=body)
        with pytest.raises(UnexpectedAnswerError, match="twice"):
            list(running.jira().changes(START))


def test_a_ticket_costs_a_hundredth_of_a_request(running: Any) -> None:
    """A whole read: one listing, a request for a hundred tickets, and rules asked for once."""
    create(running, 1200)
    site_changes.delete_issue(running.site, running.site.find_issue("OPS-2"))  # its comments cost a request
    connector = running.jira()
    before = running.requests()
    documents = read_all(connector)
    rules = {rule.name for document in documents for rule in document.access_rules}
    for name in rules:
        connector.rule(name)
    assert len(documents) == 1202
    assert (running.requests() - before) / len(documents) < 0.02
    before = running.requests()
    list(running.jira().listing())
    assert running.requests() - before <= 5
    before = running.requests()
    assert read_changed(connector, datetime.now(UTC) + timedelta(hours=1)) == []
    assert running.requests() - before == 2


def test_texts_is_not_asked_for_by_a_listing(serve: Callable[[str], Any]) -> None:
    """One request for the keys of five thousand tickets."""
    with serve("cloud") as running:
        create(running, 300)
        connector = running.jira()
        before = running.site.traffic.counts.copy()
        assert len(list(connector.listing())) == 303
        made = running.site.traffic.counts - before
        assert not [path for path in made if "bulkfetch" in path]
