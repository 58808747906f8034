"""Storing documents: what is written anew, what keeps its vector and its words, and dirt in the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.documents import AccessRule, Document, Section, SectionKind
from indexer.audience import Audience
from indexer.rules import RuleStore
from indexer.search import search
from indexer.store import Outcome, store_document
from tests.integration.indexer.conftest import long

Make = Callable[..., Document]


def store(index: Any, document: Document) -> Outcome:
    """Store one document in a transaction of its own, as a refresh does."""
    with index.pool.connection() as connection:
        return store_document(connection, document, rules=RuleStore("wiki"), embedder=index.embedder)


def chunks(index: Any) -> dict[str, int]:
    """Chunk ids by text, in reading order."""
    return {text: chunk for chunk, text in index.rows("select id, text from chunks order by position")}


def test_a_document_is_created_then_unchanged_then_updated(index: Any, document: Make) -> None:
    """By its content's hash."""
    assert store(index, document(1, "One.")) is Outcome.CREATED
    assert store(index, document(1, "One.")) is Outcome.UNCHANGED
    assert store(index, document(1, "Two.")) is Outcome.UPDATED
    assert index.rows("select count(*) from documents") == [(1,)]


def test_an_unchanged_chunk_keeps_id_vector_and_words_and_a_changed_one_loses_them(
    index: Any, source: Any, document: Make
) -> None:
    """Also when it moves down because a section was put in front of it."""
    source.put(document(1, long("The spooler stays."), long("The roller goes.")))
    index.refresh(source)
    before = chunks(index)
    page = document(1, long("The spooler stays."), long("The drum comes."))
    new = Section(kind=SectionKind.SECTION, text=long("A new beginning."), url="https://x/1#new")
    store(index, document(1, sections=(new, *page.sections)))

    after = chunks(index)
    stays = long("The spooler stays.")
    assert list(after) == [long("A new beginning."), stays, long("The drum comes.")]
    assert after[stays] == before[stays]
    assert index.rows("select chunk_id from embeddings") == [(before[stays],)]
    kept = {chunk for (chunk,) in index.rows("select distinct chunk_id from postings")}
    assert kept == set(after.values())


def test_a_new_title_is_in_the_words_and_asks_for_new_vectors(
    index: Any, source: Any, document: Make
) -> None:
    """The title is embedded and searched in front of every chunk."""
    source.put(document(1, "Restart it.", title="Spooler", day=1))
    index.refresh(source)
    before = chunks(index)
    source.put(document(1, "Restart it.", title="Plotter", day=2))

    report = index.refresh(source)

    assert report.embedded == 1
    assert chunks(index) != before
    (hit,) = search(
        index.pool, index.embedder, "plotter", audience=Audience.operator(), limit=5, strategy="keyword"
    ).hits
    assert hit.title == "Plotter"
    assert not search(
        index.pool, index.embedder, "spooler", audience=Audience.operator(), limit=5, strategy="keyword"
    ).hits


def test_equal_chunks_of_one_document_are_each_kept(index: Any, source: Any, document: Make) -> None:
    """Two sections may say the same under the same heading; one of them goes, the other keeps its vector."""
    same = Section(kind=SectionKind.SECTION, text=long("See below."), url="https://x/1")
    other = Section(kind=SectionKind.SECTION, text=long("Else."), url="https://x/1", heading_path=("Else",))
    source.put(document(1, sections=(same, other, same)))
    index.refresh(source)
    first = index.rows("select id, text from chunks order by position")
    assert [text for _, text in first] == [long("See below."), long("Else."), long("See below.")]

    store(index, document(1, sections=(other, same)))

    second = index.rows("select id, text from chunks order by position")
    assert [text for _, text in second] == [long("Else."), long("See below.")]
    assert {row[0] for row in second} < {row[0] for row in first}
    assert index.rows("select count(*) from embeddings") == [(2,)]


def test_a_change_of_rules_alone_rewrites_no_chunk(
    index: Any, source: Any, document: Make, rules: Callable[..., AccessRule]
) -> None:
    """Permissions are of the document; the text and its vectors stay."""
    source.put(document(1, "One."))
    index.refresh(source)
    before = chunks(index)

    shut = document(1, "One.", access_rules=(rules("page:1", ["group:a"]), rules("space:X", ["group:b"])))
    assert store(index, shut) is Outcome.UNCHANGED

    assert chunks(index) == before
    assert index.rows("select count(*) from embeddings") == [(1,)]
    assert index.rows("select cardinality(rule_ids) from documents") == [(2,)]


def test_text_with_a_nul_is_stored_and_found(index: Any, document: Make) -> None:
    """Postgres text holds none; wherever it comes from, the rest of the document is readable."""
    dirty = document(
        1,
        "Spo\x00oler restart.",
        title="Pri\x00nter",
        place="O\x00ps",
        author="A\x00da",
        status="Do\x00ne",
        labels=("la\x00bel",),
    )

    assert store(index, dirty) is Outcome.CREATED
    assert store(index, dirty) is Outcome.UNCHANGED

    (hit,) = search(index.pool, index.embedder, "spooler", audience=Audience.operator(), limit=5).hits
    assert (hit.title, hit.text, hit.place, hit.author, hit.status) == (
        "Printer",
        "Spooler restart.",
        "Ops",
        "Ada",
        "Done",
    )


def test_comments_of_people_with_odd_names_are_stored(index: Any, document: Make) -> None:
    """A run of comments keeps each one's author and place, dirt or not."""
    comments = tuple(
        Section(
            kind=SectionKind.COMMENT,
            text=f"Comment {n}.",
            url=f"https://x/1#{n}",
            author='Z\x00oë \\u0000 "q"',
        )
        for n in range(3)
    )
    assert store(index, document(1, sections=comments)) is Outcome.CREATED
    assert len(search(index.pool, index.embedder, "comment", audience=Audience.operator(), limit=5).hits) == 1


def test_half_a_surrogate_pair_does_not_stop_the_source(index: Any, document: Make) -> None:
    r"""JSON may carry "\ud83d" alone, where something cut an emoji in two."""
    dirty = document(1, "Printer \ud83d jams.", title="Jam \ud83d", author="A\ud83d")

    assert store(index, dirty) is Outcome.CREATED

    (hit,) = search(index.pool, index.embedder, "printer jams", audience=Audience.operator(), limit=5).hits
    assert hit.text.startswith("Printer ")
