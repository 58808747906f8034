"""Documents and a source in memory for tests of the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from connectors.documents import (
    ANYONE,
    AccessRule,
    Changed,
    Document,
    DocumentKind,
    Listed,
    Membership,
    Section,
    SectionKind,
    Unreadable,
)
from connectors.errors import SourceUnavailableError
from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.passes import EVERYTHING, Pass
from indexer.refresh import Progress, RefreshReport, refresh
from indexer.search import search

OPEN = AccessRule(name="open", principals=frozenset({ANYONE}))


def long(text: str) -> str:
    """A section's text that fills a chunk of its own: small ones share one with their neighbours."""
    return text + " The rest of it is of no interest here." * 18


def make_document(number: int, *texts: str, day: int = 1, **values: Any) -> Document:
    """A page of one section a text, changed on that day of January 2026, open to anyone."""
    title = values.pop("title", f"Page {number}")
    return Document(
        **{
            "source": "wiki",
            "id": str(number),
            "external_id": str(number),
            "kind": DocumentKind.PAGE,
            "title": title,
            "url": f"https://x/{number}",
            "place": "Ops",
            "sections": tuple(
                Section(
                    kind=SectionKind.SECTION,
                    text=text,
                    url=f"https://x/{number}#{at}",
                    heading_path=(f"H{at}",),
                )
                for at, text in enumerate(texts)
            ),
            "access_rules": (OPEN,),
            "updated": datetime(2026, 1, day, tzinfo=UTC),
        }
        | values
    )


def versioned(document: Document) -> Document:
    """The document with a part that names its content, unless it has parts."""
    return document if document.parts else replace(document, parts=frozenset({document.content_hash[:12]}))


@dataclass
class MemorySource:
    """A source in memory: what it has now, who may read it, and where it fails."""

    name: str = "wiki"
    batch_size: int = 2
    held: dict[str, Document] = field(default_factory=dict)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    people: list[Membership] = field(default_factory=list)
    #: Who satisfies the rules that documents bring without principals.
    containers: dict[str, frozenset[str]] = field(default_factory=dict)
    #: Raised where the document of this id is read, or told of.
    failures: dict[str, Exception] = field(default_factory=dict)
    #: The source goes down when this id is read, and gives nothing from then on, until this is None.
    down_from: str | None = None
    down: bool = False
    #: Not in the listing although they exist, as a page that slips through offset paging.
    passed_over: set[str] = field(default_factory=set)
    #: Listed without their rules.
    untold: set[str] = field(default_factory=set)
    #: Raised in the middle of the listing.
    broken_listing: Exception | None = None
    #: Whether changes and listings tell versions.
    tells_parts: bool = True
    #: What `changes` was asked for, which ids were read in which batches, and which rules were asked for.
    asked_since: list[datetime] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    asked_rules: list[str] = field(default_factory=list)
    listings: int = 0
    on_read: Callable[[str], object] = lambda _: None
    on_rule: Callable[[str], object] = lambda _: None

    def put(self, *documents: Document) -> None:
        """Write documents, as a person would."""
        self.held |= {document.id: versioned(document) for document in documents}

    def edit(self, *documents: Document) -> None:
        """Write documents just now, so that the next refresh is told of them."""
        self.put(*(replace(document, updated=datetime.now(UTC)) for document in documents))

    @property
    def read(self) -> list[str]:
        """Every id that was read, sorted; batches run at once."""
        return sorted(id_ for batch in self.batches for id_ in batch)

    def check(self) -> str:
        """Nothing to check."""
        return "in memory"

    def changes(self, since: datetime) -> Iterator[Changed]:
        """In the order of the change, as a real source gives them."""
        self.asked_since.append(since)
        for document in sorted(self.held.values(), key=lambda each: str(each.updated)):
            if document.parent_id is None and (document.updated is None or document.updated >= since):
                if f"change of {document.id}" in self.failures:
                    raise self.failures[f"change of {document.id}"]
                part = next(iter(document.parts)) if self.tells_parts else None
                yield Changed(id=document.id, updated=document.updated, part=part)

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """These, as far as they exist."""
        self.batches.append(list(ids))
        for id_ in ids:
            self.down = self.down_from is not None and (self.down or id_ == self.down_from)
            if self.down:
                raise SourceUnavailableError("wiki did not answer; try again later.")
            if id_ in self.failures:
                raise self.failures[id_]
            # As over a wire: what is given is what was there before anything else happens.
            found = self.unreadable.get(id_) or self.held.get(id_)
            self.on_read(id_)
            if found:
                yield found

    def listing(self) -> Iterator[Listed]:
        """All that there is but attachments, and what this list passes over."""
        self.listings += 1
        for document in list(self.held.values()):
            if document.id not in self.passed_over and document.parent_id is None:
                rules = None if document.id in self.untold else document.access_rules
                yield Listed(
                    id=document.id, access_rules=rules, parts=document.parts if self.tells_parts else None
                )
        yield from (Listed(id=id_) for id_ in self.unreadable)
        if self.broken_listing:
            raise self.broken_listing

    def rule(self, name: str) -> AccessRule:
        """Who satisfies a container rule."""
        self.asked_rules.append(name)
        self.on_rule(name)
        if f"rule {name}" in self.failures:
            raise self.failures[f"rule {name}"]
        return AccessRule(name=name, principals=self.containers[name])

    def memberships(self) -> Iterator[Membership]:
        """Who is who."""
        if "people" in self.failures:
            raise self.failures["people"]
        yield from self.people


class Index:
    """A fresh index with the real embedding model."""

    def __init__(self, pool: ConnectionPool, embedder: Embedder) -> None:
        self.pool = pool
        self.embedder = embedder
        self.progress: list[Progress] = []

    def refresh(
        self, source: MemorySource, *passes: Pass, mode: Any = "eager", **options: Any
    ) -> RefreshReport:
        """Bring the source up to date, by every pass where none is named."""
        options = {"passes": passes or EVERYTHING} | options
        return refresh(self.pool, source, self.embedder, mode=mode, progress=self.progress.append, **options)

    def finds(self, question: str, *emails: str) -> list[str]:
        """The texts that these people find, or the operator where nobody is named, in alphabetical order."""
        audience = Audience.of(emails) if emails else Audience.operator()
        result = search(self.pool, self.embedder, question, audience=audience, limit=50, strategy="keyword")
        return sorted(hit.text for hit in result.hits)

    def listed(self) -> list[str]:
        """The ids on the reading list."""
        return [row[0] for row in self.rows("select source_id from reading_list order by 1")]

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with self.pool.connection() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def contents(self) -> list[tuple[Any, ...]]:
        """Everything that is searched, without the numbers that say when a row was written."""
        return self.rows(
            """select d.source_id, d.title, d.content_hash, r.names, c.position, c.kind, c.url, c.text, c.context,
                      c.hash, p.postings, e.embedding::text
               from documents d join chunks c on c.document_id = d.id
               cross join lateral (select array_agg((id = any (d.rule_ids), name, principals)::text order by name)
                                       as names from access_rules where id = any (d.rule_ids || c.rule_ids)) r
               cross join lateral (select array_agg((t.lexeme, p.frequency, p.length)::text order by t.lexeme)
                                       as postings
                                   from postings p join terms t on t.id = p.term_id where p.chunk_id = c.id) p
               left join embeddings e on e.chunk_id = c.id
               order by d.source_id, c.position"""
        )


@pytest.fixture
def index(pool: ConnectionPool, embedder: Embedder) -> Index:
    """A fresh index."""
    return Index(pool, embedder)


@pytest.fixture
def source() -> MemorySource:
    """An empty source."""
    return MemorySource()


@pytest.fixture
def document() -> Callable[..., Document]:
    """Makes documents: number, texts, and whatever field."""
    return make_document


@pytest.fixture
def rules() -> Callable[..., AccessRule]:
    """Makes access rules: name and principals."""

    def make(name: str, principals: Sequence[str]) -> AccessRule:
        return AccessRule(name=name, principals=frozenset(principals))

    return make
