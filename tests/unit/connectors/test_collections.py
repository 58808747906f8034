"""Folders of judged collections."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.collection import CollectionConnector
from connectors.documents import Document, DocumentKind, SectionKind, Unreadable
from connectors.errors import NotFoundError


def read(folder: Path) -> list[Document | Unreadable]:
    """Everything in a folder."""
    return list(CollectionConnector(name="judged", folder=folder).changes(None))


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
ISSUE = {"id": "5", "key": "OPS-1", "fields": {"summary": "Dark", "description": "h1. Why\nno oil"}}


def test_a_corpus_of_texts(tmp_path: Path) -> None:
    """Markdown texts become files with one section."""
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "title": "T", "text": "# Words"})
    [document] = read(tmp_path)
    assert isinstance(document, Document)
    assert (document.external_id, document.title, document.kind) == ("d1", "T", DocumentKind.FILE)
    assert document.sections[0].text == "# Words"
    assert document.access_rules[0].principals == {"anyone"}


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
    assert [type(document) for document in documents] == [Unreadable, Unreadable, Unreadable, Document]
    first = documents[0]
    assert isinstance(first, Unreadable)
    assert first.reason.startswith("corpus.jsonl:1 could not be read")
    assert "secret" not in first.reason
    connector = CollectionConnector(name="judged", folder=tmp_path)
    assert connector.estimate(None) == 4
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
    assert len(documents) == 3000
    assert not [document for document in documents if isinstance(document, Unreadable)]


@pytest.mark.slow
def test_a_whole_company_is_read(real_data: Path) -> None:
    """Twenty-seven thousand documents, none unreadable."""
    connector = CollectionConnector(name="company", folder=real_data / "company")
    assert [document for document in connector.changes(None) if isinstance(document, Unreadable)] == []


def test_single_documents_are_read_by_id(tmp_path: Path) -> None:
    """A line that cannot be read has its place for an id; what is not there yields nothing."""
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "a"}, "not JSON", {"_id": "d2", "text": "b"})
    found = CollectionConnector(name="judged", folder=tmp_path).documents(["d2", "corpus.jsonl:2", "d9"])
    assert [document.id for document in found] == ["corpus.jsonl:2", "d2"]
