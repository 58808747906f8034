"""Anchors, page addresses, dates and people: the small pure parts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.atlassian import Deployment
from connectors.batches import batches
from connectors.confluence_pages import heading_anchor, page_url
from connectors.documents import Membership
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
