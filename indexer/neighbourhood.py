"""Small-to-big: what is found is a chunk, what a model reads may be what stands around it.

A small chunk is found more exactly, but a step of a procedure is understood with the steps before and after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from indexer.audience import Audience
from indexer.blocks import is_rule
from indexer.readers import reading
from indexer.search import Hit
from indexer.statements import load

SQL = load("indexer", "neighbourhood.sql")

#: Chunks before and after a hit at most: about a page of text.
REACH = 3


@dataclass(frozen=True, kw_only=True)
class Widened:
    """A hit's text with what stands around it."""

    text: str
    #: All that the text is made of, the hit among them: who remembers the text has to forget it with any of these.
    chunk_ids: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class _Neighbour:
    """A chunk near a hit, or the hit itself."""

    hit_id: int
    id: int
    position: int
    kind: str
    heading: str
    context: str
    text: str


@dataclass(kw_only=True)
class _Stretch:
    """A hit with as much around it as has been taken so far."""

    hit: _Neighbour
    chunks: list[_Neighbour]
    #: All that may be taken, by position.
    around: dict[int, _Neighbour] = field(default_factory=dict)

    def next(self) -> Iterator[_Neighbour]:
        """What stands at either end, the nearer one first; of both, what follows: it explains more often."""
        ends = (self.chunks[-1].position + 1, self.chunks[0].position - 1)
        for position in sorted(ends, key=lambda end: abs(end - self.hit.position)):
            if position in self.around:
                yield self.around[position]

    def take(self, chunk: _Neighbour) -> None:
        self.chunks.append(chunk)
        self.chunks.sort(key=lambda each: each.position)


def widen(
    pool: ConnectionPool, hits: Sequence[Hit], *, audience: Audience, room: int, count: Callable[[str], int]
) -> list[Widened]:
    """The text of each hit with what the same document says before and after it, within ``room`` tokens in all.

    Only what the whole audience may read; where it may not read a chunk, the text ends. The best hits take first, one
    chunk each in turn, and no chunk is given twice. The hits' own texts are always given, whatever room there is.

    Args:
        count: the tokens of a text by the tokeniser of whoever reads it.

    Returns:
        One for each hit, in their order.
    """
    stretches = _stretches(pool, hits, audience)
    left = room - sum(count(hit.text) for hit in hits)
    taken = {hit.chunk_id for hit in hits}
    growing = list(stretches.values())
    while growing:
        grown = []
        for stretch in growing:
            candidates = ((chunk, count(chunk.text)) for chunk in stretch.next() if chunk.id not in taken)
            chunk, tokens = next((each for each in candidates if each[1] <= left), (None, 0))
            if chunk is not None:
                stretch.take(chunk)
                taken.add(chunk.id)
                left -= tokens
                grown.append(stretch)
        growing = grown
    return [_widened(hit, stretches.get(hit.chunk_id)) for hit in hits]


def _stretches(pool: ConnectionPool, hits: Sequence[Hit], audience: Audience) -> dict[int, _Stretch]:
    """Each hit that is still there, with the chunks around it that may be read."""
    parameters = {
        "ids": [hit.chunk_id for hit in hits],
        "reach": REACH,
        "emails": None if audience.emails is None else sorted(audience.emails),
    }
    with (
        reading(pool, audience) as connection,
        connection.cursor(row_factory=class_row(_Neighbour)) as cursor,
    ):
        rows = cursor.execute(SQL["neighbours"], parameters).fetchall()
    stretches = {row.hit_id: _Stretch(hit=row, chunks=[row]) for row in rows if row.id == row.hit_id}
    for row in rows:
        if row.hit_id in stretches:
            stretches[row.hit_id].around[row.position] = row
    return stretches


def _widened(hit: Hit, stretch: _Stretch | None) -> Widened:
    if stretch is None:
        return Widened(text=hit.text, chunk_ids=frozenset({hit.chunk_id}))
    ids = frozenset(chunk.id for chunk in stretch.chunks)
    return Widened(text=_joined(stretch.chunks, hit.heading), chunk_ids=ids)


def _joined(chunks: Sequence[_Neighbour], heading: str) -> str:
    """Their texts in order, what one repeats of the one before it left out; another heading is named."""
    text = ""
    under = heading
    for chunk in chunks:
        own = without_repeated_start(text, chunk.text) if text else chunk.text
        if chunk.heading != under:
            own = f"**{chunk.heading}**\n{own}" if chunk.heading else own
        under = chunk.heading
        rows_go_on = own.startswith("|") and own != chunk.text and text.rstrip().endswith("|")
        text += ("\n" if rows_go_on else "\n\n" if text else "") + own
    return text


def without_repeated_start(before: str, after: str) -> str:
    """What a chunk says that the one before it has not said: without its overlap, and without the header of a table
    that goes on."""
    first, _, rest = after.partition("\n\n")
    if rest and before.endswith(first):
        return rest
    who, _, sentence = first.partition(": ")
    if rest and sentence and before.endswith(sentence):  # a comment that goes on keeps its author and date
        return f"{who}: {rest}"
    lines = after.split("\n")
    if len(lines) > 2 and is_rule(lines[1]) and _last_header(before) == lines[:2]:
        return "\n".join(lines[2:])
    return after


def _last_header(text: str) -> list[str]:
    """Header row and rule of the table that a text ends with; empty where it ends otherwise."""
    lines = text.rstrip().split("\n")
    start = len(lines)
    while start and lines[start - 1].lstrip().startswith("|"):
        start -= 1
    return lines[start : start + 2]
