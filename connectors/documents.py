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
    ATTACHMENT = "attachment"
    FILE = "file"


@dataclass(frozen=True, kw_only=True)
class AccessRule:
    """A named set of principals of whom the reader must be one.

    The name is unique within a source and stays the same when the members change (``space:ENG``,
    ``page:123``, ``project:OPS``, ``security:10001``), so that a changed permission rewrites one rule and no
    document. No principals means nobody.
    """

    name: str
    #: ``user:<id>``, ``group:<id>`` or ``anyone``, in the source's own ids. None: not asked for with the document;
    #: what the index knows under this name holds, and :meth:`Connector.rule` tells what it does not know.
    principals: frozenset[str] | None


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
    #: What a reader must satisfy beside the document's own rules: of an included page, of a comment for some only.
    access_rules: tuple[AccessRule, ...] = ()
    #: The document whose text this is, where it is taken in from another one (an include or excerpt macro).
    included_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Listed:
    """That a document exists, in which version, and who may read it; the cheap half of a document, for sweeps."""

    id: str
    #: None when the source does not tell just now: the rules that are known stay.
    access_rules: tuple[AccessRule, ...] | None = None
    #: As :attr:`Document.parts`; None when the source does not tell the version in a listing.
    parts: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Changed:
    """That a document changed."""

    id: str
    #: When; the newest of these is where the next window starts.
    updated: datetime | None
    #: The part that changed, as in :attr:`Document.parts`; None: unknown, so that the document has to be read.
    part: str | None = None


@dataclass(frozen=True, kw_only=True)
class Document:
    """A page, blog post, ticket, attachment or file as a source gives it.

    The reader must satisfy *all* access rules; a document with none is readable by nobody. An attachment is read on
    its own, but belongs to its parent: it has the parent's rules, and goes when the parent goes.
    """

    source: str
    #: Immutable in the source (Jira's issue id, Confluence's page id): survives renames and moves.
    id: str
    #: What people call it: the ticket key or the page id; an attachment has its parent's.
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
    #: Titles of the pages above, the top first.
    path: tuple[str, ...] = ()
    #: The ids of the documents above whose readers are also demanded here: their rules are among this one's.
    ancestors: tuple[str, ...] = ()
    #: Versions of all that the document is made of (its own, its comments', its attachments'), each a word such as
    #: ``page:12`` or ``comment:34:2``. The same set means the same document. Empty where the source tells none.
    parts: frozenset[str] = frozenset()
    #: The attachments that can be read, which are documents of their own. Their rules are those of this document.
    attachments: tuple[Listed, ...] = ()
    #: The document that an attachment hangs on.
    parent_id: str | None = None
    #: The name by which other documents take in this one's text (``ENG:Title``), where the source has such.
    handle: str | None = None
    #: Handles of the documents whose text this one takes in, found or not: when one of them changes, appears or is
    #: shown to others, this one is read again.
    includes: tuple[str, ...] = ()

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
        parts += [self.created, self.updated, *self.labels, *self.path]
        for section in self.sections:
            parts += [section.kind, section.text, section.url, *section.heading_path]
            parts += [section.author, section.created, section.language, section.included_id]
            parts += [rule.name for rule in section.access_rules]
        return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A document that could not be read; it is recorded and the rest of the source goes on."""

    id: str
    external_id: str
    #: One sentence for an admin; never the document's text.
    reason: str


@dataclass(frozen=True, kw_only=True)
class Membership:
    """The principals that the person with this e-mail address (lower case) is in one source."""

    email: str
    principals: frozenset[str]


class Connector(Protocol):
    """One source, read over and over. Every method may raise :class:`connectors.errors.ConnectorError`.

    Thread-safe: :meth:`documents` runs for several batches at once.
    """

    @property
    def name(self) -> str:
        """The source's name in the configuration."""

    @property
    def batch_size(self) -> int:
        """How many ids :meth:`documents` is best asked for at once."""

    def check(self) -> str:
        """Make a real call of each kind and return a sentence that says as whom and to where it went."""

    def changes(self, since: datetime) -> Iterator[Changed]:
        """What changed at or after ``since``, with a safe overlap; no texts. Deletions need not be among it."""

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """Exactly these documents, attachments included; one that does not exist, or is not shown to us or is not
        in what the source is configured to read, yields nothing."""

    def listing(self) -> Iterator[Listed]:
        """Every document but attachments. One that is missing here has been deleted."""

    def rule(self, name: str) -> AccessRule:
        """Who satisfies the rule now: the readers of a space, of a project, of a security level.

        Nobody where the source does not tell. Raises KeyError for a rule that always comes with its principals.
        """

    def memberships(self) -> Iterator[Membership]:
        """Every person with the principals that they are."""
