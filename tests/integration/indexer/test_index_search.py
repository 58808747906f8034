"""Hybrid search: order, filters, lazy vectors, the HNSW path, and questions of every shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest
from pgvector import HalfVector

from connectors.documents import AccessRule, Document, DocumentKind, Membership
from indexer import search as search_module
from indexer import vector_index
from indexer.audience import Audience
from indexer.ranking import Strategy
from indexer.search import Hit, Limits, search

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
    assert 0.5 < best.score < 1.1


def test_a_ticket_that_is_named_comes_first(filled: Any) -> None:
    """Whatever else fits better by its words; case does not matter."""
    for question in ("OPS-12", "is ops-12 about restarting the print spooler with systemctl cups?"):
        best = find(filled, question)[0]
        assert (best.external_id, best.named) == ("OPS-12", True)
    assert not any(hit.named for hit in find(filled, "what is OPS-99?"))


def long(number: int) -> str:
    """A section that fills a chunk of its own."""
    return (
        f"Printer hint number {number}. "
        + f"Tray {number} holds paper and room {number} has more of it. " * 16
    )


def test_the_limit_and_the_share_of_one_document_are_kept(index: Any, source: Any, document: Make) -> None:
    """A long page does not fill the answer alone."""
    source.put(document(1, *(long(n) for n in range(8))), document(2, "A printer, too."))
    index.refresh(source)

    assert len(find(index, "printer hint", limit=3)) == 3
    spread = find(index, "printer hint", per_document=2)
    assert sorted(hit.external_id for hit in spread) == ["1", "1", "2"]


def test_only_the_sources_asked_for_are_searched(filled: Any, document: Make, source: Any) -> None:
    """By name; an unknown one has nothing."""
    other = type(source)(name="other")
    other.put(document(1, "Restart cups, the daemon that prints.", source="other"))
    filled.refresh(other)

    assert {hit.source for hit in find(filled, "restart cups")} == {"wiki", "other"}
    assert {hit.source for hit in find(filled, "restart cups", sources=["other"])} == {"other"}
    assert find(filled, "restart cups", sources=["nowhere"]) == ()
    assert find(filled, "restart cups", sources=[]) == ()


def test_of_texts_that_are_the_same_one_is_found(filled: Any, source: Any, document: Make) -> None:
    """A page that was copied does not crowd out others; under a title that fits better it is the one."""
    source.put(document(7, TEXTS[1], title="Restart cups"), document(8, TEXTS[1], title="Copy"))
    filled.refresh(source)

    hits = find(filled, "restart cups")
    assert hits[0].title == "Restart cups"
    assert [hit.text for hit in hits].count(hits[0].text) == 1


def test_of_texts_that_are_the_same_everybody_finds_one_that_they_may_read(
    filled: Any, source: Any, document: Make, rules: Callable[..., AccessRule]
) -> None:
    """A copy for a few that fits better by its title hides no other, and shows nothing of itself or its readers."""
    few = rules("page:7", ["group:few"])
    source.people = [Membership(email="few@example.com", principals=frozenset({"group:few"}))]
    source.put(document(7, TEXTS[1], title="Restart cups", access_rules=(few,)))
    filled.refresh(source)
    names = dict(filled.rows("select id, name from access_rules"))

    for strategy in get_args(Strategy):
        shown = {
            person: [
                (hit.external_id, [names[rule] for rule in hit.rule_ids])
                for hit in find(filled, "restart cups", audience=Audience.of([person]), strategy=strategy)
                if hit.text == TEXTS[1]
            ]
            for person in ("few@example.com", "other@example.com")
        }

        assert shown["other@example.com"] == [("1", ["open"])], strategy
        assert shown["few@example.com"] == [("7", ["page:7"])], strategy


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


@pytest.fixture
def many(index: Any, source: Any, document: Make, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An index of 64 short pages, with an HNSW index on their vectors; one of four is of the group `few`."""
    subjects = ["printer", "vpn", "holiday", "invoice", "database", "deployment", "badge", "laptop"]
    acts = ["restart", "order", "lose", "renew", "audit", "return", "secure", "configure"]
    few = AccessRule(name="few", principals=frozenset({"group:few"}))
    pages = [
        document(number, f"How to {act} a {subject} in the office.", title=f"{act} {subject}")
        for number, (subject, act) in enumerate(product(subjects, acts))
    ]
    source.put(*(replace(page, access_rules=(few,)) if int(page.id) % 4 else page for page in pages))
    monkeypatch.setattr(vector_index, "INDEX_FROM", 10)
    index.refresh(source)
    with index.pool.connection() as connection:
        connection.autocommit = True
        connection.execute("vacuum analyze")
        connection.autocommit = False
    return index


QUESTIONS = ["renewing my vpn", "my badge is lost", "send the notebook back", "bill check"]

#: Everything is many.
NOTHING_IS_FEW = Limits(exact_up_to=3, exact_factor=0.0, hash_up_to=0)


def test_the_vector_index_finds_what_the_exact_scan_finds(many: Any) -> None:
    """Beyond ``exact_up_to`` chunks the HNSW index is used; the hits are the same, also for a narrow reader."""
    for audience in (Audience.operator(), Audience.of(["nobody@example.com"])):
        for question in QUESTIONS:
            exact = find(many, question, strategy="vector", limit=5, audience=audience)
            indexed = find(
                many, question, strategy="vector", limit=5, audience=audience, limits=NOTHING_IS_FEW
            )
            assert [hit.chunk_id for hit in indexed] == [hit.chunk_id for hit in exact]


@pytest.mark.parametrize(("limits", "indexed"), [(Limits(), False), (NOTHING_IS_FEW, True)])
def test_the_plan_goes_by_how_much_the_reader_may_read(many: Any, limits: Limits, *, indexed: bool) -> None:
    """One statement holds both ways; the one that is not taken reads nothing."""
    parameters = search_module.parameters(
        "restart printer", audience=Audience.operator(), limit=5, limits=limits
    )
    vector = many.embedder.encode(["restart printer"])[0]
    values = parameters | {"vector": HalfVector(vector), "model_id": 1}
    with search_module.reading(many.pool, Audience.operator()) as connection:
        # So few rows are always sorted.
        connection.execute("set local enable_seqscan = off")
        connection.execute("set local enable_sort = off")
        plan = "\n".join(
            line
            for (line,) in connection.execute(
                "explain (analyze, costs off, timing off) " + search_module.statement(values).as_string(),
                values,
            )
        )
    scans = re.findall(r"Index Scan using embeddings_hnsw\S+ on embeddings.*\((.*)\)", plan)
    assert ["never executed" in scan for scan in scans] == [not indexed], plan


def test_what_is_common_counts_for_the_candidates_alone_where_there_is_too_much_of_it(many: Any) -> None:
    """The rarest word finds the candidates; their scores are those of all words all the same."""
    question = "how to renew a vpn in the office"
    whole = find(many, question, strategy="keyword", limit=5)
    bounded = find(many, question, strategy="keyword", limit=5, limits=Limits(postings_up_to=20))
    assert [(hit.chunk_id, hit.keyword_score) for hit in bounded] == [
        (hit.chunk_id, hit.keyword_score) for hit in whole
    ]
    assert "'offic'" in str(many.rows("select to_tsvector('english', %s)::text", question))
    assert bounded[0].title == "renew vpn"


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


def test_tickets_that_are_named_are_all_found_also_where_they_say_the_same(
    index: Any, source: Any, document: Make
) -> None:
    """Of copies that are not named there is still one at most."""
    ticket = {"kind": DocumentKind.TICKET, "title": "Printer"}
    source.put(*(document(n, TEXTS[1], external_id=f"OPS-{n}", **ticket) for n in (12, 13, 14)))
    index.refresh(source, mode="lazy")

    hits = find(index, "how do OPS-12 and OPS-13 differ?")
    assert sorted(hit.external_id for hit in hits if hit.named) == ["OPS-12", "OPS-13"]
    assert {hit.external_id for hit in hits} == {"OPS-12", "OPS-13"}
    assert len(find(index, "printer")) == 1


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("The Printer\u00a0is on fire", "printer is on fire"),
        ("Über den Ärger", "ÜBER DEN ÄRGER"),
        ("İstanbul office", "İstanbul office"),
        ("click the **Save all** button", "the save all button"),
        ("click [the *Save*](https://x/save) button", "the save button"),
        ("to be or not to be", "to be or not to be"),
        ("50% off_ (a+b)* [x] \\d .", "off_ (a+b)* [x] \\d"),
        ("set MAX_ROWS_SENT in it", "max_rows_sent in it"),
    ],
)
def test_what_is_quoted_is_found_as_it_is_shown(
    index: Any, source: Any, document: Make, text: str, phrase: str
) -> None:
    """Whatever the case, the white space and the marks of Markdown; also of stop words alone."""
    source.put(document(1, text), document(2, "something else of the printer"))
    index.refresh(source, mode="lazy")
    hits = find(index, f'where is "{phrase}"', strategy="vector")
    assert [hit.external_id for hit in hits if hit.quoted] == ["1"]
    assert not find(index, f'where is "{phrase} elsewhere"', strategy="vector")


def test_what_nobody_may_read_is_found_by_the_operator_in_its_own_source(
    filled: Any, source: Any, document: Make
) -> None:
    """Documents without rules share a set of rules, whatever their source is."""
    source.put(document(7, "A plotter that nobody may see.", access_rules=()))
    filled.refresh(source, mode="lazy")
    other = type(source)(name="other")
    other.put(document(1, "Another plotter that nobody may see.", source="other", access_rules=()))
    filled.refresh(other, mode="lazy")
    with filled.pool.connection() as connection:
        connection.execute("update rule_set_words set sources = '{wiki}'")

    for names in (["wiki"], ["other"], ["wiki", "other"]):
        hits = find(filled, "plotter", strategy="keyword", sources=names)
        assert sorted(hit.source for hit in hits) == sorted(names)
