"""Folders of judged collections."""

from __future__ import annotations

import gzip
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.collection import CollectionConnector
from connectors.documents import Document, DocumentKind, SectionKind, Unreadable
from connectors.errors import ConnectorError, NotFoundError


def read(folder: Path) -> list[Document | Unreadable]:
    """Everything in a folder."""
    connector = CollectionConnector(name="judged", folder=folder)
    return list(connector.documents([listed.id for listed in connector.listing()]))


def write(path: Path, *rows: dict[str, Any] | str) -> None:
    """A JSON Lines file, compressed where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)


PAGE = {
    "id": "7",
    "space": "ENG",
    "title": "Lens",
    "parent_id": None,
    "created": "2024-01-02T03:04:05.000Z",
    "updated": "2024-01-03T03:04:05.000Z",
    "author": "ann",
    "labels": ["a"],
    "storage": "<h1>Care</h1><p>Polish.</p>",
    "comments": [
        {"id": "9", "author": "bo", "created": "2024-01-04T03:04:05.000Z", "storage": "<p>Daily!</p>"}
    ],
}
ISSUE: dict[str, Any] = {
    "id": "5",
    "key": "OPS-1",
    "fields": {"summary": "Dark", "description": "h1. Why\nno oil"},
}


def test_a_corpus_of_texts(tmp_path: Path) -> None:
    """Markdown texts become files with one section."""
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "title": "T", "text": "# Words"})
    [document] = read(tmp_path)
    assert isinstance(document, Document)
    assert (document.external_id, document.title, document.kind) == ("d1", "T", DocumentKind.FILE)
    assert document.sections[0].text == "# Words"
    assert document.access_rules[0].principals == frozenset({"anyone"})


@pytest.mark.parametrize("title", [{}, {"title": ""}, {"title": " "}, {"title": None}])
def test_a_text_without_a_title_is_called_by_its_id(tmp_path: Path, title: dict[str, Any]) -> None:
    """Which is what the index takes for no title."""
    write(tmp_path / "corpus.jsonl", {"_id": 7, "text": "Words", **title})
    [document] = read(tmp_path)
    assert isinstance(document, Document)
    assert (document.title, document.external_id) == ("7", "7")


def test_a_title_that_is_no_text_is_unreadable(tmp_path: Path) -> None:
    """As a text that is none."""
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "title": ["T"], "text": "Words"})
    assert [type(document) for document in read(tmp_path)] == [Unreadable]


@pytest.mark.parametrize("again", ["d1", 5])
def test_an_id_that_is_repeated_in_a_corpus_is_refused(tmp_path: Path, again: str | int) -> None:
    """With both places; one of the two texts would be missing, and no figure would say so."""
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "a"}, "", {"_id": "5", "text": "b"})
    with (tmp_path / "corpus.jsonl").open("a") as corpus:
        corpus.write("\n" + json.dumps({"_id": again, "text": "c"}))
    first = {"d1": 1, 5: 3}[again]
    with pytest.raises(
        ConnectorError, match=f"line 4 repeats the _id {again} of line {first}: each document"
    ):
        read(tmp_path)


def test_of_tickets_with_one_id_the_later_line_counts(tmp_path: Path) -> None:
    """An export that is read page by page has a ticket twice that moved meanwhile."""
    write(
        tmp_path / "jira" / "OPS.jsonl", ISSUE, {**ISSUE, "fields": {**ISSUE["fields"], "summary": "Light"}}
    )
    assert [document.title for document in read(tmp_path) if isinstance(document, Document)] == ["Light"]


def test_tickets_and_pages_plain_or_compressed(tmp_path: Path) -> None:
    """The same conversion as over HTTP."""
    write(tmp_path / "jira" / "OPS.jsonl.gz", ISSUE)
    write(tmp_path / "confluence" / "ENG.jsonl", PAGE)
    ticket, page = read(tmp_path)
    assert isinstance(ticket, Document)
    assert isinstance(page, Document)
    assert (ticket.external_id, ticket.sections[0].kind) == ("OPS-1", SectionKind.DESCRIPTION)
    assert ticket.sections[0].text == "# Why\n\nno oil"
    assert (page.external_id, page.place, page.author) == ("7", "ENG", "ann")
    assert page.updated == datetime(2024, 1, 3, 3, 4, 5, tzinfo=UTC)
    assert [(s.kind, s.text, s.heading_path) for s in page.sections] == [
        (SectionKind.SECTION, "Polish.", ("Care",)),
        (SectionKind.COMMENT, "Daily!", ()),
    ]


def test_a_file_may_point_to_the_folder(tmp_path: Path) -> None:
    """So that several collections share one set of documents."""
    write(tmp_path / "shared" / "jira" / "OPS.jsonl", ISSUE)
    (tmp_path / "judged").mkdir()
    (tmp_path / "judged" / "jira").write_text("../shared/jira\n")
    assert [document.external_id for document in read(tmp_path / "judged")] == ["OPS-1"]


def test_a_broken_line_is_unreadable_and_the_rest_goes_on(tmp_path: Path) -> None:
    """The reason names the line and none of its text."""
    write(tmp_path / "corpus.jsonl", '{"_id": "secret', {"_id": "d2"}, "", "[]", {"_id": "d3", "text": "ok"})
    documents = read(tmp_path)
    assert [document.id for document in documents] == ["corpus.jsonl:1", "d2", "corpus.jsonl:4", "d3"]
    assert [type(document) for document in documents] == [Unreadable, Unreadable, Unreadable, Document]
    first = documents[0]
    assert isinstance(first, Unreadable)
    assert first.reason.startswith("corpus.jsonl:1 could not be read")
    assert "secret" not in first.reason
    connector = CollectionConnector(name="judged", folder=tmp_path)
    assert "1 files" in connector.check()
    assert [listed.id for listed in connector.listing()][-1] == "d3"
    assert list(connector.memberships()) == []


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    """Most often the path is wrong."""
    with pytest.raises(NotFoundError, match="check the path"):
        read(tmp_path)


def test_a_real_collection_is_read_whole(real_data: Path) -> None:
    """Three thousand real tickets, none unreadable."""
    documents = read(real_data / "judged" / "titanium-small")
    assert len({document.id for document in documents}) == 3000
    assert not [document for document in documents if isinstance(document, Unreadable)]


@pytest.mark.slow
def test_a_whole_company_is_read(real_data: Path) -> None:
    """Twenty-seven thousand documents, none unreadable."""
    assert not [document for document in read(real_data / "company") if isinstance(document, Unreadable)]


def test_single_documents_are_read_by_id(tmp_path: Path) -> None:
    """In the order asked for; a line that cannot be read has its place for an id; what is not there yields nothing."""
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "a"}, "not JSON", {"_id": "d2", "text": "b"})
    found = CollectionConnector(name="judged", folder=tmp_path).documents(["d2", "corpus.jsonl:2", "d9"])
    assert [document.id for document in found] == ["d2", "corpus.jsonl:2"]


def test_a_line_that_changed_has_another_part(tmp_path: Path) -> None:
    """Other lines keep theirs, wherever they now stand; a line that went is listed no more."""
    path = tmp_path / "corpus.jsonl"
    write(path, {"_id": "d1", "text": "a"}, {"_id": "d2", "text": "b"}, {"_id": "d3", "text": "c"})
    connector = CollectionConnector(name="judged", folder=tmp_path)
    before = {listed.id: listed.parts for listed in connector.listing()}
    write(path, {"_id": "d3", "text": "c"}, {"_id": "d1", "text": "changed"})
    after = {listed.id: listed.parts for listed in connector.listing()}
    assert after.keys() == {"d1", "d3"}
    assert after["d3"] == before["d3"]
    assert after["d1"] != before["d1"]
    [document] = connector.documents(["d1"])
    assert isinstance(document, Document)
    assert (document.sections[0].text, document.parts) == ("changed", after["d1"])


def test_changes_are_the_lines_of_files_written_since(tmp_path: Path) -> None:
    """Each with the part by which the indexer knows whether it has it already."""
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "a"})
    write(tmp_path / "jira" / "OPS.jsonl.gz", ISSUE)
    os.utime(tmp_path / "corpus.jsonl", (1_000_000_000, 1_000_000_000))
    connector = CollectionConnector(name="judged", folder=tmp_path)
    listed = {entry.id: entry.parts for entry in connector.listing()}
    since = datetime.now(UTC) - timedelta(hours=1)
    assert [(c.id, frozenset({c.part})) for c in connector.changes(since)] == [("5", listed["5"])]
    assert {change.id for change in connector.changes(datetime.fromtimestamp(0, UTC))} == {"d1", "5"}


def test_many_threads_read_at_once(tmp_path: Path) -> None:
    """Each gets the lines that it asked for, out of a packed file too."""
    rows = [{"_id": f"d{number}", "text": f"text {number} " * number} for number in range(300)]
    write(tmp_path / "corpus.jsonl", *rows)
    write(tmp_path / "jira" / "OPS.jsonl.gz", *({**ISSUE, "id": str(number)} for number in range(300)))
    connector = CollectionConnector(name="judged", folder=tmp_path)
    batches = [[f"d{number}", str(299 - number)] for number in range(300)]
    with ThreadPoolExecutor(8) as threads:
        found = list(
            threads.map(lambda batch: [document.id for document in connector.documents(batch)], batches)
        )
    assert found == batches


def test_a_broken_archive_is_no_empty_collection(tmp_path: Path) -> None:
    """Nothing may be taken for deleted because of it."""
    write(tmp_path / "jira" / "OPS.jsonl.gz", ISSUE)
    path = tmp_path / "jira" / "OPS.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ConnectorError, match="check its files"):
        read(tmp_path)
