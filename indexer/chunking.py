"""Structure-aware chunks of a document.

A ticket gives its description, its comments in runs, and its solution; a page gives the text under each heading, small
neighbours together, with tables and code kept whole where they fit. Every chunk knows its heading path and the URL
that a citation of it opens. Sizes are counted with the embedding model's own tokeniser, so that nothing is cut
silently. What is left out on purpose is told in :mod:`indexer.boilerplate` and :mod:`indexer.duplicates`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, pairwise, takewhile

from connectors.documents import AccessRule, Document, DocumentKind, Section, SectionKind
from indexer.blocks import Block, BlockKind, blocks_of
from indexer.boilerplate import without_boilerplate
from indexer.duplicates import without_repeats
from indexer.packing import BETWEEN_BLOCKS, BETWEEN_SECTIONS, INSIDE, Piece, cut
from indexer.splitting import CountTokens, last_sentence, split_code, split_table, split_text, word_counter

#: Part of a document's stored hash: raise it, and the next refresh cuts every document anew.
CHUNKER_VERSION = 3

#: Part of a chunk's hash: raise it together with the other when a vector is made of a text in another way.
VECTOR_VERSION = 2

#: Of the model's window at most this share goes to the title and the headings in front of a chunk.
_CONTEXT_SHARE = 0.25

#: Tokens of the previous chunk's last sentence that are repeated at the start of the next.
_OVERLAP = 24

#: Tokens of a comment's author, of a language's name and of a heading within a chunk at most.
_LABEL = 16

#: Sections of a page that are smaller than this share of the window share a chunk with their neighbours.
_SMALL_SHARE = 0.25

#: Between the pieces of a chunk: of several blocks, of one block.
_GAP, _LINE = "\n\n", "\n"

_BODY = (SectionKind.SECTION, SectionKind.TABLE, SectionKind.CODE)


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """From which character of a chunk on a citation leads elsewhere: the next comment of a run, the next heading."""

    start: int
    url: str
    author: str | None
    created: datetime | None
    #: As :attr:`Chunk.heading`.
    heading: str = ""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What is embedded and searched."""

    kind: SectionKind
    #: The heading path for people (``Install › Linux``); "" at a page's top and in tickets.
    heading: str
    url: str
    text: str
    author: str | None
    created: datetime | None
    #: Title and headings, cut to their share of the window; they are embedded in front of the text.
    context: str
    #: One for each place that the text is from; empty when ``url`` says it all.
    anchors: tuple[Anchor, ...] = ()
    #: As :attr:`connectors.documents.Section.access_rules` and ``included_id``, the same for all of the chunk.
    access_rules: tuple[AccessRule, ...] = ()
    included_id: str | None = None

    @property
    def embedding_text(self) -> str:
        """What the model reads: the context, then the text."""
        return f"{self.context}\n{self.text}" if self.context else self.text

    @property
    def hash(self) -> str:
        """Names what its vector and its words are made of, and how: a chunk that keeps it keeps both."""
        return hashlib.sha256(f"{VECTOR_VERSION}:{self.embedding_text}".encode()).hexdigest()

    @property
    def text_hash(self) -> str:
        """Names the words alone, whatever stands in front: chunks that share it say the same to a reader."""
        return hashlib.sha256(" ".join(self.text.lower().split()).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class _Parcel:
    """Sections whose pieces may share a chunk, with what stands in front of it."""

    sections: Sequence[Section]
    #: The headings that all of them stand under.
    path: tuple[str, ...]
    context: str
    room: int


def chunk_document(document: Document, *, count_tokens: CountTokens, max_tokens: int) -> list[Chunk]:
    """Cut a document into chunks of at most ``max_tokens`` tokens, title and headings included.

    A document without text gives its title alone.

    Args:
        count_tokens: the tokens of a text by the model's own tokeniser; the same object for every document, because
            what it says of a word is remembered.
    """
    # First what is left out: a comment that quotes it then keeps the quotation.
    sections = without_repeats(without_boilerplate(document.sections))
    room = max_tokens
    while True:
        sized = list(_chunks(document, sections, word_counter(count_tokens), room))
        excess = max((_excess(chunk, size, count_tokens, max_tokens) for chunk, size in sized), default=0)
        if excess <= 0 or room <= max_tokens // 2:
            return [chunk for chunk, _ in sized] or _title_alone(document, count_tokens, max_tokens)
        room -= excess


def _title_alone(document: Document, count_tokens: CountTokens, limit: int) -> list[Chunk]:
    """What a document without text is found by."""
    if not _has_title(document):
        return []
    match document.kind:
        case DocumentKind.TICKET:
            kind = SectionKind.DESCRIPTION
        case DocumentKind.ATTACHMENT:
            kind = SectionKind.ATTACHMENT
        case _:
            kind = SectionKind.SECTION
    return [
        Chunk(
            kind=kind,
            heading="",
            url=document.url,
            text=split_text(document.title, limit, count_tokens)[0],
            author=document.author,
            created=document.created,
            context="",
        )
    ]


def _has_title(document: Document) -> bool:
    """Whether a document has a title; an id is none."""
    return bool(document.title.strip()) and document.title != document.external_id


def _chunks(
    document: Document, sections: Sequence[Section], count: CountTokens, limit: int
) -> Iterator[tuple[Chunk, int]]:
    """Each chunk with its tokens."""
    for parcel in _parcels(document, sections, count, limit):
        pieces = _with_overlaps(list(_pieces(parcel, count)), parcel.room, count)
        for run in cut(pieces, parcel.room):
            size = sum(piece.tokens_within for piece in run) + run[0].tokens_ahead
            yield _chunk(run, parcel), size + limit - parcel.room


def _excess(chunk: Chunk, size: int, count_tokens: CountTokens, limit: int) -> int:
    """Tokens over the limit by the tokeniser itself, which is asked only where the sum over words comes close."""
    if size + chunk.embedding_text.count("\n") <= limit:
        return 0
    return count_tokens(chunk.embedding_text) - limit


def _parcels(
    document: Document, sections: Iterable[Section], count: CountTokens, limit: int
) -> Iterator[_Parcel]:
    for _, group in groupby(sections, key=_group_key):
        for together in _neighbours(list(group), count, limit):
            path = _common_path(together)
            context = _context(document, path, int(limit * _CONTEXT_SHARE), count)
            yield _Parcel(sections=together, path=path, context=context, room=limit - count(context))


def _common_path(sections: Sequence[Section]) -> tuple[str, ...]:
    """The headings that all of them stand under."""
    levels = zip(*(section.heading_path for section in sections), strict=False)
    return tuple(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))


def _group_key(section: Section) -> object:
    """Sections of one group may share a chunk: what the same people may read, of one kind or a page's own text."""
    if section.kind in _BODY:
        place: object = "body"
    elif section.kind is SectionKind.COMMENT:
        place = "comments"
    else:
        place = (section.kind, section.url)
    return (section.included_id, frozenset(section.access_rules), place)


def _neighbours(sections: list[Section], count: CountTokens, limit: int) -> Iterator[list[Section]]:
    """What stands under one heading is together, and so are small neighbours of a page that fit one chunk."""
    if sections[0].kind not in _BODY:
        yield sections
        return
    small, room = int(limit * _SMALL_SHARE), int(limit * (1 - _CONTEXT_SHARE))
    held: list[Section] = []
    size = last = 0
    for _, group in groupby(sections, key=lambda section: (section.heading_path, section.url)):
        under_one = list(group)
        tokens = sum(count(section.text) + _LABEL for section in under_one)
        if held and (min(last, tokens) > small or size + tokens > room):
            yield held
            held, size = [], 0
        held.extend(under_one)
        size, last = size + tokens, tokens
    yield held


def _context(document: Document, path: tuple[str, ...], limit: int, count: CountTokens) -> str:
    name = f"{document.external_id} " if document.kind is DocumentKind.TICKET else ""
    # Pages repeat their title as the first heading, and headings their parent's name.
    titles = (document.title,) if _has_title(document) else ()
    names = [heading for heading, _ in groupby((*titles, *path))]
    text = name + " › ".join(names)
    return text if count(text) <= limit else split_text(text, limit, count)[0]


def _pieces(parcel: _Parcel, count: CountTokens) -> Iterator[Piece]:
    before: tuple[str, ...] | None = None
    for section in parcel.sections:
        if section.kind is SectionKind.COMMENT:
            lead = _comment_lead(section, count)
        else:
            lead = _heading_lead(section, parcel.path, count) if section.heading_path != before else ""
        before = section.heading_path
        yield from _pieces_of(section, lead, parcel.room, count)


def _comment_lead(section: Section, count: CountTokens) -> str:
    date = f", {section.created:%Y-%m-%d}" if section.created else ""
    return f"{_label(section.author, count) or 'Somebody'}{date}: "


def _heading_lead(section: Section, path: tuple[str, ...], count: CountTokens) -> str:
    """The headings that are not in the context, because other sections of the chunk stand under others."""
    heading = _label(" › ".join(section.heading_path[len(path) :]), count)
    return f"**{heading}**\n" if heading else ""


def _label(name: str | None, count: CountTokens) -> str:
    return next(iter(split_text(name or "", _LABEL, count)), "")


def _pieces_of(section: Section, lead: str, room: int, count: CountTokens) -> Iterator[Piece]:
    lead_tokens = count(lead)
    opens = True
    for block in blocks_of(section):
        cost = BETWEEN_BLOCKS
        for text in _split_block(block, room - lead_tokens, count):
            yield Piece(
                section=section,
                text=text,
                tokens=count(text),
                lead=lead,
                lead_tokens=lead_tokens,
                opens=opens,
                cost=BETWEEN_SECTIONS if opens else cost,
            )
            opens, cost = False, INSIDE


def _split_block(block: Block, room: int, count: CountTokens) -> list[str]:
    match block.kind:
        case BlockKind.CODE:
            fence = f"```{_label(block.language, count)}"
            limit = room - count(f"{fence}\n```")
            return [f"{fence}\n{text}\n```" for text in split_code(block.text, limit, count) if text.strip()]
        case BlockKind.TABLE:
            return split_table(block.text, room, count)
        case _:
            # In small parts, of which chunks of one size can be made.
            return [block.text] if count(block.text) <= room else split_text(block.text, room // 4, count)


def _with_overlaps(pieces: list[Piece], room: int, count: CountTokens) -> list[Piece]:
    """The same, with the sentence before each that continues prose; where one chunk holds all, none is repeated."""
    if sum(piece.tokens_within for piece in pieces) <= room:
        return pieces
    overlapping = pieces[:1]
    for before, piece in pairwise(pieces):
        sentence = "" if piece.opens or not _is_prose(before) else last_sentence(before.text, _OVERLAP, count)
        tokens = count(sentence)
        fits = tokens and tokens + piece.lead_tokens + piece.tokens <= room
        overlapping.append(replace(piece, overlap=sentence, overlap_tokens=tokens) if fits else piece)
    return overlapping


def _is_prose(piece: Piece) -> bool:
    return not piece.text.endswith(("```", "|"))


def _chunk(run: Sequence[Piece], parcel: _Parcel) -> Chunk:
    first = run[0].section
    text = ""
    starts: list[tuple[int, Section]] = []
    for index, piece in enumerate(run):
        if index:
            text += _LINE if piece.cost == INSIDE else _GAP
        if index == 0 or piece.opens:
            starts.append((len(text), piece.section))
            text += piece.lead
        if index == 0 and piece.overlap:
            text += piece.overlap + _GAP
        text += piece.text
    places = {(section.url, section.author) for _, section in starts}
    kinds = {section.kind for _, section in starts}
    return Chunk(
        kind=first.kind if len(kinds) == 1 else SectionKind.SECTION,
        heading=" › ".join(parcel.path),
        url=first.url,
        text=text,
        author=first.author,
        created=first.created,
        context=parcel.context,
        anchors=tuple(map(_anchor, starts)) if len(places) > 1 else (),
        access_rules=first.access_rules,
        included_id=first.included_id,
    )


def _anchor(start: tuple[int, Section]) -> Anchor:
    position, section = start
    return Anchor(
        start=position,
        url=section.url,
        author=section.author,
        created=section.created,
        heading=" › ".join(section.heading_path),
    )
