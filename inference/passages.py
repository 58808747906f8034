"""Chunks as they go into an answer: numbered [1]..[n]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from indexer.chunking import Anchor
from indexer.neighbourhood import Widened
from indexer.search import Hit
from inference.answers import Citation
from inference.words import stems


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A numbered chunk."""

    number: int
    hit: Hit
    #: The chunk with what stands around it, for who reads more than a quote; None where it is not widened.
    wide: Widened | None = None

    @property
    def text(self) -> str:
        """The chunk's Markdown."""
        return self.hit.text

    @property
    def reading(self) -> str:
        """What a model reads."""
        return self.wide.text if self.wide else self.hit.text

    @property
    def chunk_ids(self) -> frozenset[int]:
        """The chunks that what is read is made of."""
        return self.wide.chunk_ids if self.wide else frozenset({self.hit.chunk_id})

    @property
    def name(self) -> str:
        """Where it stands, for prompt and people: ``OPS-12 Printer on fire`` or ``VPN › Windows``."""
        title = f"{self.hit.external_id} {self.hit.title}" if is_ticket(self.hit) else self.hit.title
        return f"{title} › {self.hit.heading}" if self.hit.heading else title


def number_passages(hits: Iterable[Hit]) -> list[Passage]:
    """Number hits from 1, in their order."""
    return [Passage(number=number, hit=hit) for number, hit in enumerate(hits, start=1)]


def cite(hit: Hit, number: int, statement: str = "") -> Citation:
    """The citation of a hit: the place itself, not just the document.

    Of a run of comments, or of small sections, it is the one that shares the most words with the ``statement`` that is
    cited.
    """
    if hit.anchors:
        anchor = _nearest_anchor(hit, statement)
        hit = replace(
            hit,
            url=anchor.url,
            author=anchor.author or hit.author,
            created=anchor.created,
            heading=anchor.heading or hit.heading,
        )
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


def _nearest_anchor(hit: Hit, statement: str) -> Anchor:
    ends = [*(anchor.start for anchor in hit.anchors[1:]), len(hit.text)]
    said = stems(statement)
    shared = [
        len(said & stems(hit.text[anchor.start : end])) for anchor, end in zip(hit.anchors, ends, strict=True)
    ]
    return hit.anchors[shared.index(max(shared))]


def is_ticket(hit: Hit) -> bool:
    """Tickets are known to people by their key."""
    return hit.document_kind == "ticket"
