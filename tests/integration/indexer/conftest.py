"""Documents and a scripted source for tests of the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from connectors.documents import (
    ANYONE,
    AccessRule,
    Document,
    DocumentKind,
    Listed,
    Membership,
    Section,
    SectionKind,
    Unreadable,
)
from indexer.embedding import Embedder
from indexer.refresh import Progress, RefreshReport, refresh

OPEN = AccessRule(name="open", principals=frozenset({ANYONE}))


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


@dataclass
class ScriptedSource:
    """A source that the test writes: what it has now, and where it fails."""

    name: str = "wiki"
    held: dict[str, Document] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    people: list[Membership] = field(default_factory=list)
    #: Raised in the place of the document of this id.
    failures: dict[str, Exception] = field(default_factory=dict)
    #: What `changes` was asked for.
    asked_since: list[datetime | None] = field(default_factory=list)
    #: Not in the listing although they exist, as a page that slips through offset paging.
    passed_over: set[str] = field(default_factory=set)
    #: Listed without their rules.
    untold: set[str] = field(default_factory=set)
    on_change: Callable[[Document], None] = lambda _: None

    def put(self, *documents: Document) -> None:
        """Write documents, as a person would."""
        self.held |= {document.id: document for document in documents}

    def check(self) -> str:
        """Nothing to check."""
        return "scripted"

    def estimate(self, since: datetime | None) -> int | None:
        """How many there are."""
        return len(self.held)

    def changes(self, since: datetime | None) -> Iterator[Document | Unreadable]:
        """In the order of the change, as a real source gives them."""
        self.asked_since.append(since)
        for document in sorted(self.held.values(), key=lambda each: str(each.updated)):
            if since is None or document.updated is None or document.updated >= since:
                if document.id in self.failures:
                    raise self.failures[document.id]
                self.on_change(document)
                yield document
        yield from self.unreadable

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        """These, as far as they exist."""
        yield from (self.held[id_] for id_ in ids if id_ in self.held)
        yield from (each for each in self.unreadable if each.id in ids)

    def listing(self) -> Iterator[Listed]:
        """All that there is, but for what this list passes over."""
        for document in self.held.values():
            if document.id not in self.passed_over:
                rules = None if document.id in self.untold else document.access_rules
                yield Listed(id=document.id, access_rules=rules)

    def memberships(self) -> Iterator[Membership]:
        """Who is who."""
        yield from self.people


class Index:
    """A fresh index with the real embedding model."""

    def __init__(self, pool: ConnectionPool, embedder: Embedder) -> None:
        self.pool = pool
        self.embedder = embedder
        self.progress: list[Progress] = []

    def refresh(self, source: ScriptedSource, *, full: bool = False, mode: Any = "eager") -> RefreshReport:
        """Bring the source up to date."""
        return refresh(self.pool, source, self.embedder, full=full, mode=mode, progress=self.progress.append)

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
               cross join lateral (select array_agg(name order by name) as names from access_rules
                                   where id = any (d.rule_ids)) r
               cross join lateral (select array_agg((t.lexeme, p.weight)::text order by t.lexeme) as postings
                                   from postings p join terms t on t.id = p.term_id where p.chunk_id = c.id) p
               left join embeddings e on e.chunk_id = c.id
               order by d.source_id, c.position"""
        )


@pytest.fixture
def index(pool: ConnectionPool, embedder: Embedder) -> Index:
    """A fresh index."""
    return Index(pool, embedder)


@pytest.fixture
def source() -> ScriptedSource:
    """An empty source."""
    return ScriptedSource()


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
