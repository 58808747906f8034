"""What a site holds, kept small: a slim row per issue and page, and its text as compressed bytes.

Twenty thousand tickets with their comments are some hundred megabytes of JSON and would be a gigabyte of
Python objects; compressed they are a few tens of megabytes, and a record is unpacked in under a millisecond.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

Principals = tuple[str, ...]
"""Of whom a reader must be one: `anyone`, `group:<name>` or `user:<id>`; in Jira also `role:<name>`, `reporter`,
`assignee`, `lead` and `applicationRole`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    id: str
    key: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Space:
    id: str
    key: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SecurityLevel:
    """A Jira issue security level: the issue is shown to its principals alone."""

    id: str
    name: str
    principals: Principals


@dataclass(frozen=True, kw_only=True, slots=True)
class InlineAnchor:
    """What an inline comment is about: the marked text, and the id of the marker around it in the page."""

    selection: str
    marker_ref: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PageComment:
    """A comment on a page; `parent_id` names the comment that it replies to, `inline` the text that it is about."""

    id: str
    author: str
    created: int
    storage: str
    version: int = 1
    edited: int | None = None
    parent_id: str | None = None
    inline: InlineAnchor | None = None
    resolved: bool = False

    @property
    def updated(self) -> int:
        return self.created if self.edited is None else self.edited


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file on a page; `content` holds the bytes of one that was added while the site is being served."""

    id: str
    title: str
    media_type: str
    created: int
    author: str
    size: int
    version: int = 1
    edited: int | None = None
    content: bytes | None = None

    @property
    def updated(self) -> int:
        return self.created if self.edited is None else self.edited


@dataclass(kw_only=True, slots=True)
class PageRow:
    """A page or blog post; `kind` is `page` or `blogpost`, `status` is `current`, `archived` or `trashed`."""

    id: str
    kind: str
    space: str
    title: str
    parent_id: str | None
    version: int
    created: int
    updated: int
    author: str
    labels: tuple[str, ...]
    packed: bytes
    position: int = 0
    status: str = "current"
    comments: list[PageComment] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)

    @property
    def storage(self) -> str:
        return zlib.decompress(self.packed).decode()


@dataclass(kw_only=True, slots=True)
class IssueRow:
    """A ticket: what queries look at, and the stored REST v2 JSON as compressed bytes."""

    id: str
    key: str
    project: str
    created: int
    updated: int
    facets: dict[str, tuple[str, ...]]
    packed: bytes
    security: SecurityLevel | None = None
    reporter: str | None = None
    assignee: str | None = None
    attachment_ids: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        return int(self.key.rpartition("-")[2])

    def document(self) -> dict[str, Any]:
        """The stored issue, unpacked anew at each call: the caller may change it."""
        document: dict[str, Any] = json.loads(zlib.decompress(self.packed))
        return document

    def text(self) -> str:
        """The stored JSON as text, lower-cased: enough for a word search."""
        return zlib.decompress(self.packed).decode().lower()


def pack(data: bytes) -> bytes:
    return zlib.compress(data, 1)


def pack_document(document: dict[str, Any]) -> bytes:
    return pack(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
