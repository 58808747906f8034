"""A folder with a judged collection, or any folder of the same layout, as a source that everybody may read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.atlassian import Deployment
from connectors.confluence_pages import Comment, Page, page_document
from connectors.documents import (
    ANYONE,
    AccessRule,
    Document,
    DocumentKind,
    Listed,
    Membership,
    Section,
    SectionKind,
    Unreadable,
)
from connectors.errors import NotFoundError
from connectors.jira_issues import issue_document
from connectors.times import parse_time

OPEN = (AccessRule(name="open", principals=frozenset({ANYONE})),)


class CollectionConnector:
    """``corpus.jsonl``, ``jira/*.jsonl[.gz]`` and ``confluence/*.jsonl[.gz]`` of a folder.

    ``jira`` and ``confluence`` may also be a text file that holds the relative path to such a folder. There are no
    dates of change in a folder: every read is a full one.
    """

    def __init__(self, *, name: str, folder: Path) -> None:
        """Read nothing yet."""
        self._name = name
        self._folder = folder

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    def check(self) -> str:
        """Say which files there are."""
        files = [path for _, path in self._files()]
        return f"{len(files)} files to read in {self._folder}."

    def estimate(self, since: datetime | None) -> int | None:
        """How many lines there are."""
        return sum(1 for _, path in self._files() for line in _lines(path) if line.strip())

    def changes(self, since: datetime | None) -> Iterator[Document | Unreadable]:
        """Every line as a document."""
        for kind, path in self._files():
            for number, line in enumerate(_lines(path), 1):
                if line.strip():
                    yield self._document(kind, line, f"{path.name}:{number}")

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """The lines with these ids; all lines are looked at."""
        wanted = set(ids)
        yield from (document for document in self.changes(None) if document.id in wanted)

    def listing(self) -> Iterator[Listed]:
        """Every document that can be read."""
        for document in self.changes(None):
            yield Listed(id=document.id, access_rules=OPEN)

    def memberships(self) -> Iterator[Membership]:
        """Nobody: everything is open to anyone."""
        return iter(())

    def _files(self) -> Iterator[tuple[str, Path]]:
        corpus = self._folder / "corpus.jsonl"
        found = [("corpus", corpus)] if corpus.is_file() else []
        for kind in ("jira", "confluence"):
            folder = _resolved(self._folder / kind)
            for pattern in ("*.jsonl", "*.jsonl.gz"):
                found += [(kind, path) for path in sorted(folder.glob(pattern))]
        if not found:
            raise NotFoundError(
                f"{self._folder} holds no corpus.jsonl, jira/ or confluence/: check the path."
            )
        yield from found

    def _document(self, kind: str, line: bytes, position: str) -> Document | Unreadable:
        try:
            row = json.loads(line)
            if kind == "jira":
                return issue_document(
                    row,
                    source=self._name,
                    site_url=self._place(),
                    deployment=Deployment.CLOUD,
                    access_rules=OPEN,
                )
            return self._page(row) if kind == "confluence" else self._text(row)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            reason = f"{position} could not be read ({type(exc).__name__}): mend or remove the line."
            return Unreadable(id=position, external_id=position, reason=reason)

    def _page(self, row: dict[str, Any]) -> Document:
        page = Page(
            id=str(row["id"]),
            kind=DocumentKind(row.get("type", "page")),
            space=row["space"],
            place=row["space"],
            title=row["title"],
            storage=row["storage"],
            url=f"{self._place()}/spaces/{row['space']}/pages/{row['id']}",
            author=row.get("author"),
            created=parse_time(row.get("created")),
            updated=parse_time(row.get("updated")),
            labels=tuple(row.get("labels") or ()),
            comments=tuple(
                Comment(
                    id=str(comment["id"]),
                    storage=comment["storage"],
                    author=comment.get("author"),
                    created=parse_time(comment.get("created")),
                )
                for comment in row.get("comments") or ()
            ),
        )
        return page_document(
            page,
            source=self._name,
            deployment=Deployment.CLOUD,
            access_rules=OPEN,
            user_name=lambda _: None,
        )

    def _text(self, row: dict[str, Any]) -> Document:
        identity, url = str(row["_id"]), f"{self._place()}/corpus.jsonl#{row['_id']}"
        text = row["text"]
        if not isinstance(text, str):
            raise TypeError("text")
        return Document(
            source=self._name,
            id=identity,
            external_id=identity,
            kind=DocumentKind.FILE,
            title=row.get("title") or identity,
            url=url,
            place=self._folder.name,
            sections=(Section(kind=SectionKind.SECTION, text=text, url=url),),
            access_rules=OPEN,
        )

    def _place(self) -> str:
        return self._folder.resolve().as_uri()


def _resolved(folder: Path) -> Path:
    """The folder itself, or the one that a text file in its place names."""
    return folder.parent / folder.read_text().strip() if folder.is_file() else folder


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        yield from lines
