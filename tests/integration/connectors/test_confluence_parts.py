"""What a Confluence page is made of: comments in threads, files, included pages, and a word for each version."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.documents import Document, DocumentKind, Section, SectionKind, Unreadable
from connectors.errors import AuthenticationError, SourceUnavailableError
from sandbox import site_changes

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def read(connector: Any, ids: Iterable[str]) -> dict[str, Document]:
    """These documents by id; every one must be readable."""
    found = list(connector.documents(list(ids)))
    assert not [each for each in found if isinstance(each, Unreadable)]
    return {each.id: each for each in found}


def comments(document: Document) -> list[Section]:
    """The comments of a page in their order."""
    return [section for section in document.sections if section.kind is SectionKind.COMMENT]


def in_step(connector: Any) -> None:
    """What a listing tells of each page is what its document tells."""
    listed = {each.id: each for each in connector.listing()}
    documents = read(connector, listed)
    assert {number: each.parts for number, each in listed.items()} == {
        number: each.parts for number, each in documents.items()
    }
    assert {number: each.access_rules for number, each in listed.items()} == {
        number: each.access_rules for number, each in documents.items()
    }


def test_a_reply_follows_its_comment(running: Any) -> None:
    """Whatever was said elsewhere in the meantime; each with its author and date."""
    site, page = running.site, running.site.pages["102"]
    later = site_changes.add_page_comment(site, page, {"storage": "<p>Which oil?</p>", "author": "cy.fox"})
    reply = {"storage": "<p>The cloth is gone.</p>", "author": "ann.lee", "parent_id": "900"}
    first = site_changes.add_page_comment(site, page, reply)
    site_changes.add_page_comment(
        site, page, {"storage": "<p>Here is one.</p>", "author": "bo.kim", "parent_id": first.id}
    )
    site_changes.add_page_comment(
        site, page, {"storage": "<p>Whale oil.</p>", "author": "bo.kim", "parent_id": later.id}
    )
    found = comments(read(running.confluence(), ["102"])["102"])
    assert [section.text for section in found] == [
        "Use the **soft** cloth.",
        "The cloth is gone.",
        "Here is one.",
        "Which oil?",
        "Whale oil.",
    ]
    assert [section.author for section in found] == ["Bo Kim", "Ann Lee", "Bo Kim", "Cy Fox", "Bo Kim"]
    in_step(running.confluence())


def test_an_inline_comment_names_the_text_that_it_is_about(running: Any) -> None:
    """And says when it is resolved, which changes neither version nor date of anything."""
    site, page = running.site, running.site.pages["100"]
    inline = {
        "storage": "<p>Who is we?</p>",
        "author": "bo.kim",
        "inline": {"originalSelection": "How we keep"},
    }
    comment = site_changes.add_page_comment(site, page, inline)
    connector = running.confluence()
    before = read(connector, ["100"])["100"]
    assert comments(before)[0].text == "On “How we keep”: Who is we?"
    site_changes.update_page_comment(site, page, comment.id, {"resolved": True})
    after = read(connector, ["100"])["100"]
    assert comments(after)[0].text == "On “How we keep” (resolved): Who is we?"
    assert before.parts != after.parts
    in_step(connector)


def test_what_carries_no_date_shows_in_the_parts(running: Any) -> None:
    """A deleted comment, a label, a move, a renamed page above, a removed file."""
    site, pages = running.site, running.site.pages
    connector = running.confluence()

    def parts() -> dict[str, Any]:
        return {listed.id: listed.parts for listed in connector.listing()}

    def differing(before: dict[str, Any]) -> set[str]:
        return {number for number, each in parts().items() if each != before[number]}

    seen = parts()
    assert differing(seen) == set()
    site_changes.delete_page_comment(site, pages["102"], "900")
    assert differing(seen) == {"102"}
    seen = parts()
    site_changes.update_page(site, pages["100"], {"labels": ["light"]})
    assert differing(seen) == {"100"}
    seen = parts()
    site_changes.update_page(site, pages["103"], {"parent_id": "100"})
    assert differing(seen) == {"103"}
    seen = parts()
    site_changes.delete_attachment(site, pages["102"], "att1")
    assert differing(seen) == {"102"}
    seen = parts()
    site_changes.update_page(site, pages["101"], {"title": "Lantern room"})
    assert differing(seen) == {"101", "102"}
    in_step(connector)


def test_a_change_names_the_part_that_changed(running: Any) -> None:
    """It is the word that the page's document then has; an unknown page is told with a word as well."""
    site, since = running.site, datetime.now(UTC)
    connector = running.confluence()
    site_changes.update_page(site, site.pages["101"], {"storage": "<p>New.</p>"})
    site_changes.add_page_comment(site, site.pages["102"], {"storage": "<p>Hm.</p>"})
    site_changes.add_attachment(
        site, site.pages["103"], {"title": "a.txt", "text": "Ah.", "media_type": "text/plain"}
    )
    changes = list(connector.changes(since))
    documents = read(connector, {change.id for change in changes})
    assert sorted(change.id for change in changes) == ["101", "102", "103"]
    assert all(change.part in documents[change.id].parts for change in changes)
    assert all(
        change.updated is not None and change.updated >= since.replace(microsecond=0) for change in changes
    )


def test_a_refresh_costs_a_handful_of_requests(running: Any) -> None:
    """Zone, changes, pages, what hangs on them, and the restrictions above: whatever the number of spaces."""
    site, since, connector = running.site, datetime.now(UTC), running.confluence()
    for number in ("101", "102", "103"):
        site_changes.update_page(site, site.pages[number], {"storage": "<p>New.</p>"})
    assert set(read(connector, {change.id for change in connector.changes(since)})) == {"101", "102", "103"}
    assert running.requests() <= 5


def test_changes_cost_the_account_and_the_search(running: Any) -> None:
    """The zone is asked for once."""
    connector = running.confluence()
    list(connector.changes(datetime.now(UTC)))
    assert running.requests() == 2
    list(connector.changes(datetime.now(UTC)))
    assert running.requests() == 3


def test_a_moved_page_is_followed_into_another_space(running: Any) -> None:
    """Its id stays; its space, path, link, rules and attachments' versions are new."""
    site = running.site
    home = site_changes.create_page(site, {"space": "HR", "title": "People", "storage": "<p>All.</p>"})
    connector = running.confluence()
    before = read(connector, ["102"])["102"]
    site_changes.update_page(site, site.pages["102"], {"parent_id": home.id})
    after = read(connector, ["102"])["102"]
    assert (after.place, after.path, after.handle) == ("HR", ("People",), "HR:lens care & oil")
    assert [rule.name for rule in after.access_rules] == [f"space:{site.spaces['HR'].id}"]
    assert before.attachments != after.attachments
    assert read(running.confluence(spaces=("ENG",)), ["102"]) == {}
    in_step(connector)


def test_archived_and_trashed_pages_are_gone(running: Any) -> None:
    """From the listing as from the documents, and their files with them."""
    site, connector = running.site, running.confluence()
    site_changes.set_page_status(site, site.pages["102"], "archived")
    site_changes.set_page_status(site, site.pages["104"], "trashed")
    assert {listed.id for listed in connector.listing()} == {"100", "101", "103"}
    assert read(connector, ["102", "102/att1", "104"]) == {}
    site_changes.set_page_status(site, site.pages["102"], "current")
    assert set(read(connector, ["102", "102/att1"])) == {"102", "102/att1"}


def test_the_readable_attachments_are_documents_of_their_own(running: Any) -> None:
    """With the page's rules, place and path; a photo is not among them."""
    connector = running.confluence()
    page = read(connector, ["102"])["102"]
    assert [listed.id for listed in page.attachments] == ["102/att1", "102/att2"]
    file = read(connector, ["102/att1"])["102/att1"]
    assert (file.kind, file.parent_id, file.external_id) == (DocumentKind.ATTACHMENT, "102", "102")
    assert (file.title, file.place, file.path) == ("steps.md", "Engineering", (*page.path, page.title))
    assert file.access_rules == page.access_rules
    assert file.parts == page.attachments[0].parts
    assert (file.author, file.created) == ("Bo Kim", datetime(2024, 1, 21, 9, tzinfo=UTC))
    assert file.url.startswith(page.url)
    assert "preview=" in file.url
    assert [section.text for section in file.sections] == ["Call the harbour master before noon."]
    assert {section.kind for section in file.sections} == {SectionKind.ATTACHMENT}


def test_a_batch_of_attachments_is_found_with_two_searches(running: Any) -> None:
    """One for the pages and one for the files; then each is downloaded."""
    site, connector, ids = running.site, running.confluence(), []
    for number in range(8):
        data = {"title": f"{number}.txt", "text": f"Text {number}.", "media_type": "text/plain"}
        ids.append(f"102/{site_changes.add_attachment(site, site.pages['102'], data).id}")
    read(connector, ["102"])
    counted = running.requests()
    files = read(connector, ids)
    assert [files[each].sections[0].text for each in ids] == [f"Text {number}." for number in range(8)]
    each = 2 if running.deployment == "cloud" else 1  # Cloud sends downloads on to where files lie
    assert running.requests() - counted == 2 + 8 * each


def test_an_attachment_of_another_page_or_a_deleted_one_yields_nothing(running: Any) -> None:
    """The page in the id has to be the one that it hangs on: its rules are the file's."""
    site, connector = running.site, running.confluence()
    assert (
        read(connector, ["100/att1", "999999/att1", "102/att999", "102/900", "102/x", "/att1", "102/att1/2"])
        == {}
    )
    site_changes.delete_attachment(site, site.pages["102"], "att1")
    assert read(connector, ["102/att1"]) == {}


def test_a_file_that_the_search_misses_is_asked_for_by_id(running: Any) -> None:
    """The index lags behind."""
    connector = running.confluence()
    running.fault(path="content/search.*attachment", status=200, times=1, body={"results": [], "_links": {}})
    assert set(read(connector, ["102/att1"])) == {"102/att1"}


@pytest.mark.parametrize("status", [302, 400, 403, 404, 500])
def test_a_file_that_cannot_be_had_costs_no_other(running: Any, status: int) -> None:
    """It is unreadable with a reason, and the next one is read."""
    site, connector = running.site, running.confluence()
    other = site_changes.add_attachment(
        site, site.pages["102"], {"title": "b.txt", "text": "B.", "media_type": "text/plain"}
    )
    pattern = "(att1/download|download/attachments/102/steps)"
    running.fault(path=pattern, status=status, times=3)
    found = {each.id: each for each in connector.documents(["102/att1", f"102/{other.id}"])}
    broken = found["102/att1"]
    assert isinstance(broken, Unreadable)
    assert broken.external_id == "102"
    assert isinstance(found[f"102/{other.id}"], Document)


def test_files_are_not_blamed_for_a_site_that_is_down(running: Any) -> None:
    """Or for an account that is refused: the batch fails and is read again."""
    connector = running.confluence()
    read(connector, ["102"])
    for status, error in ((503, SourceUnavailableError), (401, AuthenticationError)):
        running.fault(path="(download|user/current)", status=status, times=6)
        with pytest.raises(error):
            list(connector.documents(["102/att1"]))
        running.site.traffic.faults.clear()


def test_a_broken_file_and_one_that_is_larger_than_it_says_are_unreadable(running: Any) -> None:
    """With a reason that names no text of theirs."""
    site, page = running.site, running.site.pages["102"]
    broken = site_changes.add_attachment(
        site, page, {"title": "plan.docx", "text": "secret words, and no archive", "media_type": DOCX}
    )
    large = site_changes.add_attachment(
        site, page, {"title": "dump.log", "text": "x" * 6_000_000, "media_type": "text/plain"}
    )
    changed = next(each for each in page.attachments if each.id == large.id)
    object.__setattr__(changed, "size", 10)
    found = list(running.confluence().documents([f"102/{broken.id}", f"102/{large.id}"]))
    assert [type(each) for each in found] == [Unreadable, Unreadable]
    assert not [each for each in found if "secret" in each.reason]
    assert "larger" in found[1].reason
