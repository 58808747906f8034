"""Who may read little: what others have changes no hit, no order and no score, also before the figures are trued up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.documents import AccessRule, Document
from indexer import terms
from indexer.audience import Audience
from indexer.rules import RuleStore
from indexer.search import Hit, Limits, search
from indexer.store import store_document

Make = Callable[..., Document]

FEW = AccessRule(name="few", principals=frozenset({"group:few"}))
EVERYBODY = Audience.of(["nobody@example.com"])

#: Copies of a document that was stored properly, with its chunk's words.
COPY = [
    """insert into documents
           (source, source_id, external_id, kind, title, url, place, labels, content_hash, rule_ids)
       select source, 'copy ' || n, n, kind, title, url, place, labels, content_hash, rule_ids
       from documents, generate_series(1, %(copies)s) n where source_id = %(of)s""",
    """insert into chunks (document_id, position, kind, heading, url, text, context, hash, words)
       select d.id, 0, c.kind, c.heading, c.url, c.text, c.context, c.hash, c.words
       from documents d, chunks c join documents o on o.id = c.document_id
       where d.source_id like 'copy %%' and o.source_id = %(of)s""",
    """insert into postings (term_id, chunk_id, frequency, length)
       select p.term_id, c.id, p.frequency, p.length
       from chunks c join documents d on d.id = c.document_id,
            postings p join chunks s on s.id = p.chunk_id join documents o on o.id = s.document_id
       where d.source_id like 'copy %%' and o.source_id = %(of)s""",
]


def put(index: Any, *documents: Document) -> None:
    """Store documents as a refresh does, without the true-up that ends it."""
    for each in documents:
        with index.pool.connection() as connection:
            store_document(connection, each, rules=RuleStore("wiki"), embedder=index.embedder)


def put_forbidden(index: Any, document: Make, text: str, *, copies: int) -> None:
    """So many documents of others, and one more, of one chunk with this text."""
    put(index, document(50, text, access_rules=(FEW,)))
    with index.pool.connection() as connection:
        for statement in COPY:
            connection.execute(statement.encode(), {"copies": copies, "of": "50"})


def find(index: Any, question: str, **values: Any) -> Sequence[Hit]:
    """The hits of somebody who may read what is open, by words alone."""
    options: dict[str, Any] = {"strategy": "keyword", "limit": 10, "audience": EVERYBODY} | values
    return search(index.pool, index.embedder, question, **options).hits


def shown(index: Any, question: str, **values: Any) -> list[tuple[str, float, bool]]:
    """What a reader sees of each hit."""
    hits = find(index, question, **values)
    return [(hit.title, round(hit.keyword_score, 4), hit.quoted) for hit in hits]


def test_words_that_only_others_have_take_nobody_elses_place(index: Any, document: Make) -> None:
    """However many of the question's words they are: as many are looked up as there are."""
    words = [f"{first}{second}zq" for first in "bcdfghklmn" for second in "aeiouyw"][:64]
    put(index, document(1, "vpn gateway restart"), *(document(n, f"office number {n}") for n in range(2, 8)))
    terms.true_up(index.pool)
    before = shown(index, "vpn gateway " + " ".join(words))
    put_forbidden(index, document, " ".join(words), copies=110)
    terms.true_up(index.pool)
    assert before
    assert shown(index, "vpn gateway " + " ".join(words)) == before


def test_a_score_does_not_tell_whether_others_have_the_word(index: Any, document: Make) -> None:
    """Whoever writes a word to find out gets the same score, to the last digit, before and after a true-up."""

    def written() -> list[Any]:
        terms.true_up(index.pool)
        put(index, document(9, "phoenix"))
        between = shown(index, "phoenix")
        terms.true_up(index.pool)
        assert shown(index, "phoenix") == between
        with index.pool.connection() as connection:
            connection.execute("delete from documents where source_id = '9'")
        return between

    put(index, *(document(n, f"canteen menu {n}") for n in range(1, 6)))
    without = written()
    assert [title for title, _, _ in without] == ["Page 9"]
    put_forbidden(index, document, "phoenix", copies=150)
    assert written() == without


def test_what_is_new_has_the_rarity_it_has_before_the_figures_say_so(index: Any, document: Make) -> None:
    """In a new space the word of every page is not the rarest because nothing is counted yet."""
    put_forbidden(index, document, "printer office", copies=1100)
    terms.true_up(index.pool)
    put(index, *(document(n, "printer printer printer paper") for n in range(100, 139)))
    put(index, document(200, "toner of the device"))
    assert not terms.true_up_if_needed(index.pool)
    before = shown(index, "printer toner")
    terms.true_up(index.pool)
    assert before[0][0] == "Page 200"
    assert shown(index, "printer toner") == before


def test_a_new_word_of_many_others_is_found(index: Any, document: Make) -> None:
    """Before anything is counted, by who may read a later chunk; also where much is readable."""
    put_forbidden(index, document, "quuxification", copies=1005)
    put(index, document(60, "The quuxification of printers"))
    assert [hit.title for hit in find(index, "quuxification")] == ["Page 60"]
    much = find(index, "quuxification", limits=Limits(hash_up_to=0))
    assert [hit.title for hit in much] == ["Page 60"]


def test_a_new_word_of_many_others_that_came_later_is_found(index: Any, document: Make) -> None:
    """Beyond what is looked at of a word that is not counted yet, it is taken for one that the reader has."""
    put(index, document(60, "The quuxification of printers"))
    put_forbidden(index, document, "quuxification", copies=1005)
    much = find(index, "quuxification", limits=Limits(hash_up_to=0))
    assert [hit.title for hit in much] == ["Page 60"]


@pytest.mark.parametrize("question", ["quuxification", '"quuxification of"'])
def test_what_is_read_at_most_is_read_of_what_is_visible(index: Any, document: Make, question: str) -> None:
    """The bounds on postings and quotations come after the permissions."""
    put_forbidden(index, document, "quuxification of servers", copies=200)
    put(index, document(60, "The quuxification of printers"))
    terms.true_up(index.pool)
    strategy = "vector" if question.startswith('"') else "keyword"
    hits = find(index, question, strategy=strategy, limits=Limits(postings_up_to=20))
    assert [hit.title for hit in hits] == ["Page 60"]


def test_which_word_is_rare_is_the_readers_own_matter(index: Any, document: Make) -> None:
    """One that is common among others' documents alone finds candidates all the same."""
    put(index, *(document(n, f"printer number {n}") for n in range(1, 25)))
    put(index, document(60, "quuxification of the paper"))
    put_forbidden(index, document, "quuxification", copies=200)
    terms.true_up(index.pool)
    best = find(index, "printer quuxification", limits=Limits(postings_up_to=23))[0]
    assert best.title == "Page 60"
