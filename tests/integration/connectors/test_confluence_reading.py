"""Confluence read over HTTP, Cloud and Data Center."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from connectors.batches import batches
from connectors.documents import Document, DocumentKind, Section, SectionKind, Unreadable
from connectors.errors import AuthenticationError, NotFoundError, UnexpectedAnswerError
from sandbox import site_changes
from sandbox.atlassian import confluence_people, confluence_v1
from tests.integration.connectors.confluence_reading import read


def changed(connector: Any, since: datetime) -> set[str]:
    """The ids of what changed."""
    return {change.id for change in connector.changes(since)}


def test_a_full_read_finds_pages_and_blog_posts(running: Any) -> None:
    """Titles, places, people, dates and labels come with each."""
    documents = read(running.confluence())
    assert sorted(documents) == ["100", "101", "102", "103", "104"]
    page = documents["102"]
    assert (page.title, page.place, page.author, page.labels) == (
        "Lens care & oil",
        "Engineering",
        "Ann Lee",
        ("lamp",),
    )
    assert page.created == datetime(2024, 1, 12, 8, tzinfo=UTC)
    assert documents["104"].kind is DocumentKind.BLOGPOST


def test_sections_are_prose_tables_code_and_comments(running: Any) -> None:
    """A mention has its name, code its bytes and its language, a comment its author and date."""
    sections = read(running.confluence())["102"].sections
    kinds = [section.kind for section in sections]
    assert kinds == [
        SectionKind.SECTION,
        SectionKind.TABLE,
        SectionKind.CODE,
        SectionKind.COMMENT,
    ]
    prose, table, code, comment = sections
    assert "lens" in table.text.lower()
    assert (code.text, code.language) == ("polish --lens 1\n\n  && echo done", "sh")
    assert comment.text == "Use the **soft** cloth."
    assert (comment.author, comment.created) == ("Bo Kim", datetime(2024, 1, 20, 9, tzinfo=UTC))
    if running.deployment == "cloud":  # Data Center mentions by user key
        assert prose.text == "Ask @Bo Kim for oil."


def test_links_lead_to_the_page_the_heading_and_the_comment(running: Any) -> None:
    """Each deployment has its own form of all three."""
    documents = read(running.confluence())
    first, second = documents["101"].sections
    page, base = documents["102"], running.confluence_url
    if running.deployment == "cloud":
        assert page.url == f"{base}/spaces/ENG/pages/102/{quote_plus('Lens care & oil')}"
        assert first.url.endswith("#Daily-round")
        assert second.url.endswith("#Daily-round.1")
        assert "/blog/2024/01/14/104/" in documents["104"].url
    else:
        assert page.url == f"{base}/pages/viewpage.action?pageId=102"
        assert first.url.endswith("#Lamproom-Dailyround")
        assert second.url.endswith("#Lamproom-Dailyround.1")
    comment = next(s for s in page.sections if s.kind is SectionKind.COMMENT)
    assert comment.url.startswith(page.url)
    assert "focusedCommentId=900" in comment.url


def test_no_space_at_all_is_an_error_and_not_an_empty_wiki(running: Any) -> None:
    """Or a sweep would delete everything when an account loses its rights."""
    with pytest.raises(NotFoundError):
        list(running.confluence(spaces=("NOPE",)).listing())


def test_small_pages_of_results_are_walked_to_the_end(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that gives two rows at a time gives them all."""
    for name in ("CLOUD_CAP", "CAP_WITH_BODY", "DATA_CENTER_CAP"):
        monkeypatch.setattr(confluence_v1, name, 2)
    monkeypatch.setattr(confluence_people, "CAP", 2)
    assert len(read(running.confluence())) == 5
    assert len(list(running.confluence().listing())) == 5
    assert len(list(running.confluence()._api.groups())) == 3
    assert len(list(running.confluence()._api.members(next(running.confluence()._api.groups())))) == 3


def test_a_page_too_large_for_the_server_is_asked_for_in_smaller_ones(running: Any) -> None:
    """500 on fifty bodies, success on ten."""
    running.fault(path=r"body\.storage.*limit=50", status=500, times=3)
    assert len(read(running.confluence())) == 5


def test_cloud_and_data_center_give_the_same_documents(serve: Callable[[str], Any]) -> None:
    """But for links, and for principals, which each deployment names in its own way."""

    def seen(document: Document) -> tuple[object, ...]:
        sections = [_texts(section) for section in document.sections]
        rules = [rule.name for rule in document.access_rules]
        return (
            document.title,
            document.kind,
            document.place,
            document.author,
            document.labels,
            rules,
            sections,
        )

    with serve("cloud") as cloud, serve("datacenter") as datacenter:
        one, other = read(cloud.confluence()), read(datacenter.confluence())
    assert {number: seen(document) for number, document in one.items()} == {
        number: seen(document) for number, document in other.items()
    }


def _texts(section: Section) -> tuple[object, ...]:
    text = re.sub(r"@(Bo Kim|someone)", "@", section.text)
    return (section.kind, text, section.heading_path, section.author, section.created)


def test_an_incremental_read_sees_edits_comments_files_and_new_pages(running: Any) -> None:
    """Nothing else is read again."""
    site, since = running.site, datetime.now(UTC)
    connector = running.confluence()
    assert changed(connector, since) == set()
    site_changes.update_page(site, site.pages["100"], {"storage": "<p>New words.</p>"})
    site_changes.add_page_comment(site, site.pages["103"], {"storage": "<p>Agreed.</p>", "author": "cy.fox"})
    created = site_changes.create_page(site, {"space": "ENG", "title": "Bell", "storage": "<p>Ring.</p>"})
    assert changed(connector, since) == {"100", "103", created.id}
    documents = read(connector, changed(connector, since))
    assert documents["100"].sections[0].text == "New words."
    assert documents["103"].sections[-1].text == "Agreed."
    assert [rule.name for rule in documents["103"].access_rules] == [
        f"space:{running.site.spaces['ENG'].id}",
        "page:101",
        "page:103",
    ]


def test_the_window_is_read_in_the_accounts_own_zone(running: Any) -> None:
    """An account far in the west or east misses nothing."""
    site, since = running.site, datetime.now(UTC) - timedelta(minutes=5)
    account = site.service_account("reader@acme.example")
    site_changes.update_page(site, site.pages["100"], {"storage": "<p>Edited.</p>"})
    for zone in ("Pacific/Honolulu", "Pacific/Auckland"):
        object.__setattr__(account, "time_zone", zone)
        assert changed(running.confluence(), since) == {"100"}


def test_only_the_named_spaces_are_read(running: Any) -> None:
    """What lies in another space is neither read nor listed."""
    created = site_changes.create_page(
        running.site, {"space": "HR", "title": "Pay", "storage": "<p>Much.</p>"}
    )
    connector = running.confluence(spaces=("ENG",))
    since = datetime.now(UTC) - timedelta(minutes=5)
    assert created.id not in read(connector)
    assert created.id not in changed(connector, since)
    assert read(connector, [created.id]) == {}
    assert created.id not in {listed.id for listed in connector.listing()}
    assert created.id in read(running.confluence())


@pytest.mark.parametrize("key", ["~ann.lee", "R&D", "A b"])
def test_a_space_with_any_key_is_read(running: Any, key: str) -> None:
    """Personal spaces, and keys that mean something in a URL or a query."""
    running.site.space_permissions[key] = ("group:board",)
    page = site_changes.create_page(running.site, {"space": key, "title": "Own", "storage": "<p>Notes.</p>"})
    connector = running.confluence(spaces=(key,))
    assert set(read(connector)) == {page.id}
    assert changed(connector, datetime.now(UTC) - timedelta(minutes=1)) == {page.id}
    board = connector.rule(f"space:{running.site.spaces[key].id}").principals
    assert board is not None
    assert len(board) == 1


def test_the_listing_has_the_rules_and_misses_what_was_deleted(running: Any) -> None:
    """A sweep needs no bodies."""
    rules = {listed.id: listed.access_rules for listed in running.confluence().listing()}
    assert rules == {number: document.access_rules for number, document in read(running.confluence()).items()}
    site_changes.delete_page(running.site, running.site.pages["103"], purge=False)
    assert {listed.id for listed in running.confluence().listing()} == {"100", "101", "102", "104"}


def test_requests_do_not_grow_with_pages(running: Any) -> None:
    """Five pages and fifty cost the same: the pages, what hangs on them, and the space; ancestors are of the batch."""
    ids = ["100", "101", "102", "103", "104"]
    for number in range(45):
        page = {"space": "ENG", "title": f"Page {number}", "storage": f"<p>{number}</p>", "parent_id": "102"}
        ids.append(site_changes.create_page(running.site, page).id)
    counted = running.requests()
    assert len(read(running.confluence(), ids)) == 50
    people = running.requests() - counted - 3
    assert people <= 2  # the one person who is mentioned
    connector = running.confluence()
    read(connector, ids[:5])
    counted = running.requests()
    assert len(read(connector, ids)) == 50
    assert running.requests() - counted == 2


def test_a_read_costs_less_than_a_twentieth_of_a_request_for_each_page(running: Any) -> None:
    """In batches of the size that the connector likes best."""
    connector = running.confluence()
    for number in range(295):
        page = {"space": "ENG", "title": f"Page {number}", "storage": f"<p>{number}</p>", "parent_id": "103"}
        site_changes.create_page(running.site, page)
    ids = [listed.id for listed in connector.listing()]
    counted = running.requests()
    documents = [d for batch in batches(ids, connector.batch_size) for d in read(connector, batch).values()]
    assert len(documents) == 300
    assert running.requests() - counted <= 0.05 * 300


def test_a_row_in_an_unknown_shape_is_unreadable_and_the_rest_goes_on(running: Any) -> None:
    """One bad page does not end the run, and its text is in no message."""
    body = {
        "id": "100",
        "type": "page",
        "title": None,
        "body": {"storage": {"value": "<p>Words.</p>"}},
        "space": {"key": "ENG"},
    }
    connector = running.confluence()
    running.fault(path="body.storage", status=200, times=1, body={"results": [body], "_links": {}})
    documents = {document.id: document for document in connector.documents(["100", "101"])}
    assert isinstance(documents["100"], Unreadable)
    assert "Words" not in documents["100"].reason
    assert isinstance(documents["101"], Document)


def test_single_pages_are_read_by_id(running: Any) -> None:
    """Trashed and purged pages, and those of other spaces, yield nothing."""
    other = site_changes.create_page(running.site, {"space": "HR", "title": "Pay", "storage": "<p>Much.</p>"})
    site_changes.delete_page(running.site, running.site.pages["103"], purge=False)
    site_changes.delete_page(running.site, running.site.pages["104"], purge=True)
    connector = running.confluence(spaces=("ENG",))
    wanted = ["100", "102", "103", "104", "999999", "100) or (id = 101", other.id]
    found = {document.id: document for document in connector.documents(wanted)}
    whole = read(connector)
    assert found == {number: whole[number] for number in ("100", "102")}
    assert list(connector.documents(["103"])) == []


def test_a_page_that_the_search_misses_is_not_taken_for_deleted(running: Any) -> None:
    """The index lags behind; the page itself tells."""
    connector = running.confluence()
    running.fault(path="content/search", status=200, times=1, body={"results": [], "_links": {}})
    assert [document.id for document in connector.documents(["102"])] == ["102"]


def test_a_refused_account_is_not_taken_for_a_deleted_page(running: Any) -> None:
    """403 for one page hides it; where the whole account is refused, that is an error."""
    empty = {"results": [], "_links": {}}
    running.fault(path="content/search", status=200, times=2, body=empty)
    running.fault(path=r"(content|pages)/102\?", status=403, times=2)
    assert list(running.confluence().documents(["102"])) == []
    running.fault(path="user/current", status=200, times=1, body={"type": "anonymous"})
    with pytest.raises(AuthenticationError):
        list(running.confluence().documents(["102"]))


@pytest.mark.parametrize("body", [{"message": "No."}, {}, []])
def test_an_answer_without_results_is_not_an_empty_wiki(running: Any, body: Any) -> None:
    """Or a sweep would delete everything."""
    since = datetime.now(UTC)
    for call in (lambda: running.confluence().changes(since), lambda: running.confluence().listing()):
        running.fault(path="content/search", status=200, times=1, body=json.dumps(body))
        with pytest.raises(UnexpectedAnswerError):
            list(call())


def test_a_single_space_that_is_not_visible_any_more_is_an_error(running: Any) -> None:
    """Its pages must not look deleted while the others are read."""
    connector = running.confluence(spaces=("ENG", "GONE"))
    for call in (connector.listing, connector.check):
        with pytest.raises(NotFoundError, match=r"GONE.*check"):
            list(call())


def test_an_empty_page_of_results_with_a_next_one_is_not_the_end(running: Any) -> None:
    """Confluence filters what the account may not see after it has cut the pages."""
    link = "/rest/api/content/search?cql=x&start=0&limit=200"
    left = 3  # Data Center goes on by offset, past the two rows that it left out
    if running.deployment == "cloud":
        link, left = f"{link}&cursor={quote_plus(confluence_v1.make_cursor(0))}", 5
    body = {"results": [], "limit": 2, "_links": {"next": link}}
    running.fault(path="restrictions.read", status=200, times=1, body=body)
    assert len(list(running.confluence().listing())) == left


def test_a_repeated_next_link_ends_in_an_error_and_not_in_a_circle(running: Any) -> None:
    """Empty pages for ever."""
    link = "/rest/api/content/search?cql=x&start=0&limit=200&cursor=again"
    running.fault(path="content/search", status=200, times=50, body={"results": [], "_links": {"next": link}})
    with pytest.raises(UnexpectedAnswerError, match="twice"):
        list(running.confluence().listing())
    assert running.requests() < 10
