"""The strategies, the priors, feedback and the reranker: each against what it is meant to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import pytest

from connectors.documents import Document, DocumentKind, Section, SectionKind
from indexer import feedback
from indexer.audience import Audience
from indexer.ranking import Ranking, Strategy
from indexer.reranking import LocalReranker, RemoteReranker, RerankingError, RerankServer
from indexer.search import Hit, search

Make = Callable[..., Document]

TEXTS = [
    "Restart the print spooler with systemctl restart cups.",
    "The spooler hangs: restart it, and the printer prints again.",
    "Holidays are requested in the people portal.",
    "When labels come out blank, clean the head of the thermal printer.",
    "A restart of the router brings the network back.",
    "Paper jams are cleared from behind.",
]
QUESTION = "how do I restart the printer?"


def find(index: Any, question: str = QUESTION, **values: Any) -> Sequence[Hit]:
    """The operator's hits."""
    return search(
        index.pool, index.embedder, question, **({"audience": Audience.operator(), "limit": 20} | values)
    ).hits


@pytest.fixture
def filled(index: Any, source: Any, document: Make) -> Any:
    """A few pages with vectors, one of them with two chunks."""
    source.put(*(document(n, text) for n, text in enumerate(TEXTS)))
    comments = (
        Section(kind=SectionKind.DESCRIPTION, text="The printer is on fire.", url="https://x/9"),
        Section(
            kind=SectionKind.SOLUTION, text="Restart the printer, then the spooler.", url="https://x/9#s"
        ),
    )
    ticket = {"kind": DocumentKind.TICKET, "external_id": "PR-9", "title": "Fire", "status": "Done · Fixed"}
    source.put(document(9, sections=comments, **ticket))
    index.refresh(source)
    return index


def expected(hits: Sequence[Hit], strategy: str) -> dict[int, float]:
    """The scores by plain Python, from each hit's cosine and BM25."""
    weights = Ranking()
    best = max(hit.keyword_score for hit in hits)
    words = [
        hit.chunk_id for hit in sorted(hits, key=lambda hit: -hit.keyword_score) if hit.keyword_score > 0
    ]
    meaning = [hit.chunk_id for hit in sorted(hits, key=lambda hit: -(hit.similarity or 0))]
    scores: dict[int, float] = {}
    for hit in hits:
        word = words.index(hit.chunk_id) + 1 if hit.chunk_id in words else None
        near = meaning.index(hit.chunk_id) + 1
        same = [each for each in hits if each.document_id == hit.document_id]

        def own(each: Hit) -> float:
            return weights.cosine * (each.similarity or 0) + weights.keyword * each.keyword_score / best

        match strategy:
            case "seed" if word:
                scores[hit.chunk_id] = 1 + 1 / (60 + word) + 1 / (60 + near)
            case "seed":
                scores[hit.chunk_id] = 1 / (1 + 2 * near - 1)
            case "rrf":
                scores[hit.chunk_id] = 0.5 / (60 + near) + (0.5 / (60 + word) if word else 0)
            case _:
                whole = weights.cosine * max(each.similarity or 0 for each in same)
                whole += weights.keyword * max(each.keyword_score for each in same) / best
                scores[hit.chunk_id] = own(hit) + whole - max(map(own, same))
    return scores


@pytest.mark.parametrize("strategy", ["seed", "rrf", "fused"])
def test_scores_are_those_of_plain_python(filled: Any, strategy: str) -> None:
    """From the same features; and the hits come by them."""
    hits = find(filled, strategy=strategy)
    assert len(hits) == len(TEXTS) + 2
    assert {hit.chunk_id: hit.score for hit in hits} == pytest.approx(expected(hits, strategy), rel=1e-6)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_each_ranking_can_be_had_alone(filled: Any) -> None:
    """By words, only what shares one; by meaning, everything."""
    words, meaning = find(filled, strategy="keyword"), find(filled, strategy="vector")
    assert [hit.score for hit in words] == [hit.keyword_score for hit in words]
    assert all(hit.keyword_score > 0 for hit in words)
    assert [hit.score for hit in meaning] == [hit.similarity for hit in meaning]
    assert len(words) < len(meaning) == len(TEXTS) + 2


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_every_strategy_answers_every_question(filled: Any, strategy: str) -> None:
    """Also one of stop words alone, and one that nothing fits."""
    for question in ("the", "xyzzy", "PR-9", '"on fire"', QUESTION):
        hits = find(filled, question, strategy=strategy)
        assert [hit.score for hit in hits[1:]] == sorted((hit.score for hit in hits[1:]), reverse=True)
    assert find(filled, '"on fire"', strategy=strategy)[0].quoted
    assert find(filled, "PR-9", strategy=strategy)[0].named


def score(index: Any, external_id: str, ranking: Ranking | None = None) -> float:
    """Of a document's best hit."""
    hits = find(index, ranking=ranking or Ranking())
    return next(hit.score for hit in hits if hit.external_id == external_id)


@pytest.mark.parametrize(
    ("status", "unsolved"),
    [
        ("Done · Fixed", False),
        ("Closed · Won't Fix", False),
        ("Closed", False),
        ("Closed · Duplicate", True),
        ("Resolved · Cannot Reproduce", True),
        ("Closed · Incomplete", True),
        ("Open", True),
        ("In Progress", True),
        (None, False),
    ],
)
def test_a_ticket_without_a_solution_counts_less(
    filled: Any, source: Any, status: str | None, *, unsolved: bool
) -> None:
    """By its status and resolution."""
    source.edit(replace(source.held["9"], status=status, parts=frozenset()))
    filled.refresh(source)
    taken = score(filled, "PR-9", Ranking(unsolved=0)) - score(filled, "PR-9")
    assert taken == pytest.approx(0.05 if unsolved else 0)


def test_what_is_fresh_and_what_is_a_solution_may_count_more(filled: Any, source: Any) -> None:
    """A document of today by the whole weight, one of a half-life ago by half of it; a solution by its own."""
    source.put(replace(source.held["0"], updated=datetime.now(UTC)))
    filled.refresh(source, full=True)
    plain, fresh = score(filled, "0"), score(filled, "0", Ranking(freshness=0.2))
    assert fresh - plain == pytest.approx(0.2, abs=0.001)
    age = (datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)).days
    half = score(filled, "1", Ranking(freshness=0.2, half_life=age)) - score(filled, "1")
    assert half == pytest.approx(0.1, abs=0.002)
    solved = score(filled, "PR-9", Ranking(solution=0.1)) - score(filled, "PR-9")
    assert solved == pytest.approx(0.1)


@pytest.mark.parametrize("half_life", [-1.0, 0.0, 1e-300, 1e-4, 5.0])
def test_no_half_life_makes_a_search_fail(filled: Any, half_life: float) -> None:
    """What is old has no freshness then."""
    with filled.pool.connection() as connection:
        connection.execute("update documents set updated = '1995-01-01'")
    assert score(filled, "0", Ranking(freshness=0.2, half_life=half_life)) == pytest.approx(
        score(filled, "0")
    )


def test_feedback_moves_a_document_within_its_bound(filled: Any) -> None:
    """However many say so; what is gone is passed over."""
    before = score(filled, "1")
    (document_id,) = (hit.document_id for hit in find(filled) if hit.external_id == "1")
    for _ in range(4):
        feedback.record(filled.pool, [document_id, 999_999], helpful=True)
    assert score(filled, "1") - before == pytest.approx(0.025)
    with filled.pool.connection() as connection:
        connection.execute("update document_feedback set helpful = 0, unhelpful = 1000000")
    assert -0.05 <= score(filled, "1") - before < -0.049
    assert score(filled, "1", Ranking(feedback=0)) == pytest.approx(before)


@contextmanager
def rerank_server(answer: Callable[[dict[str, Any]], tuple[int, object]]) -> Iterator[tuple[str, list[Any]]]:
    """A real server that speaks ``/rerank``, and what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.path, self.headers.get("authorization"), body))
            status, content = answer(body)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/rerank", asked
    finally:
        server.shutdown()
        server.server_close()


def shortest_first(body: dict[str, Any]) -> tuple[int, object]:
    """A judgement that no other ranking has, the best last."""
    results = [
        {"index": index, "relevance_score": -len(text)} for index, text in enumerate(body["documents"])
    ]
    return 200, {"results": results[::-1]}


def test_a_served_reranker_orders_the_hits(filled: Any) -> None:
    """It is told the model, the question and the passages with their titles."""
    with rerank_server(shortest_first) as (url, asked):
        reranker = RemoteReranker(RerankServer(url=url, model="judge", api_key="k"))
        hits = find(filled, limit=3, reranker=reranker)
        named = find(filled, "PR-9: " + QUESTION, limit=3, reranker=reranker)
    path, authorization, body = asked[0]
    assert (path, authorization, body["model"], body["query"]) == (
        "/v1/rerank",
        "Bearer k",
        "judge",
        QUESTION,
    )
    assert len(body["documents"]) == len(TEXTS) + 2
    shortest = sorted(body["documents"], key=len)[:3]
    assert [f"{hit.title}\n{hit.heading}\n{hit.text}" for hit in hits] == shortest
    assert named[0].named


@pytest.mark.parametrize(
    ("answer", "tries"),
    [
        ((500, {}), 2),
        ((429, {}), 2),
        ((400, {}), 1),
        ((200, []), 1),
        ((200, {"results": [{"index": 0}]}), 1),
        ((200, {"results": []}), 1),
    ],
)
def test_without_a_usable_answer_the_order_stays(filled: Any, answer: tuple[int, object], tries: int) -> None:
    """Faults of the server are tried again once; the person gets hits all the same."""
    with rerank_server(lambda _: answer) as (url, asked):
        hits = find(filled, limit=3, reranker=RemoteReranker(RerankServer(url=url)))
    assert hits == find(filled, limit=3)
    assert len(asked) == tries


def test_a_server_that_is_not_there_costs_the_order_alone(filled: Any) -> None:
    """Nothing listens on the port any more."""
    with rerank_server(shortest_first) as (url, _):
        pass
    assert find(filled, limit=3, reranker=RemoteReranker(RerankServer(url=url))) == find(filled, limit=3)


def test_a_cross_encoder_in_a_folder_orders_the_hits(filled: Any, tmp_path: Path) -> None:
    """A tiny one with random weights: the order is the model's own."""
    from sentence_transformers import CrossEncoder  # noqa: PLC0415
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification  # noqa: PLC0415

    from indexer.embedding import model_folder  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(model_folder(None))
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, num_labels=1,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    hits = find(filled, limit=4, reranker=LocalReranker(tmp_path))

    texts = [f"{hit.title}\n{hit.heading}\n{hit.text}" for hit in find(filled)]
    ranked = CrossEncoder(str(tmp_path), max_length=512).rank(QUESTION, texts)
    assert [f"{hit.title}\n{hit.heading}\n{hit.text}" for hit in hits] == [
        texts[each["corpus_id"]] for each in ranked[:4]
    ]


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    """Before anything is searched."""
    with pytest.raises(RerankingError, match=r"no config\.json"):
        LocalReranker(tmp_path)


def test_a_broken_model_costs_the_order_alone(filled: Any, tmp_path: Path) -> None:
    """It is found out at the first question."""
    (tmp_path / "config.json").write_text("{}")
    assert find(filled, limit=3, reranker=LocalReranker(tmp_path)) == find(filled, limit=3)
