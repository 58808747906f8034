"""Anchors, page addresses, dates, people and tickets: the small pure parts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.atlassian import Deployment
from connectors.batches import batches
from connectors.confluence_pages import heading_anchor, page_url
from connectors.documents import Membership, SectionKind
from connectors.jira_issues import FIELDS, is_public, issue_document
from connectors.people import memberships_of
from connectors.times import parse_time


@pytest.mark.parametrize(
    ("deployment", "heading", "repeat", "anchor"),
    [
        (Deployment.CLOUD, "Daily round", 0, "Daily-round"),
        (Deployment.CLOUD, "Daily round", 2, "Daily-round.2"),
        (Deployment.CLOUD, "50% off? Été #1", 0, "50%25-off?-%C3%89t%C3%A9-%231"),
        (Deployment.DATACENTER, "Daily round", 0, "LampRoom-Dailyround"),
        (Deployment.DATACENTER, "Daily round", 1, "LampRoom-Dailyround.1"),
        (Deployment.DATACENTER, "a <b>", 0, "LampRoom-a%3Cb%3E"),
    ],
)
def test_heading_anchors(deployment: Deployment, heading: str, repeat: int, anchor: str) -> None:
    """As each deployment makes them, safe in a URL."""
    assert heading_anchor(deployment, title="Lamp Room", heading=heading, repeat=repeat) == anchor


def test_page_addresses_are_safe_for_any_title() -> None:
    """Spaces become pluses, everything else is encoded."""
    url = page_url("https://x/wiki", Deployment.CLOUD, space="~ann", page_id="7", title="C++ / 100% ä")
    assert url == "https://x/wiki/spaces/~ann/pages/7/C%2B%2B+%2F+100%25+%C3%A4"


@pytest.mark.parametrize(
    "written", ["2024-01-02T03:04:05.000Z", "2024-01-02T05:04:05.000+0200", "2024-01-02T03:04:05+00:00"]
)
def test_dates_keep_their_zone(written: str) -> None:
    """In each form that Atlassian writes."""
    assert parse_time(written) == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("written", [None, "", "yesterday", 5, "2024-13-01T00:00:00Z"])
def test_what_is_no_date_is_none(written: object) -> None:
    """Nothing raises."""
    assert parse_time(written) is None


def test_memberships_join_groups_and_drop_hidden_addresses() -> None:
    """E-mails are compared in lower case."""
    rows = [("1", "Ann@x.example", "a"), ("1", "ann@X.example ", "b"), ("2", "", "a")]
    assert list(memberships_of(rows)) == [
        Membership(email="ann@x.example", principals=frozenset({"user:1", "group:a", "group:b"}))
    ]


def test_batches_are_full_but_for_the_last() -> None:
    """And none is empty."""
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []


@pytest.mark.parametrize(
    ("comment", "public"),
    [
        ({}, True),
        ({"jsdPublic": True}, True),
        ({"jsdPublic": False}, False),
        ({"visibility": {"type": "group", "value": "g"}}, False),
        ({"visibility": None}, True),
    ],
)
def test_comments_for_some_alone_are_not_public(comment: dict[str, Any], public: bool) -> None:
    """Roles, groups and internal notes."""
    assert is_public(comment) is public


def _document(**fields: Any) -> Any:
    issue = {"id": "1", "key": "A-1", "fields": {"summary": "s", **fields}}
    return issue_document(
        issue, source="x", site_url="https://x", deployment=Deployment.CLOUD, access_rules=()
    )


def test_real_dirt_in_tickets_is_survived() -> None:
    """No author, no body, no project, no date."""
    comments = [{"id": "1"}, {"id": "2", "body": "text", "author": None}, {"id": "3", "body": None}]
    document = _document(comment={"comments": comments}, resolution={"name": "Fixed"})
    assert [section.kind for section in document.sections] == [SectionKind.SOLUTION, SectionKind.COMMENT]
    assert document.sections[0].text == "Resolution: Fixed."
    assert (document.place, document.status, document.author) == ("A", "Fixed", None)


def test_a_comment_by_another_than_the_assignee_is_not_taken_for_the_solution() -> None:
    """Nothing is guessed."""
    comment = {"id": "1", "body": "me too", "author": {"name": "x"}, "created": "2024-01-01T00:00:00Z"}
    document = _document(
        comment={"comments": [comment]},
        resolution={"name": "Fixed"},
        resolutiondate="2024-01-02T00:00:00Z",
        assignee={"name": "y"},
    )
    assert "me too" not in document.sections[0].text


def test_nothing_of_other_tickets_is_in_a_tickets_text() -> None:
    """Whoever may read this one may not be allowed to know that those exist."""
    shut = {"key": "A-2", "fields": {"summary": "the secret merger"}}
    links = [{"type": {"outward": "blocks"}, "outwardIssue": shut}, {"type": {}, "inwardIssue": shut}]
    document = _document(description="Words.", issuelinks=links, parent=shut, subtasks=[shut])
    assert [section.text for section in document.sections] == ["Words."]
    assert not {"issuelinks", "parent", "subtasks"} & set(FIELDS)
