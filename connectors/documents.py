"""What every connector yields: documents with sections and access rules, and who belongs to which group.

A connector knows the source's wire format; everything behind it knows only these values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

#: The principal that every reader is, signed in or not.
ANYONE = "anyone"


class SectionKind(StrEnum):
    """What a piece of a document is; chunks inherit it."""

    SECTION = "section"
    TABLE = "table"
    CODE = "code"
    DESCRIPTION = "description"
    COMMENT = "comment"
    SOLUTION = "solution"
    ATTACHMENT = "attachment"


class DocumentKind(StrEnum):
    """What a document is to a person."""

    PAGE = "page"
    BLOGPOST = "blogpost"
    TICKET = "ticket"
    FILE = "file"


@dataclass(frozen=True, kw_only=True)
class AccessRule:
    """A named set of principals of whom the reader must be one.

    The name is unique within a source and stays the same when the members change (``space:ENG``,
    ``page:123``, ``project:OPS``, ``security:10001``), so that a changed permission rewrites one rule and no
    document. No principals means nobody.
    """

    name: str
    #: ``user:<id>``, ``group:<id>`` or ``anyone``, in the source's own ids.
    principals: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A run of a document of one kind under one heading, in reading order."""

    kind: SectionKind
    #: Markdown; code without its fence, a table as a Markdown table with its header row.
    text: str
    #: Where a click on a citation lands: the heading's anchor, the focused comment.
    url: str
    #: The headings above, outermost first, without the document's title.
    heading_path: tuple[str, ...] = ()
    #: Who wrote it, for comments (a name for people).
    author: str | None = None
    created: datetime | None = None
    #: Language of a code section, as the source names it.
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class Document:
    """A page, blog post, ticket or file as a source gives it.

    The reader must satisfy *all* access rules; a document with none is readable by nobody.
    """

    source: str
    #: Immutable in the source (Jira's issue id, Confluence's page id): survives renames and moves.
    id: str
    #: What people call it: the ticket key or the page id.
    external_id: str
    kind: DocumentKind
    title: str
    url: str
    #: Where it lives, for people: the space's or project's name.
    place: str
    sections: tuple[Section, ...]
    access_rules: tuple[AccessRule, ...]
    author: str | None = None
    created: datetime | None = None
    updated: datetime | None = None
    #: A ticket's status (``Done``), with the resolution where there is one (``Done · Fixed``).
    status: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def content_hash(self) -> str:
        """SHA-256 over everything that a search or an answer can show, access rules left out."""
        parts: list[object] = [
            self.external_id,
            self.kind,
            self.title,
            self.url,
            self.place,
            self.author,
            self.status,
        ]
        parts += [self.created, self.updated, *self.labels]
        for section in self.sections:
            parts += [section.kind, section.text, section.url, *section.heading_path]
            parts += [section.author, section.created, section.language]
        return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A document that could not be read; it is recorded and the rest of the source goes on."""

    id: str
    external_id: str
    #: One sentence for an admin; never the document's text.
    reason: str


@dataclass(frozen=True, kw_only=True)
class Listed:
    """That a document exists, and who may read it; the cheap half of a document, for sweeps."""

    id: str
    #: None when the source does not tell just now: the rules that are known stay.
    access_rules: tuple[AccessRule, ...] | None


@dataclass(frozen=True, kw_only=True)
class Membership:
    """The principals that the person with this e-mail address (lower case) is in one source."""

    email: str
    principals: frozenset[str]


class Connector(Protocol):
    """One source, read over and over. Every method may raise :class:`connectors.errors.ConnectorError`."""

    @property
    def name(self) -> str:
        """The source's name in the configuration."""

    def check(self) -> str:
        """Make one real call and return a sentence that says as whom and to where it went."""

    def estimate(self, since: datetime | None) -> int | None:
        """About how many documents :meth:`changes` will yield, for a progress bar; None if unknown."""

    def changes(self, since: datetime | None) -> Iterator[Document | Unreadable]:
        """Documents changed at or after ``since`` (with a safe overlap), all of them for None."""

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """Exactly these documents; one that does not exist, or is not shown to us, yields nothing."""

    def listing(self) -> Iterator[Listed]:
        """Every document that exists now. One that is missing here has been deleted."""

    def memberships(self) -> Iterator[Membership]:
        """Every person with the principals that they are."""
