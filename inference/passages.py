"""Chunks as they go into an answer: numbered [1]..[n]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from indexer.search import Hit
from inference.answers import Citation


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A numbered chunk."""

    number: int
    hit: Hit

    @property
    def text(self) -> str:
        """The chunk's Markdown."""
        return self.hit.text

    @property
    def name(self) -> str:
        """Where it stands, for prompt and people: ``OPS-12 Printer on fire`` or ``VPN › Windows``."""
        title = f"{self.hit.external_id} {self.hit.title}" if is_ticket(self.hit) else self.hit.title
        return f"{title} › {self.hit.heading}" if self.hit.heading else title


def number_passages(hits: Iterable[Hit]) -> list[Passage]:
    """Number hits from 1, in their order."""
    return [Passage(number=number, hit=hit) for number, hit in enumerate(hits, start=1)]


def cite(hit: Hit, number: int) -> Citation:
    """The citation of a hit: the place itself, not just the document."""
    return Citation(
        number=number,
        title=f"{hit.external_id} {hit.title}" if is_ticket(hit) else hit.title,
        url=hit.url,
        external_id=hit.external_id,
        kind=hit.kind,
        place=hit.place,
        heading=hit.heading,
        updated=hit.created if hit.kind == "comment" and hit.created else hit.updated,
        author=hit.author,
        status=hit.status,
    )


def is_ticket(hit: Hit) -> bool:
    """Tickets are known to people by their key."""
    return hit.document_kind == "ticket"
