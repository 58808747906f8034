"""Files on tickets, read over HTTP as documents of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.documents import Document, DocumentKind, SectionKind, Unreadable
from connectors.errors import AuthenticationError, SourceUnavailableError
from sandbox import site_changes
from tests.integration.connectors.jira_reading import make_service_desks, read

NOTES = {"filename": "wick notes.md", "text": "# Wick\n\nTrim it at dusk.", "mimeType": "text/markdown"}
CONTENT = "attachment/content|secure/attachment"


@pytest.fixture(autouse=True)
def _service_desks(monkeypatch: pytest.MonkeyPatch) -> None:
    make_service_desks(monkeypatch)


def attach(running: Any, key: str = "OPS-1", **data: Any) -> str:
    """Attach a file, the notes as it stands, and return the document's id."""
    ticket = running.site.find_issue(key)
    number = site_changes.add_issue_attachment(running.site, ticket, {"author": "cy.fox", **NOTES, **data})
    return f"{ticket.id}/{number}"


def test_a_file_is_a_document_with_its_tickets_rules(running: Any) -> None:
    """The ticket lists it; its text comes under its headings."""
    file = attach(running)
    connector = running.jira()
    ticket = read(connector)["OPS-1"]
    assert [(each.id, each.access_rules) for each in ticket.attachments] == [(file, None)]
    [document] = connector.documents([file])
    assert (document.kind, document.title, document.external_id) == (
        DocumentKind.ATTACHMENT,
        "wick notes.md",
        "OPS-1",
    )
    assert (document.parent_id, document.author, document.url) == (ticket.id, "Cy Fox", ticket.url)
    assert document.access_rules == ticket.access_rules
    assert document.parts == ticket.attachments[0].parts
    [section] = document.sections
    assert (section.kind, section.heading_path) == (SectionKind.ATTACHMENT, ("Wick",))
    assert "Trim it at dusk." in section.text


def test_files_of_many_tickets_take_one_request_for_all_and_one_for_each(running: Any) -> None:
    """Tickets and files may be asked for together."""
    files = [attach(running, key, filename=f"{n}.txt") for n, key in enumerate(("OPS-1", "OPS-1", "OPS-3"))]
    connector = running.jira()
    read(connector)
    before = running.requests()
    found = list(connector.documents([*files, "1001"]))
    assert {document.id for document in found} == {*files, "1001"}
    content = 2 if running.deployment == "cloud" else 1  # a redirect
    notes = 2 if running.deployment == "datacenter" else 0  # the comments of a service desk, for each ticket
    assert running.requests() - before <= 3 + notes + 3 * content


def test_a_renamed_or_moved_ticket_shows_its_files_anew(running: Any) -> None:
    """A file's document names its ticket."""
    attach(running)
    [before] = read(running.jira())["OPS-1"].attachments
    site_changes.update_issue(running.site, running.site.find_issue("OPS-1"), {"summary": "A calm lamp"})
    [after] = read(running.jira())["OPS-1"].attachments
    assert before.id == after.id
    assert before.parts != after.parts
    [document] = running.jira().documents([after.id])
    assert (document.path, document.parts) == (("A calm lamp",), after.parts)


def test_what_is_gone_yields_nothing(running: Any) -> None:
    """The file, its ticket, an id that never was, or one of another ticket."""
    file, other = attach(running), attach(running, "OPS-3")
    number = file.partition("/")[2]
    wrong = [f"1003/{number}", "1001/999", "999999/1", f"x/{number}", f"1001/{number}/1", "1001/"]
    assert list(running.jira().documents(wrong)) == []
    site_changes.delete_issue_attachment(running.site, running.site.find_issue("OPS-1"), number)
    site_changes.delete_issue(running.site, running.site.find_issue("OPS-3"))
    assert list(running.jira().documents([file, other])) == []


def test_a_file_that_goes_while_it_is_read_yields_nothing(running: Any) -> None:
    """Its ticket still names it."""
    file = attach(running)
    running.fault(path=CONTENT, status=404, times=1)
    assert list(running.jira().documents([file])) == []


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 500}, {"status": 400}])
def test_a_file_that_cannot_be_had_is_named_and_the_others_are_read(
    running: Any, fault: dict[str, Any]
) -> None:
    """One file does not keep the next."""
    first, second = attach(running), attach(running, filename="b.txt")
    running.fault(path=CONTENT, times=3 if fault["status"] == 500 else 1, **fault)
    found = {each.id: each for each in running.jira().documents([first, second])}
    assert isinstance(found[first], Unreadable)
    assert isinstance(found[second], Document)


def test_a_file_without_readable_text_is_named_with_the_reason(running: Any) -> None:
    """Broken PDFs happen."""
    file = attach(running, filename="plan.pdf", text="not a PDF at all", mimeType="application/pdf")
    [found] = running.jira().documents([file])
    assert isinstance(found, Unreadable)
    assert found.external_id == "OPS-1"
    assert "PDF" in found.reason


@pytest.mark.parametrize(("status", "error"), [(503, SourceUnavailableError), (401, AuthenticationError)])
def test_an_outage_is_no_fault_of_a_file(running: Any, status: int, error: type[Exception]) -> None:
    """The batch is read again later."""
    file = attach(running)
    running.fault(path=f"{CONTENT}|myself", status=status, times=10)
    with pytest.raises(error):
        list(running.jira().documents([file]))


def test_pictures_and_huge_files_are_not_listed(running: Any) -> None:
    """What cannot be read is not asked for."""
    attach(running, filename="photo.png", mimeType="image/png")
    huge = attach(running, filename="dump.log", text="x" * (5 * 1024 * 1024 + 1), mimeType="text/plain")
    connector = running.jira()
    assert read(connector)["OPS-1"].attachments == ()
    assert list(connector.documents([huge])) == []


@pytest.mark.parametrize(
    "limit", [{"visibility": {"type": "role", "value": "Members"}}, {"jsdPublic": False}]
)
def test_a_file_that_came_with_a_comment_for_some_is_for_nobody(running: Any, limit: dict[str, Any]) -> None:
    """Named in it, or put there by its author at the same time; whether such comments are asked for or not."""
    site = running.site
    named, beside, other = attach(running), attach(running, author="bo.kim"), attach(running, filename="c.md")
    body = {"body": "See [^wick notes.md]", "author": "bo.kim", **limit}
    site_changes.add_issue_comment(site, site.find_issue("OPS-1"), body)
    for options in ({}, {"restricted_comments": True, "internal_notes": True}):
        connector = running.jira(options=options)
        assert [each.id for each in read(connector)["OPS-1"].attachments] == [other]
        assert list(connector.documents([named, beside])) == []


def test_credentials_do_not_go_to_another_host(serve: Callable[[str], Any]) -> None:
    """Data Center's addresses are built from id and name, whatever host the site writes into them."""
    with serve("datacenter") as running:
        file = attach(running)
        entry = {"id": file.partition("/")[2], "filename": NOTES["filename"], "mimeType": "text/markdown"}
        entry["content"] = "http://127.0.0.1:1/steal/the/token"
        fields = {"project": {"id": "10", "key": "OPS"}, "summary": "a", "comment": {}, "attachment": [entry]}
        row = {"id": "1001", "key": "OPS-1", "fields": fields}
        running.fault(path="issue/1001", status=200, times=1, body=row)
        [document] = running.jira().documents([file])
        assert isinstance(document, Document)
