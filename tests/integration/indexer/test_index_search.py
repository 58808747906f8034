"""Hybrid search: order, filters, lazy vectors, the HNSW path, and questions of every shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.documents import Document, DocumentKind
from indexer import search as search_module
from indexer.audience import Audience
from indexer.search import Hit, search

Make = Callable[..., Document]

TEXTS = {
    1: "Restart the print spooler with systemctl restart cups.",
    2: "Holidays are requested in the people portal, two weeks ahead.",
    3: "The VPN needs a certificate, which expires every year.",
    4: "When labels come out blank, clean the head of the thermal printer.",
    5: "Expenses over 500 euros need the approval of a manager.",
}


def find(index: Any, question: str, **values: Any) -> Sequence[Hit]:
    """The operator's hits."""
    return search(
        index.pool, index.embedder, question, **({"audience": Audience.operator(), "limit": 10} | values)
    ).hits


@pytest.fixture
def filled(index: Any, source: Any, document: Make) -> Any:
    """An index of a few pages and a ticket, with vectors."""
    source.put(*(document(n, text) for n, text in TEXTS.items()))
    source.put(
        document(
            6, "Blank labels again.", kind=DocumentKind.TICKET, external_id="OPS-12", title="Label printer"
        )
    )
    index.refresh(source)
    return index


def test_words_and_meaning_are_both_found(filled: Any) -> None:
    """What shares words comes first; what shares none is found by its meaning."""
    assert find(filled, "restart cups")[0].external_id == "1"
    vacation = find(filled, "how do I take a vacation?")
    assert vacation[0].external_id == "2"
    assert vacation[0].keyword_score == 0
    assert vacation[0].similarity is not None


def test_hits_come_best_first_with_all_that_a_citation_needs(filled: Any) -> None:
    """Scores fall; the URL is the section's, the document's is beside it."""
    hits = find(filled, "restart the printer spooler")

    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    best = hits[0]
    assert (best.url, best.document_url, best.place, best.heading) == (
        "https://x/1#0",
        "https://x/1",
        "Ops",
        "H0",
    )
    assert (best.kind, best.document_kind, best.source, best.title) == ("section", "page", "wiki", "Page 1")
    assert best.score > 1


def test_a_ticket_that_is_named_comes_first(filled: Any) -> None:
    """Whatever else fits better by its words; case does not matter."""
    for question in ("OPS-12", "is ops-12 about restarting the print spooler with systemctl cups?"):
        best = find(filled, question)[0]
        assert (best.external_id, best.named) == ("OPS-12", True)
    assert not any(hit.named for hit in find(filled, "what is OPS-99?"))


def test_the_limit_and_the_share_of_one_document_are_kept(index: Any, source: Any, document: Make) -> None:
    """A long page does not fill the answer alone."""
    source.put(document(1, *(f"Printer hint number {n}." for n in range(8))), document(2, "A printer, too."))
    index.refresh(source)

    assert len(find(index, "printer hint", limit=3)) == 3
    spread = find(index, "printer hint", per_document=2)
    assert sorted(hit.external_id for hit in spread) == ["1", "1", "2"]


def test_only_the_sources_asked_for_are_searched(filled: Any, document: Make, source: Any) -> None:
    """By name; an unknown one has nothing."""
    other = type(source)(name="other")
    other.put(document(1, TEXTS[1], source="other"))
    filled.refresh(other)

    assert {hit.source for hit in find(filled, "restart cups")} == {"wiki", "other"}
    assert {hit.source for hit in find(filled, "restart cups", sources=["other"])} == {"other"}
    assert find(filled, "restart cups", sources=["nowhere"]) == ()
    assert find(filled, "restart cups", sources=[]) == ()


def test_lazy_vectors_are_made_for_the_keyword_hits_alone_and_stored(
    index: Any, source: Any, document: Make
) -> None:
    """Steps c and d: the first search embeds what it found, the second embeds nothing."""
    source.put(*(document(n, text) for n, text in TEXTS.items()))
    assert index.refresh(source, mode="lazy").embedded == 0

    first = find(index, "restart cups")

    found = {hit.chunk_id for hit in first if hit.keyword_score > 0}
    assert [hit.external_id for hit in first] == ["1"]
    assert first[0].similarity is not None
    stored = index.rows("select chunk_id, xmin::text from embeddings")
    assert {row[0] for row in stored} == found
    assert find(index, "restart cups") == first
    assert index.rows("select chunk_id, xmin::text from embeddings") == stored


def test_the_vector_index_finds_what_the_exact_scan_finds(
    index: Any, source: Any, document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond EXACT_UP_TO vectors the HNSW index is used; the best hits are the same, also for a narrow reader."""
    subjects = ["printer", "vpn", "holiday", "invoice", "database", "deployment", "badge", "laptop"]
    acts = ["restart", "order", "lose", "renew", "audit", "return", "secure", "configure"]
    source.put(
        document(1, *(f"How to {act} a {subject} in the office." for subject in subjects for act in acts))
    )
    index.refresh(source)
    questions = ["renewing my vpn", "my badge is lost", "send the notebook back", "bill check"]
    exact = [find(index, question, strategy="vector", limit=5) for question in questions]

    monkeypatch.setattr(search_module, "EXACT_UP_TO", 10)
    indexed = [find(index, question, strategy="vector", limit=5) for question in questions]
    narrow = [
        find(index, question, strategy="vector", limit=5, audience=Audience.of(["nobody@example.com"]))
        for question in questions
    ]

    names = [[hit.chunk_id for hit in hits] for hits in exact]
    assert [[hit.chunk_id for hit in hits] for hits in indexed] == names
    assert [[hit.chunk_id for hit in hits] for hits in narrow] == names


def test_the_index_on_vectors_is_there_and_can_be_used(filled: Any) -> None:
    """The expression and the predicate of the query are those of the model's partial index."""
    with filled.pool.connection() as connection:
        connection.execute("set local enable_seqscan = off")
        connection.execute("set local enable_sort = off")
        vector = str(filled.embedder.encode(["printer"])[0].tolist())
        plan = connection.execute(
            "explain select chunk_id from embeddings where model_id = 1 "
            "order by embedding::halfvec(384) <=> %s::halfvec(384) limit 5",
            [vector],
        ).fetchall()
    assert any("embeddings_hnsw_1" in line for (line,) in plan)


def test_any_question_with_a_word_is_searched(filled: Any) -> None:
    """Stop words alone are searched by their meaning; operators of a query language are words or nothing."""
    for question in [
        "what is the",
        "and or not",
        "Wo finde ich das?",
        "'; drop table documents; --",
        "a & b | !c <-> (d",
    ]:
        assert len(find(filled, question)) == 6
        assert filled.rows("select count(*) from documents") == [(6,)]


def test_a_question_without_a_word_finds_nothing(filled: Any) -> None:
    """There is nothing to look for."""
    for question in ("", "   \n", "???", "-- ; '' %", "\x00"):
        assert find(filled, question) == ()


def test_dirt_in_a_question_is_passed_over(filled: Any) -> None:
    """A terminal hands on bytes that are no text as half surrogate pairs."""
    for question in ["prin\x00ter spooler", "printer \ud83d spooler", "%s %(x)s printer spooler"]:
        assert len(find(filled, question)) == 6


def test_a_very_long_question_is_searched(filled: Any) -> None:
    """A pasted log of 200,000 characters, and words of thousands."""
    log = "".join(f"line {n} restart cups 10.0.{n % 250}.7\n" for n in range(6000)) + "x" * 5000

    assert find(filled, log)[0].external_id == "1"


def test_an_empty_index_has_no_hits(index: Any) -> None:
    """Nor has it a fault."""
    assert find(index, "restart cups") == ()
