"""The keyword index: BM25F as in a textbook, kept up to date by the document, its figures by the true-up."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.documents import AccessRule, Document, DocumentKind, Section, SectionKind
from indexer import terms
from indexer.audience import Audience
from indexer.errors import IndexerError
from indexer.identifiers import split_words
from indexer.ranking import FIELD_WEIGHTS, Ranking
from indexer.rules import RuleStore
from indexer.search import Hit, search
from indexer.store import store_document

Make = Callable[..., Document]

WORDS = [
    *"restart printer spooler label paper roller office jam queue".split(),
    *"ERR_PRINT_77 OPS-12 com.acme.Spooler ScrollableView v9.0.1 /var/log/cups.log".split(),
]
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(" ".join)
PAGE = st.tuples(
    TEXT, TEXT, st.sampled_from([SectionKind.SECTION, SectionKind.COMMENT, SectionKind.SOLUTION])
)


def find(index: Any, question: str, audience: Audience | None = None, **values: Any) -> Sequence[Hit]:
    """The hits by words alone."""
    options = {"limit": 50, "strategy": "keyword"} | values
    return search(
        index.pool, index.embedder, question, audience=audience or Audience.operator(), **options
    ).hits


def put(index: Any, *documents: Document) -> None:
    """Store documents, each in a transaction of its own, as a refresh does."""
    for each in documents:
        with index.pool.connection() as connection:
            store_document(connection, each, rules=RuleStore("wiki"), embedder=index.embedder)


def bm25f(index: Any, question: str) -> dict[int, float]:
    """Plain Python over the same fields: a concatenation in which an occurrence counts by its field's weight."""
    rows = index.rows(
        """select c.id, c.kind, c.heading, c.text,
                  concat_ws(' ', case when d.kind = 'ticket' then d.external_id end, d.title)
           from chunks c join documents d on d.id = c.document_id"""
    )
    stored: dict[int, Counter[str]] = defaultdict(Counter)
    for chunk, kind, heading, text, title in rows:
        body = kind if kind in FIELD_WEIGHTS else "body"
        for field, value in (("title", title), ("heading", heading), (body, text)):
            for word, count in _lexemes(index, value).items():
                stored[chunk][word] += count * FIELD_WEIGHTS[field]
    average = sum(words.total() for words in stored.values()) / max(1, len(stored))
    weights, scores = Ranking(), Counter[int]()
    for word in _lexemes(index, question):
        having = [chunk for chunk, words in stored.items() if word in words]
        idf = math.log(1 + (len(stored) - len(having) + 0.5) / (len(having) + 0.5))
        for chunk in having:
            frequency, length = stored[chunk][word], stored[chunk].total()
            norm = weights.k1 * (1 - weights.b + weights.b * length / average)
            scores[chunk] += idf * frequency * (weights.k1 + 1) / (frequency + norm)
    return dict(scores)


def _lexemes(index: Any, text: str) -> Counter[str]:
    words = split_words(text)
    query = "select lexeme, coalesce(cardinality(positions), 1) from unnest(to_tsvector('english', %s))"
    return Counter(dict(index.rows(query, words.text))) + words.identifiers


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pages=st.lists(PAGE, min_size=1, max_size=8), question=TEXT, changed=PAGE)
def test_scores_are_bm25f_also_after_changes(
    index: Any, document: Make, pages: list[Any], question: str, changed: Any
) -> None:
    """Stored, changed and deleted one by one, and trued up: the same as counted from nothing."""

    def page(number: int, content: Any) -> Document:
        title, text, kind = content
        section = Section(kind=kind, text=text, url=f"https://x/{number}", heading_path=("Queue",))
        ticket = {"kind": DocumentKind.TICKET, "external_id": f"PR-{number}"} if number % 2 else {}
        return document(number, title=title, sections=(section,), **ticket)

    with index.pool.connection() as connection:
        connection.execute("delete from documents")
    put(index, *(page(number, content) for number, content in enumerate(pages)))
    put(index, page(0, changed))
    with index.pool.connection() as connection:
        connection.execute("delete from documents where source_id = '1'")
    terms.true_up(index.pool)

    found = find(index, question)

    # The texts that are the same are one hit.
    expected = bm25f(index, question)
    assert {hit.chunk_id: hit.keyword_score for hit in found} == pytest.approx(
        {hit.chunk_id: expected[hit.chunk_id] for hit in found}, rel=1e-4
    )
    texts = dict(index.rows("select id, text from chunks"))
    assert {hit.text for hit in found} == {texts[chunk] for chunk in expected}


@pytest.mark.parametrize(
    "question",
    [
        "ops-12",
        "77",
        "err_print_77",
        "acme",
        "com.acme.Spooler",
        "scrollable",
        "scrollableview",
        "v9.0.1",
        "cups",
    ],
)
def test_identifiers_are_found_whole_and_in_parts(index: Any, document: Make, question: str) -> None:
    """Whatever the case."""
    put(index, document(1, " ".join(WORDS[9:])), document(2, "Nothing of it."))
    assert [hit.external_id for hit in find(index, question)] == ["1"]


def test_what_is_written_out_in_quotation_marks_comes_first(index: Any, document: Make) -> None:
    """Verbatim, but for case and white space; the rest follows, and a phrase that is nowhere changes nothing."""
    put(
        index,
        document(1, "The reset of a connection by the peer: reset, connection, peer, reset."),
        document(
            2, "It said Connection\n  reset by peer, and then much else happened in the office that day."
        ),
    )
    assert [hit.external_id for hit in find(index, "connection reset by peer")] == ["1", "2"]
    hits = find(index, 'why "connection reset by peer"?')
    assert [(hit.external_id, hit.quoted) for hit in hits] == [("2", True), ("1", False)]
    assert [hit.external_id for hit in find(index, '"reset by the connection" peer')] == ["1", "2"]
    assert not any(hit.quoted for hit in find(index, '"reset by the spooler"'))


def test_a_ticket_is_found_by_its_key_in_any_case(index: Any, document: Make) -> None:
    """Also where others say the key more often."""
    put(
        index,
        document(1, "PR-7 " * 20),
        document(2, "Jam.", kind=DocumentKind.TICKET, external_id="PR-7", title="Paper"),
    )
    assert [(hit.external_id, hit.named) for hit in find(index, "what about pr-7?")] == [
        ("PR-7", True),
        ("1", False),
    ]


def test_a_change_of_the_title_alone_is_found_by_every_chunk(index: Any, document: Make) -> None:
    """The title is a field of each of them, whether or not it is embedded with them."""
    put(index, document(1, "Restart it.", title="Spooler"))
    put(index, document(1, "Restart it.", title="Plotter"))
    assert find(index, "spooler") == ()
    assert len(find(index, "plotter")) == 1


def test_the_figures_are_counted_anew_when_more_than_a_share_has_changed(
    index: Any, source: Any, document: Make
) -> None:
    """Until then no figure is off by more than that share."""
    source.put(*(document(n, f"Printer {n}.") for n in range(1, 41)))
    index.refresh(source, mode="lazy")
    assert index.rows("select chunks from word_index") == [(40,)]
    source.put(document(41, "Printer."), document(42, "Printer."))
    index.refresh(source, mode="lazy")
    assert index.rows("select chunks from word_index") == [(40,)]
    source.put(document(43, "Printer."))
    index.refresh(source, mode="lazy")
    assert index.rows("select chunks from word_index") == [(43,)]


def test_a_score_drifts_little_between_two_counts(
    index: Any, document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 5 % of the chunks new, an inverse document frequency is off by ln(1.05) and half a document's worth."""
    monkeypatch.setattr(terms, "RARE", 0)
    put(index, *(document(n, "Printer jam." if n % 3 else f"Office {n}.") for n in range(100)))
    terms.true_up(index.pool)
    put(index, *(document(n, "Printer jam.") for n in range(100, 105)))
    before = find(index, "printer")[0].keyword_score
    assert not terms.true_up_if_needed(index.pool)
    assert terms.true_up(index.pool)
    after = find(index, "printer")[0].keyword_score
    most = (math.log(1.05) + 0.05) * (Ranking().k1 + 1)
    assert 0 < abs(before - after) < most


def test_terms_that_nothing_has_any_more_are_deleted(index: Any, source: Any, document: Make) -> None:
    """With the count; the others stay."""
    source.put(document(1, "Spooler printer."), document(2, "Roller printer."))
    index.refresh(source, mode="lazy")
    source.edit(document(2, "Drum printer."))
    index.refresh(source, mode="lazy")
    lexemes = {lexeme for (lexeme,) in index.rows("select lexeme from terms")}
    assert {"spooler", "drum", "printer"} <= lexemes
    assert "roller" not in lexemes


def test_another_language_has_every_word_indexed_anew(index: Any, source: Any, document: Make) -> None:
    """Nothing is read or embedded again for it."""
    source.put(document(1, "Die Drucker drucken."), document(2, "Bücher."))
    index.refresh(source)
    assert find(index, "Buch") == ()
    terms.prepare(index.pool, language="german")
    read = len(source.read)

    report = index.refresh(source)

    assert (report.embedded, len(source.read)) == (0, read)
    assert [hit.external_id for hit in find(index, "Buch")] == ["2"]
    assert index.rows("select distinct words = version from chunks, word_index") == [(True,)]


def test_a_language_that_the_server_does_not_have_is_named(index: Any) -> None:
    """With those that it has."""
    with pytest.raises(
        IndexerError, match=r"search\.language: the database has no 'klingon'; it has .*english"
    ):
        terms.prepare(index.pool, language="klingon")


def test_words_of_the_version_before_are_found_and_indexed_anew(
    index: Any, source: Any, document: Make
) -> None:
    """Its processes insert a weight alone, while they are replaced one by one."""
    source.put(document(1, "Spooler of ScrollableView."))
    index.refresh(source, mode="lazy")
    with index.pool.connection() as connection:
        connection.execute("update chunks set words = 0")
        connection.execute("delete from postings")
        connection.execute(
            "insert into postings (term_id, chunk_id, weight) "
            "select t.id, c.id, 1 from terms t, chunks c where lexeme = 'spooler'"
        )
    assert len(find(index, "spooler")) == 1
    index.refresh(source, mode="lazy")
    assert len(find(index, "scrollable")) == 1


def test_what_others_may_read_leaves_no_trace(
    index: Any, source: Any, document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hits, their order and every score are those of an index that never had the forbidden documents."""
    monkeypatch.setattr(terms, "RARE", 20)
    few = AccessRule(name="few", principals=frozenset({"group:few"}))
    everybody = Audience.of(["nobody@example.com"])
    questions = ["printer jam", "classified printer", "restart the paper roller", '"label of room"', "SEC-1"]
    strategies = ["keyword", "vector", "fused", "priors", "seed", "rrf"]

    def ask() -> list[Any]:
        hits = [
            find(index, question, everybody, strategy=strategy, limit=20)
            for question in questions
            for strategy in strategies
        ]
        return [[replace(hit, rule_ids=()) for hit in each] for each in hits]

    source.put(
        *(document(n, f"{WORDS[n % 9]} {WORDS[n % 7]} of room {n}", title=WORDS[n % 5]) for n in range(60))
    )
    index.refresh(source)
    without = ask()
    source.put(
        *(
            document(n, f"classified printer label of room {n}", title="printer", access_rules=(few,))
            for n in range(100, 180)
        ),
        document(200, "x", kind=DocumentKind.TICKET, external_id="SEC-1", access_rules=(few,)),
    )
    index.refresh(source)

    assert find(index, "SEC-1")[0].named
    assert ask() == without


def test_the_figures_are_counted_while_a_first_refresh_grows(
    index: Any, source: Any, document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time that there are twice as many chunks, so that no word is long in many that nobody has counted."""
    monkeypatch.setattr(terms, "GROWN", 4)
    counted: list[int] = []
    source.on_read = lambda _: counted.append(index.rows("select chunks from word_index")[0][0])
    source.put(*(document(n, f"Printer {n}.") for n in range(40)))

    index.refresh(source, mode="lazy")

    assert 2 <= len({count for count in counted if count}) <= 4
    assert index.rows("select chunks from word_index") == [(40,)]


def test_what_an_update_has_not_counted_is_counted_as_the_refresh_begins(
    index: Any, source: Any, document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And while the words are indexed anew."""
    source.put(*(document(n, f"Printer {n}.") for n in range(10)))
    index.refresh(source, mode="lazy")
    monkeypatch.setattr(terms, "GROWN", 4)
    monkeypatch.setattr(terms, "_BATCH", 2)
    with index.pool.connection() as connection:
        connection.execute("update word_index set chunks = 0, last_chunk_id = 0, version = version + 1")
    source.edit(document(11, "Printer."))
    counted: list[int] = []
    source.on_read = lambda _: counted.append(index.rows("select chunks from word_index")[0][0])
    begun = index.rows("select trued_up_at from word_index")
    index.refresh(source, mode="lazy")
    assert counted == [10]
    assert index.rows("select trued_up_at from word_index") > begun

    monkeypatch.setattr(terms, "true_up", lambda _: counted.append(terms_done(index)))
    with index.pool.connection() as connection:
        connection.execute("update word_index set version = version + 1")
    terms.reindex(index.pool)
    assert counted[1:] == [4, 8]


def terms_done(index: Any) -> int:
    """How many chunks have words of the present version."""
    return int(
        index.rows("select count(*) from chunks join word_index on chunks.words = word_index.version")[0][0]
    )
