"""What comes out of answering: the text, its citations, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Citation:
    """A ``[n]`` of an answer, resolved to the place that a person can open."""

    number: int
    title: str
    #: The page section, ticket or comment itself.
    url: str
    #: The ticket key or page id.
    external_id: str
    #: The chunk's kind: section, table, code, description, comment, solution, attachment.
    kind: str
    #: The space or project, for people.
    place: str
    #: Heading path of a page section, "" elsewhere.
    heading: str = ""
    #: When the document last changed.
    updated: datetime | None = None
    #: Who wrote the comment, or the document.
    author: str | None = None
    #: A ticket's status.
    status: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer to one question, as the thread gets it."""

    #: Markdown with ``[n]`` marks.
    text: str
    #: False for "I do not know"; then ``citations`` is empty and ``nearest`` holds the best guesses.
    found: bool
    citations: tuple[Citation, ...]
    #: The nearest sources when nothing fits; readable by the whole audience, like everything else here.
    nearest: tuple[Citation, ...] = ()
    #: The served model's name, or "extractive" when sentences are quoted from the passages.
    model: str
    #: The thread's running summary after this answer; never shown.
    summary: str = ""
    #: True when the question started a new topic in a thread that had one.
    new_topic: bool = False
    #: Milliseconds by step: search, answer, total, ...
    timings_ms: dict[str, float] = field(default_factory=dict)
