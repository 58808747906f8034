"""A folder with a judged collection, or any folder of the same layout, as a source that everybody may read."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from connectors.atlassian import Deployment
from connectors.confluence_pages import Comment, Page, page_document
from connectors.documents import (
    ANYONE,
    AccessRule,
    Changed,
    Document,
    DocumentKind,
    Listed,
    Membership,
    Section,
    SectionKind,
    Unreadable,
)
from connectors.errors import ConnectorError, NotFoundError
from connectors.jira_issues import issue_document
from connectors.line_files import Line, LineFile, stamp
from connectors.times import parse_time

OPEN = (AccessRule(name="open", principals=frozenset({ANYONE})),)


#: How a line's id is called in each kind of file.
_ID_KEYS = {"corpus": "_id", "jira": "id", "confluence": "id"}
#: What a line of the wrong shape makes a conversion raise.
_WRONG_SHAPE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A document's line."""

    kind: str
    file: LineFile
    line: Line
    #: ``line:<digest>``, the only part of such a document.
    part: str

    @property
    def position(self) -> str:
        return f"{self.file.path.name}:{self.line.number}"


class CollectionConnector:
    """``corpus.jsonl``, ``jira/*.jsonl[.gz]`` and ``confluence/*.jsonl[.gz]`` of a folder.

    ``jira`` and ``confluence`` may also be a text file that holds the relative path to such a folder. A line has no
    date of change: in a file that was written again, the lines' digests tell which of them changed. Of two lines with
    the same id, the later one counts (a ticket may move to another page while it is exported), but a corpus that has
    two is refused. A line without an id that can be read is known by its place.
    """

    #: Lines are read one at a time anyway; the indexer's batches of vectors are what this is for.
    batch_size = 100

    def __init__(self, *, name: str, folder: Path) -> None:
        """Read nothing yet."""
        self._name = name
        self._folder = folder
        self._lock = Lock()
        self._index: dict[str, _Entry] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    def check(self) -> str:
        """Say which files there are."""
        files = [path for _, path in self._files()]
        return f"{len(files)} files to read in {self._folder}."

    def changes(self, since: datetime) -> Iterator[Changed]:
        """Every line of the files that were written since then, with its digest."""
        for identity, entry in self._entries().items():
            written = datetime.fromtimestamp(entry.file.stamp[0] / 1e9, UTC)
            if written >= since:
                yield Changed(id=identity, updated=written, part=entry.part)

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """The lines with these ids, and nothing for those that are not there."""
        entries = self._entries()
        for identity in ids:
            if identity in entries:
                yield self._document(identity, entries[identity])

    def listing(self) -> Iterator[Listed]:
        """Every line, those that cannot be read included."""
        for identity, entry in self._entries().items():
            yield Listed(id=identity, access_rules=OPEN, parts=frozenset({entry.part}))

    def rule(self, name: str) -> AccessRule:
        """There are none but the one that always comes along."""
        raise KeyError(name)

    def memberships(self) -> Iterator[Membership]:
        """Nobody: everything is open to anyone."""
        return iter(())

    def _entries(self) -> dict[str, _Entry]:
        """Where every document is; looked for again when a file has changed."""
        with self._lock:
            try:
                files = list(self._files())
                stamps = {path: stamp(path) for _, path in files}
                if stamps != self._stamps:
                    self._index = _all_entries(files)
                    self._stamps = stamps
            except (OSError, EOFError, zlib.error) as exc:
                reason = type(exc).__name__
                raise ConnectorError(
                    f"{self._folder} could not be read ({reason}): check its files."
                ) from exc
            return self._index

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

    def _document(self, identity: str, entry: _Entry) -> Document | Unreadable:
        try:
            document = self._converted(entry.kind, json.loads(entry.file.read(entry.line)))
        except _WRONG_SHAPE as exc:
            reason = f"{entry.position} could not be read ({type(exc).__name__}): mend or remove the line."
            return Unreadable(id=identity, external_id=entry.position, reason=reason)
        return replace(document, parts=frozenset({entry.part}))

    def _converted(self, kind: str, row: dict[str, Any]) -> Document:
        if kind == "jira":
            return issue_document(
                row,
                source=self._name,
                site_url=self._place(),
                deployment=Deployment.CLOUD,
                access_rules=OPEN,
            )
        return self._page(row) if kind == "confluence" else self._text(row)

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
        text, title = row["text"], row.get("title") or ""
        if not isinstance(text, str) or not isinstance(title, str):
            raise TypeError("text")
        return Document(
            source=self._name,
            id=identity,
            external_id=identity,
            kind=DocumentKind.FILE,
            title=title.strip() or identity,
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


def _all_entries(files: Sequence[tuple[str, Path]]) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for kind, path in files:
        for identity, entry in _indexed(kind, LineFile(path)):
            if kind == "corpus" and identity in entries:
                raise ConnectorError(
                    f"{path}, line {entry.line.number} repeats the _id {identity} of line "
                    f"{entries[identity].line.number}: each document needs one of its own."
                )
            entries[identity] = entry
    return entries


def _indexed(kind: str, file: LineFile) -> Iterator[tuple[str, _Entry]]:
    """The ids of a file's lines, and where each line is."""
    for line, content in file.lines():
        digest = hashlib.blake2b(content.strip(), digest_size=12).hexdigest()
        entry = _Entry(kind=kind, file=file, line=line, part=f"line:{digest}")
        try:
            identity = str(json.loads(content)[_ID_KEYS[kind]])
        except _WRONG_SHAPE:
            identity = entry.position
        yield identity, entry
