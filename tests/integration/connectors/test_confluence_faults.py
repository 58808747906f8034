"""Confluence sites that answer with faults, in part, or in circles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.documents import Document, Unreadable
from connectors.errors import AuthenticationError, ServerFaultError, SourceUnavailableError
from sandbox import site_changes
from sandbox.atlassian import confluence_v1

ALL = ["100", "101", "102", "103", "104"]


def by_id(connector: Any, ids: list[str]) -> dict[str, Any]:
    """Documents, readable or not."""
    return {each.id: each for each in connector.documents(ids)}


def test_a_body_that_cannot_be_given_is_read_as_the_site_renders_it(running: Any) -> None:
    """Of a page whose storage format ends in a fault, alone and in every search."""
    running.fault(path=r"search\?.*body\.storage", status=500, times=30)
    running.fault(path=r"(content|pages)/100\?.*body[.-](format=)?storage", status=500, times=30)
    found = by_id(running.confluence(), ALL)
    assert all(isinstance(each, Document) for each in found.values())
    assert found["100"].sections[0].text == "How we keep the light."
    assert [section.heading_path for section in found["101"].sections] == [("Daily round",), ("Daily round",)]


def test_a_body_that_is_missing_is_read_as_the_site_renders_it(running: Any) -> None:
    """A row without what was asked for."""
    row = {"id": "100", "type": "page", "status": "current", "title": "Lighthouse handbook", "body": {}}
    running.fault(path=r"body\.storage", status=200, times=1, body={"results": [row], "_links": {}})
    found = by_id(running.confluence(), ["100"])
    assert found["100"].sections[0].text == "How we keep the light."


def test_one_page_that_nobody_can_read_is_unreadable_and_the_batch_goes_on(running: Any) -> None:
    """With the site's fault as the reason."""
    running.fault(path=r"search\?.*body\.storage", status=500, times=30)
    running.fault(path=r"(content|pages)/101\?", status=500, times=30)
    found = by_id(running.confluence(), ALL)
    assert isinstance(found["101"], Unreadable)
    assert [number for number, each in sorted(found.items()) if isinstance(each, Document)] == [
        "100",
        "102",
        "103",
        "104",
    ]


def test_a_site_that_gives_no_page_at_all_is_at_fault_itself(running: Any) -> None:
    """Or every document would be recorded as unreadable during an outage."""
    running.fault(path=r"(search|(content|pages)/\d+)\?.*body", status=500, times=500)
    with pytest.raises(ServerFaultError):
        by_id(running.confluence(), ALL)


def test_comments_that_cannot_be_read_cost_their_page_alone(running: Any) -> None:
    """A page without its comments would be half a document."""
    pattern = r"search\?.*container.*(%28|\()" + "{}" + r"(%29|\))"
    running.fault(path=r"search\?.*container.*100(%2C|,)101", status=500, times=30)
    running.fault(path=pattern.format("102"), status=500, times=30)
    found = by_id(running.confluence(), ALL)
    assert isinstance(found["102"], Unreadable)
    assert all(isinstance(found[number], Document) for number in ("100", "101", "103", "104"))


OUTAGES = [{"status": 502}, {"status": 503}, {"reset": True}]


@pytest.mark.parametrize("fault", OUTAGES)
def test_a_page_that_always_ends_in_an_outage_is_unreadable_by_itself(
    running: Any, fault: dict[str, Any]
) -> None:
    """When it is asked for alone, and the site answers otherwise."""
    running.fault(path=r"(\b|%28|%2C)103(\b|%29)", times=1000, **fault)
    with pytest.raises(SourceUnavailableError):
        by_id(running.confluence(), ALL)
    assert isinstance(by_id(running.confluence(), ["103"])["103"], Unreadable)
    running.fault(path="user/current", times=1000, **fault)
    with pytest.raises(SourceUnavailableError):
        by_id(running.confluence(), ["103"])


@pytest.mark.parametrize("fault", OUTAGES)
def test_comments_that_always_end_in_an_outage_cost_their_page_alone(
    running: Any, fault: dict[str, Any]
) -> None:
    """When the page is asked for alone, and the site answers otherwise."""
    running.fault(path=r"search\?.*container.*%28102%29", times=1000, **fault)
    assert isinstance(by_id(running.confluence(), ["102"])["102"], Unreadable)
    running.fault(path="user/current", times=1000, **fault)
    with pytest.raises(SourceUnavailableError):
        by_id(running.confluence(), ["102"])


def test_a_restriction_that_always_ends_in_an_outage_shuts_its_pages_alone(running: Any) -> None:
    """Of an ancestor that no search shows, when the site answers otherwise."""
    running.site.pages["101"].status = "trashed"
    running.fault(path="content/101/restriction", status=503, times=1000)
    found = by_id(running.confluence(), ALL)
    assert {rule.name: rule.principals for rule in found["102"].access_rules}["page:101"] == frozenset()
    assert isinstance(found["100"], Document)
    running.fault(path="user/current", status=503, times=1000)
    with pytest.raises(SourceUnavailableError):
        by_id(running.confluence(), ALL)


def test_an_expired_cursor_starts_the_search_anew(
    serve: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no row comes twice."""
    monkeypatch.setattr(confluence_v1, "CLOUD_CAP", 2)
    with serve("cloud") as running:
        running.fault(path=r"restrictions.*cursor=", status=400, times=1)
        listed = [each.id for each in running.confluence().listing()]
        assert sorted(listed) == ALL


def test_a_cursor_that_is_refused_for_ever_is_an_error(
    serve: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing in part would pass for deletions."""
    monkeypatch.setattr(confluence_v1, "CLOUD_CAP", 2)
    with serve("cloud") as running:
        running.fault(path=r"restrictions.*cursor=", status=400, times=9)
        with pytest.raises(Exception, match="400"):
            list(running.confluence().listing())


def test_a_restriction_with_many_people_is_read_to_its_end(
    serve: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that may be cut is followed up; who comes on a later page may read as well."""
    with serve("cloud") as running:
        site = running.site
        people = [f"user:{user.id}" for user in site.directory.users()]
        assert len(people) >= 4
        site_changes.set_restriction(site, site.pages["100"], tuple(people))
        cut = cut_restriction(people[:2])
        row = by_id(running.confluence(), ["100"])["100"]
        whole = row.access_rules[1].principals
        body = {"results": [{**page_row("100"), "restrictions": {"read": cut}}], "_links": {}}
        running.fault(path=r"body\.storage", status=200, times=1, body=body)
        found = by_id(running.confluence(), ["100"])["100"]
        assert found.access_rules[1].principals == whole == set(people)


def cut_restriction(people: list[str]) -> dict[str, Any]:
    """A restriction that shows as many people as it may."""
    users = [{"accountId": person.removeprefix("user:")} for person in people]
    user = {"results": users, "start": 0, "limit": len(users), "size": len(users)}
    return {"restrictions": {"user": user, "group": {"results": [], "start": 0, "limit": 200, "size": 0}}}


def page_row(number: str) -> dict[str, Any]:
    """A page as a search gives it."""
    return {
        "id": number,
        "type": "page",
        "status": "current",
        "title": "Lighthouse handbook",
        "space": {"key": "ENG", "name": "Engineering"},
        "version": {"number": 1},
        "body": {"storage": {"value": "<p>Light.</p>"}},
        "ancestors": [],
    }


def test_a_restriction_set_after_the_last_sweep_is_seen(running: Any) -> None:
    """What was known of the page above is forgotten with each sweep: an old rule must not undo a new one."""
    site, connector = running.site, running.confluence()
    assert "page:100" not in {rule.name for rule in by_id(connector, ["102"])["102"].access_rules}
    site_changes.set_restriction(site, site.pages["100"], ("group:board",))
    assert len(list(connector.listing())) == 5
    assert "page:100" in {rule.name for rule in by_id(connector, ["102"])["102"].access_rules}
    site_changes.set_restriction(site, site.pages["100"], ())
    list(connector.changes(datetime.now(UTC)))
    assert "page:100" not in {rule.name for rule in by_id(connector, ["102"])["102"].access_rules}


def test_a_space_that_came_into_being_during_the_read_is_read(running: Any) -> None:
    """One connector may know the spaces since before."""
    connector = running.confluence()
    assert set(by_id(connector, ["100"])) == {"100"}
    page = site_changes.create_page(
        running.site, {"space": "NEW", "title": "First", "storage": "<p>One.</p>"}
    )
    assert set(by_id(connector, [page.id])) == {page.id}
    assert connector.rule(f"space:{running.site.spaces['NEW'].id}").principals == {"anyone"}


def test_many_threads_read_the_same_as_one(running: Any) -> None:
    """Batches share what is known of spaces, ancestors and people."""
    site = running.site
    ids = [*ALL, "102/att1"]
    for number in range(30):
        page = {"space": "ENG", "title": f"Page {number}", "storage": f"<p>{number}</p>", "parent_id": "103"}
        ids.append(site_changes.create_page(site, page).id)
    alone, shared = running.confluence(), running.confluence()
    with ThreadPoolExecutor(8) as threads:
        parts = list(threads.map(lambda start: by_id(shared, ids[start : start + 4]), range(0, len(ids), 4)))
    together = {number: each for part in parts for number, each in part.items()}
    assert together == by_id(alone, ids)
    assert len(together) == len(ids)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (r"(api/v2/spaces|rest/api/space)\?", "spaces"),
        (r"content/search", "search"),
        (r"/permissions", "view the space ENG"),
        (r"restriction/byOperation", "single pages"),
        (r"rest/api/group\b", "groups"),
    ],
)
def test_the_check_names_the_right_that_is_missing(running: Any, path: str, words: str) -> None:
    """One sentence for each kind of call."""
    running.fault(path=path, status=403, times=20)
    with pytest.raises(AuthenticationError, match=words):
        running.confluence().check()


def test_the_check_says_when_nobody_can_be_matched(running: Any) -> None:
    """People are known by their e-mail addresses alone."""
    for user in running.site.directory.users():
        object.__setattr__(user, "email", "")
    with pytest.raises(AuthenticationError, match="e-mail"):
        running.confluence().check()


def test_the_check_remarks_on_the_accounts_time_zone(running: Any) -> None:
    """It is no fault: windows are read in any zone."""
    account = running.site.service_account("reader@acme.example")
    object.__setattr__(account, "time_zone", "Pacific/Auckland")
    sentence = running.confluence().check()
    assert "Signed in to" in sentence
    if running.deployment == "cloud":
        assert "Pacific/Auckland" in sentence
    else:
        assert "time zone" in sentence
