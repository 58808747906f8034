"""A folder of files as a source: PDF, Office documents, Markdown, web pages and text, each file a document."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import structlog

from connectors.documents import (
    AccessRule,
    Changed,
    Document,
    DocumentKind,
    Listed,
    Membership,
    Section,
    Unreadable,
)
from connectors.errors import ConnectorError, ExtractionError
from connectors.extraction import ExtractedPart, extract
from connectors.extraction.formats import Format, format_of
from connectors.file_rules import NOBODY, UNMATCHED, FileRules, RulesFile, matches
from connectors.file_tree import (
    FileState,
    is_utf8,
    list_files,
    read_file,
    require_mounted,
)

log = structlog.get_logger(__name__)

#: Formats whose first heading is the document's title.
_TITLED = {Format.MARKDOWN, Format.HTML, Format.WORD}
#: Some file systems keep times in steps of two seconds.
_OVERLAP = timedelta(seconds=3)


class FilesConnector:
    """The files of a folder and its folders, with ``permissions.toml`` for who may read them.

    A file is known by its path: one that is renamed is a new document, and the old one is gone. Links are not
    followed. What the file system tells is asked anew each time; nothing is kept between calls but that there was a
    ``permissions.toml``.
    """

    #: A file in a format of its own is read in a process of its own, which takes some 50 ms.
    batch_size = 16

    def __init__(
        self,
        *,
        name: str,
        folder: Path,
        base_url: str | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Read nothing yet.

        Args:
            base_url: where people find the folder's files; by default they are ``file://``.
            wait: lets so many seconds go by before it is believed that there is no ``permissions.toml``.
        """
        self._name = name
        self._folder = folder.absolute()
        self._rules_file = RulesFile(self._folder, wait=wait)
        self._base_url = (base_url or self._folder.as_uri()).rstrip("/")

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    def check(self) -> str:
        """Say how many files there are and what tells who may read them.

        Raises:
            ConnectorError: the folder cannot be read, or its ``permissions.toml`` is broken.
        """
        require_mounted(self._folder)
        rules = self._rules_file.read()
        ids = [file.id for file in list_files(self._folder)]
        found = f"{len(ids)} files to read in {self._folder}"
        if rules.readers is None:
            return f"{found}; there is no permissions.toml, so anyone may read them."
        idle = [pattern for pattern in rules.readers if not any(matches(pattern, path) for path in ids)]
        unmatched = sum(1 for path in ids if rules.of(path)[0].name == UNMATCHED)
        notes = [f"{unmatched} match no rule of permissions.toml and are read by nobody"] if unmatched else []
        notes += [f"no file matches the rule for {pattern!r}" for pattern in idle]
        return "; ".join([found, *notes]) + "."

    def changes(self, since: datetime) -> Iterator[Changed]:
        """Files whose content or name changed; a renamed folder's files are found by the listing."""
        for file in list_files(self._folder):
            if file.changed >= since - _OVERLAP:
                # A clock that is ahead must not move the next window's start past what happens until then.
                yield Changed(id=file.id, updated=min(file.changed, datetime.now(UTC)), part=file.part)

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """Read these files."""
        rules = self._rules()
        for identity in ids:
            document = self._read(identity, rules)
            if document is not None:
                yield document

    def listing(self) -> Iterator[Listed]:
        """Every file that can be read, with its rules."""
        rules = self._rules()
        for file in list_files(self._folder):
            yield Listed(id=file.id, access_rules=rules.of(file.id), parts=frozenset({file.part}))

    def rule(self, name: str) -> AccessRule:
        """Who satisfies the rule now; nobody when it is there no more, or ``permissions.toml`` is broken."""
        return self._rules().named(name)

    def memberships(self) -> Iterator[Membership]:
        """Everybody whom ``permissions.toml`` names."""
        yield from self._rules().memberships()

    def _rules(self) -> FileRules:
        """What ``permissions.toml`` says now; its absence opens the files only while the folder is surely there."""
        require_mounted(self._folder)
        try:
            rules = self._rules_file.read()
        except ConnectorError as exc:
            log.error("files.permissions_broken", source=self._name, reason=str(exc))
            rules = NOBODY
        require_mounted(self._folder)
        return rules

    def _read(self, identity: str, rules: FileRules) -> Document | Unreadable | None:
        filename = identity.rpartition("/")[2]
        try:
            found = read_file(self._folder, identity)
            if found is None:
                return None
            if not is_utf8(identity):
                return _unreadable(identity, "Its name is not UTF-8: rename the file.")
            content, state = found
            parts = extract(content, filename=filename, media_type="")
        except ExtractionError as exc:
            return _unreadable(identity, str(exc))
        except OSError as exc:
            return _unreadable(identity, f"{type(exc).__name__}: check the rights of the file.")
        return self._document(state, parts, rules)

    def _document(self, state: FileState, parts: list[ExtractedPart], rules: FileRules) -> Document:
        *folders, filename = state.id.split("/")
        url = f"{self._base_url}/{quote(state.id)}"
        found = format_of(filename, "")
        title = _title(parts) if found in _TITLED else None
        return Document(
            source=self._name,
            id=state.id,
            external_id=state.id,
            kind=DocumentKind.FILE,
            title=title or filename,
            url=url,
            place=self._folder.name,
            sections=tuple(_section(part, url, found, title) for part in parts),
            access_rules=rules.of(state.id),
            updated=state.modified,
            path=tuple(folders),
            parts=frozenset({state.part}),
        )


def _title(parts: list[ExtractedPart]) -> str | None:
    """The first heading, if nothing stands before it."""
    return parts[0].heading_path[0] if parts and parts[0].heading_path else None


def _section(part: ExtractedPart, url: str, found: Format | None, title: str | None) -> Section:
    path = part.heading_path
    anchor = f"#page={part.page}" if found is Format.PDF else ""
    if found is Format.MARKDOWN and path:
        anchor = f"#{_slug(path[-1], part.repeat)}"
    return Section(
        kind=part.kind,
        text=part.text,
        url=url + anchor,
        heading_path=path[1:] if path[:1] == (title,) else path,
        language=part.language,
    )


def _slug(heading: str, repeat: int) -> str:
    """The anchor that GitHub and most other viewers of Markdown give a heading."""
    name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    return quote(f"{name}-{repeat}" if repeat else name)


def _unreadable(identity: str, reason: str) -> Unreadable:
    return Unreadable(id=identity, external_id=identity, reason=f"{identity} could not be read. {reason}")
