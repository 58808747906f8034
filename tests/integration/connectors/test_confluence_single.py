"""Pages and files that the search does not show, read by their ids; and what counts as gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from connectors.credentials import basic
from connectors.documents import Document, Unreadable
from connectors.errors import RemovedError, ScopeError
from connectors.site import Gateway
from sandbox import site_changes
from sandbox.atlassian import confluence_v2
from tests.integration.connectors.conftest import EMAIL

#: Searches for pages and files by their ids, and not for what hangs on pages.
BY_ID = r"content/search\?cql=(id\+in|type\+in\+%28attachment%29)"
ALL = ["100", "101", "102", "103", "104", "102/att1"]


def read(connector: Any, ids: Iterable[str]) -> dict[str, Document]:
    """These documents by id; every one must be readable."""
    found = list(connector.documents(list(ids)))
    assert not [each for each in found if isinstance(each, Unreadable)]
    return {each.id: each for each in found}


def hide_from_search(running: Any) -> None:
    """No page and no file is found by its id."""
    running.fault(path=BY_ID, status=200, times=99, body={"results": [], "_links": {}})


def test_what_is_read_by_its_id_is_the_document_that_the_search_gives(running: Any) -> None:
    """With all its labels, its path, people, dates, rules, and the same parts: no sweep reads it again."""
    site = running.site
    labels = [f"label{number}" for number in range(70)]
    site_changes.update_page(site, site.pages["102"], {"labels": labels})
    site_changes.update_page(site, site.pages["104"], {"labels": labels})
    site_changes.update_page(site, site.pages["103"], {"storage": "<p>The new horn code.</p>"})
    site_changes.update_attachment(site, site.pages["102"], "att1", {"text": "Call the pilot."})
    searched = read(running.confluence(), ALL)
    listed = {each.id: each.parts for each in running.confluence().listing()}
    hide_from_search(running)
    site.traffic.log_on = True
    single = read(running.confluence(), ALL)
    assert single == searched
    asked = {each["path"].rpartition("/wiki/")[2].rpartition("/confluence/")[2] for each in site.traffic.log}
    cloud = {f"api/v2/{each}" for each in ("pages/102", "blogposts/104", "attachments/att1")}
    assert asked > (cloud if running.deployment == "cloud" else {"rest/api/content/att1"})
    assert {number: single[number].parts for number in listed} == listed
    assert len(single["102"].labels) == 70


def test_a_long_way_up_is_walked_to_its_top(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ancestor may have a restriction: none may be left out, however few are told at once."""
    monkeypatch.setattr(confluence_v2, "ANCESTORS_CAP", 1)
    searched = read(running.confluence(), ["103"])
    hide_from_search(running)
    assert read(running.confluence(), ["103"]) == searched
    assert [rule.name for rule in searched["103"].access_rules] == [
        f"space:{running.site.spaces['ENG'].id}",
        "page:101",
        "page:103",
    ]


def test_cloud_is_not_asked_for_what_version_1_has_no_more(serve: Callable[[str], Any]) -> None:
    """A site that answers 410 there loses nothing."""
    with serve("cloud") as running:
        hide_from_search(running)
        running.fault(path=r"rest/api/content/(att)?\d+(\?|$)", status=410, times=99)
        assert set(read(running.confluence(), ALL)) == set(ALL)
        site_changes.delete_page(running.site, running.site.pages["104"], purge=True)
        assert read(running.confluence(), ["104"]) == {}


@pytest.mark.parametrize("number", ["102", "102/att1"])
def test_a_resource_that_is_gone_is_no_page_that_is_gone(running: Any, number: str) -> None:
    """410 is of the API: nothing may be deleted for it."""
    hide_from_search(running)
    running.fault(path=r"(content|pages|attachments)/(102|att1)(\?|$)", status=410, times=99)
    with pytest.raises(RemovedError, match="410"):
        list(running.confluence().documents([number]))


@pytest.mark.parametrize("status", [403, 404])
def test_what_the_account_may_not_read_is_gone(running: Any, status: int) -> None:
    """For this index: nobody could be shown it with certainty."""
    hide_from_search(running)
    running.fault(path=r"(content|pages)/102\?", status=status, times=9)
    assert read(running.confluence(), ["100", "102"]).keys() == {"100"}


@pytest.mark.parametrize("path", ["pages/102/ancestors", "api/v2/spaces/[0-9]+$"])
def test_a_page_that_is_there_in_part_is_unreadable_and_not_gone(
    serve: Callable[[str], Any], path: str
) -> None:
    """Without its ancestors it would be shown to too many."""
    with serve("cloud") as running:
        hide_from_search(running)
        running.fault(path=path, status=404, times=9)
        [found] = running.confluence().documents(["102"])
        assert isinstance(found, Unreadable)
        assert "102" in found.reason


@pytest.mark.parametrize("kind", ["page", "blogpost"])
def test_archived_and_trashed_ones_are_gone_by_their_ids_too(running: Any, kind: str) -> None:
    """Only what is current counts."""
    site, number = running.site, {"page": "102", "blogpost": "104"}[kind]
    hide_from_search(running)
    for status in ("trashed", "archived"):
        site_changes.set_page_status(site, site.pages[number], status)
        assert read(running.confluence(), [number]) == {}
        site_changes.set_page_status(site, site.pages[number], "current")
    assert set(read(running.confluence(), [number])) == {number}


def through_the_gateway(running: Any, *scopes: str) -> Any:
    """A connector with a token that has these scopes."""
    running.site.identity.scoped["scoped"] = frozenset(scopes)
    gateway = Gateway(product="confluence", url=running.url)
    return running.confluence(gateway=gateway, credentials=basic(EMAIL, "scoped"))


SCOPES = [
    "search:confluence",
    "read:confluence-content.all",
    "read:confluence-user",
    "read:space:confluence",
    "read:content.metadata:confluence",
    "read:attachment:confluence",
]


@pytest.mark.parametrize("scope", ["read:page:confluence", "read:attachment:confluence"])
def test_a_token_that_may_not_read_single_pages_deletes_nothing(
    serve: Callable[[str], Any], scope: str
) -> None:
    """The refusal is of the token, not of the page or file."""
    with serve("cloud") as running:
        hide_from_search(running)
        connector = through_the_gateway(running, *{*SCOPES, "read:page:confluence"} - {scope})
        with pytest.raises(ScopeError):
            list(connector.documents(["102", "102/att1"]))


def test_citations_lead_to_the_site_and_not_through_the_gateway(serve: Callable[[str], Any]) -> None:
    """Pages, headings, comments and files, found by the search or by their ids."""
    with serve("cloud") as running:
        direct = read(running.confluence(), ALL)
        connector = through_the_gateway(running, *SCOPES, "read:page:confluence")
        assert read(connector, ALL) == direct
        hide_from_search(running)
        assert read(through_the_gateway(running, *SCOPES, "read:page:confluence"), ALL) == direct
        urls = [url for each in direct.values() for url in (each.url, *(s.url for s in each.sections))]
        assert len(urls) > 10
        assert all(url.startswith(f"{running.url}/wiki/spaces/ENG/") for url in urls)


def test_citations_lead_to_where_people_open_the_site(running: Any) -> None:
    """The account may come by another name than they."""
    connector = running.confluence(browse_url="https://wiki.acme.example/docs/")
    for each in read(connector, ALL).values():
        urls = [each.url, *(section.url for section in each.sections)]
        assert all(url.startswith("https://wiki.acme.example/docs/") for url in urls)


def test_a_hint_of_a_page_that_the_index_does_not_show_yet_reads_it(running: Any) -> None:
    """As a webhook tells of it at once, while searches follow by seconds; with its ancestors' rules."""
    site = running.site
    site.search_index.delay_ms = 3_600_000
    page = site_changes.create_page(
        site, {"space": "ENG", "title": "Just now", "storage": "<p>Fresh.</p>", "parent_id": "102"}
    )
    post = site_changes.create_page(
        site, {"space": "ENG", "title": "News", "storage": "<p>Newer.</p>", "type": "blogpost"}
    )
    file = site_changes.add_attachment(
        site, page, {"title": "a.txt", "text": "In a file.", "media_type": "text/plain"}
    )
    site_changes.update_page(site, site.pages["100"], {"storage": "<p>Edited.</p>"})
    connector, ids = running.confluence(), [page.id, post.id, f"{page.id}/{file.id}", "100"]
    assert page.id not in {each.id for each in connector.listing()}
    found = read(connector, ids)
    assert [found[number].sections[0].text for number in ids] == [
        *("Fresh.", "Newer.", "In a file.", "Edited."),
    ]
    assert [rule.name for rule in found[page.id].access_rules] == [
        f"space:{running.site.spaces['ENG'].id}",
        "page:101",
    ]
    assert found[page.id].path == ("Lighthouse handbook", "Lamp room", "Lens care & oil")
    site.search_index.delay_ms = 0
    site.search_index.behind.clear()
    later = read(running.confluence(), ids)
    changed = {number for number in ids if later[number] != found[number]}
    assert changed == {page.id}  # whose file the search shows only now
    assert later[page.id].parts != found[page.id].parts


def test_a_reply_whose_comment_is_its_container_names_the_page(running: Any) -> None:
    """Some sites say so; the comment above, which is older, tells the page."""
    reply = {
        "id": "901",
        "type": "comment",
        "version": {"number": 1, "when": "2024-01-20T10:00:00.000Z"},
        "container": {"id": "900", "type": "comment"},
    }
    running.fault(path="lastmodified", status=200, times=1, body={"results": [reply], "_links": {}})
    connector = running.confluence()
    [change] = connector.changes(next(iter(connector.documents(["102"]))).created)
    assert (change.id, change.part) == ("102", "comment:901:1")
