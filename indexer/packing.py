"""Which neighbouring pieces make a chunk: the cheapest way to cut a run of them.

Every chunk costs the same, so that there are few; room that is left costs by its square, so that chunks are of about
one size and none is a leftover; and a cut costs by what it tears apart. (Knuth & Plass's way of breaking lines.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from connectors.documents import Section

#: What a cut tears apart, in costs of a chunk: two sections, two paragraphs, the text of one paragraph.
BETWEEN_SECTIONS, BETWEEN_BLOCKS, INSIDE = 0.0, 0.15, 0.6


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Part of a section that fits a chunk."""

    section: Section
    text: str
    tokens: int
    #: Stands in front where a chunk begins with the piece, or the section does: a comment's author, a heading.
    lead: str = ""
    lead_tokens: int = 0
    #: Whether it is the first of its section.
    opens: bool = True
    #: The sentence before, which a chunk that begins here repeats.
    overlap: str = ""
    overlap_tokens: int = 0
    #: What tearing it from the piece before costs.
    cost: float = BETWEEN_SECTIONS

    @property
    def tokens_within(self) -> int:
        """What it takes behind another piece."""
        return self.tokens + (self.lead_tokens if self.opens else 0)

    @property
    def tokens_ahead(self) -> int:
        """What it takes at the start of a chunk beside that."""
        return 0 if self.opens else self.lead_tokens + self.overlap_tokens


def cut(pieces: Sequence[Piece], room: int) -> Iterator[Sequence[Piece]]:
    """Cut a run of pieces into runs of at most ``room`` tokens each; a piece that is longer stands alone."""
    within = [piece.tokens_within for piece in pieces]
    if not pieces:
        return
    if sum(within) <= room:
        yield pieces
        return
    costs = [0.0] + [inf] * len(pieces)
    starts = [0] * (len(pieces) + 1)
    for end in range(1, len(pieces) + 1):
        size = 0
        for start in range(end - 1, -1, -1):
            size += within[start]
            needed = size + pieces[start].tokens_ahead
            alone = start == end - 1
            if size > room and not alone:
                break
            if needed <= room or alone:
                spare = max(0.0, 1 - needed / max(1, room))
                cost = costs[start] + 1 + spare * spare + (pieces[start].cost if start else 0)
                if cost < costs[end]:
                    costs[end], starts[end] = cost, start
    bounds = [len(pieces)]
    while bounds[-1]:
        bounds.append(starts[bounds[-1]])
    for start, end in zip(bounds[:0:-1], bounds[-2::-1], strict=True):
        yield pieces[start:end]
