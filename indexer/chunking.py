"""Structure-aware chunks of a document.

A ticket gives its description, its comments in runs, and its solution; a page gives the text under each
heading, with tables and code kept whole where they fit. Every chunk knows its heading path and the URL that a
citation of it opens. Sizes are counted with the embedding model's own tokeniser, so that nothing is cut
silently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, groupby

from connectors.documents import AccessRule, Document, DocumentKind, Section, SectionKind
from indexer.splitting import CountTokens, last_sentence, split_code, split_table, split_text

#: Part of a document's stored hash: raise it, and the next refresh cuts every document anew.
CHUNKER_VERSION = 1

#: Of the model's window at most this share goes to the title and the headings in front of a chunk.
_CONTEXT_SHARE = 0.25

#: Tokens of the previous chunk's last sentence that are repeated at the start of the next.
_OVERLAP = 32

#: Tokens of a comment's author and of a language's name at most.
_LABEL = 16

#: Between the pieces of a chunk.
_GAP = "\n\n"


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """From which character of a chunk on a citation leads elsewhere: the next comment of a run."""

    start: int
    url: str
    author: str | None
    created: datetime | None


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
    #: One for each section of a run of several; empty when ``url`` says it all.
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
        """Names the embedded text: a chunk that keeps it keeps its vector."""
        return hashlib.sha256(self.embedding_text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Part of a section that fits a chunk."""

    section: Section
    text: str
    tokens: int


def chunk_document(document: Document, *, count_tokens: CountTokens, max_tokens: int) -> list[Chunk]:
    """Cut a document into chunks of at most ``max_tokens`` tokens, title and headings included."""
    chunks: list[Chunk] = []
    for _, group in groupby(document.sections, key=_group_key):
        sections = list(group)
        context = _context(document, sections[0], int(max_tokens * _CONTEXT_SHARE), count_tokens)
        room = max_tokens - count_tokens(context)
        pieces = [piece for section in sections for piece in _pieces(section, room, count_tokens)]
        chunks.extend(_chunk(run, context) for run in _runs(pieces, room, count_tokens))
    return chunks


def _group_key(section: Section) -> object:
    """Sections of one group may share a chunk: what the same people may read, under one heading or in a run of
    comments."""
    return (section.included_id, frozenset(section.access_rules), _place_key(section))


def _place_key(section: Section) -> object:
    if section.kind in (SectionKind.SECTION, SectionKind.TABLE, SectionKind.CODE):
        return ("body", section.heading_path, section.url)
    if section.kind is SectionKind.COMMENT:
        return "comments"
    return (section.kind, section.url)


def _context(document: Document, section: Section, limit: int, count: CountTokens) -> str:
    name = f"{document.external_id} " if document.kind is DocumentKind.TICKET else ""
    text = " › ".join((f"{name}{document.title}", *section.heading_path))
    return text if count(text) <= limit else split_text(text, limit, count)[0]


def _pieces(section: Section, room: int, count: CountTokens) -> Iterator[_Piece]:
    split, frame = _how_to_split(section, count)
    lead = _comment_lead(section, count)
    limit = room - count(lead + frame("")) - (0 if section.kind is SectionKind.CODE else _OVERLAP)
    for text in split(section.text, limit, count):
        if text.strip():
            framed = lead + frame(text)
            yield _Piece(section=section, text=framed, tokens=count(framed))


def _how_to_split(
    section: Section, count: CountTokens
) -> tuple[Callable[[str, int, CountTokens], list[str]], Callable[[str], str]]:
    match section.kind:
        case SectionKind.CODE:
            language = _label(section.language, count)
            return split_code, lambda text: f"```{language}\n{text}\n```"
        case SectionKind.TABLE:
            return split_table, str
        case _:
            return split_text, str


def _comment_lead(section: Section, count: CountTokens) -> str:
    if section.kind is not SectionKind.COMMENT:
        return ""
    date = f", {section.created:%Y-%m-%d}" if section.created else ""
    return f"{_label(section.author, count) or 'Somebody'}{date}: "


def _label(name: str | None, count: CountTokens) -> str:
    return next(iter(split_text(name or "", _LABEL, count)), "")


def _runs(pieces: Sequence[_Piece], room: int, count: CountTokens) -> Iterator[list[_Piece]]:
    """Neighbouring pieces that fit one chunk; a run that continues prose starts with the sentence before."""
    run: list[_Piece] = []
    size = 0
    for piece in pieces:
        if run and size + piece.tokens > room:
            yield run
            run = _overlap(run[-1], piece, count)
            size = sum(each.tokens for each in run)
            if size + piece.tokens > room:
                run, size = [], 0
        run.append(piece)
        size += piece.tokens
    if run:
        yield run


def _overlap(before: _Piece, after: _Piece, count: CountTokens) -> list[_Piece]:
    prose = before.section.kind not in (SectionKind.CODE, SectionKind.TABLE)
    if not prose or before.section is not after.section:
        return []
    sentence = last_sentence(before.text, _OVERLAP, count)
    if not sentence or sentence == before.text:
        return []
    return [_Piece(section=before.section, text=sentence, tokens=count(sentence))]


def _chunk(run: list[_Piece], context: str) -> Chunk:
    sections = [piece.section for piece in run]
    kinds = {section.kind for section in sections}
    first = sections[0]
    starts = accumulate((len(piece.text) + len(_GAP) for piece in run), initial=0)
    anchors = [
        Anchor(start=start, url=piece.section.url, author=piece.section.author, created=piece.section.created)
        for start, piece in zip(starts, run, strict=False)
    ]
    return Chunk(
        kind=first.kind if len(kinds) == 1 else SectionKind.SECTION,
        heading=" › ".join(first.heading_path),
        url=first.url,
        text=_GAP.join(piece.text for piece in run),
        author=first.author,
        created=first.created,
        context=context,
        anchors=tuple(anchors) if len({section.url for section in sections}) > 1 else (),
        access_rules=first.access_rules,
        included_id=first.included_id,
    )
