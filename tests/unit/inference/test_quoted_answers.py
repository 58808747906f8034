"""Answers quoted from passages, by the real embedding model."""

from __future__ import annotations

from collections.abc import Callable

from indexer.embedding import Embedder
from indexer.search import Hit
from inference.citations import resolve_citations
from inference.extractive import quote_answer
from inference.passages import Passage

Make = Callable[..., list[Passage]]


def test_the_passage_that_answers_is_quoted_with_its_mark(passages: Make, embedder: Embedder) -> None:
    """Word for word, whatever its rank."""
    some = passages(
        "The canteen opens at noon.",
        "Restart the print spooler with `systemctl restart cups .` as root.",
        "Holidays are requested in the portal.",
    )

    assert quote_answer("How do I restart the print spooler?", some, embedder) == f"{some[1].text} [2]"


def test_the_same_thing_is_not_quoted_twice(passages: Make, embedder: Embedder) -> None:
    """Pages are copied; one quote is enough."""
    text = "Restart the print spooler with systemctl as root."

    assert (
        quote_answer("How do I restart the print spooler?", passages(text, text), embedder) == f"{text} [1]"
    )


def test_two_passages_that_both_answer_are_both_quoted(passages: Make, embedder: Embedder) -> None:
    """Each with a mark of its own."""
    answer = quote_answer(
        "Who approves expenses?",
        passages(
            "Expenses up to 500 euros are approved by the team lead.",
            "Expenses above are approved by finance.",
        ),
        embedder,
    )
    assert "team lead. [1]" in answer
    assert "finance. [2]" in answer


def test_a_block_of_code_is_quoted_whole_with_its_mark_below(passages: Make, embedder: Embedder) -> None:
    """The fence is closed before the mark, and an index in it is no mark."""
    code = "```python\nspooler = printers[1]\nspooler.restart()\n```"
    some = passages("Nothing.", f"Restart the print spooler in Python:\n\n{code}")

    answer, citations = resolve_citations(
        quote_answer("How do I restart the print spooler in Python?", some, embedder), some
    )

    assert f"{code}\n[1]" in answer
    assert [citation.external_id for citation in citations] == ["2"]


def test_footnotes_of_a_page_are_not_taken_for_citations(passages: Make, embedder: Embedder) -> None:
    """Else a page would be cited that says nothing of it."""
    some = passages("Restart the print spooler as root [2].", "The canteen opens at noon.")

    answer, citations = resolve_citations(
        quote_answer("How do I restart the print spooler?", some, embedder), some
    )

    assert answer == "Restart the print spooler as root (2). [1]"
    assert [citation.external_id for citation in citations] == ["1"]


def test_a_ticket_is_answered_by_its_solution(hit: Callable[..., Hit], embedder: Embedder) -> None:
    """Not by the report of the fault."""
    ticket = {"document_kind": "ticket", "external_id": "OPS-2", "title": "Labels come out blank"}
    some = [
        Passage(number=1, hit=hit(1, "Labels come out blank on dock 3.", kind="description", **ticket)),
        Passage(number=2, hit=hit(2, "Cleaned the head, labels come out fine.", kind="solution", **ticket)),
    ]

    assert "Cleaned the head" in quote_answer("How were blank labels fixed?", some, embedder)


def test_passages_without_text_give_no_answer(passages: Make, embedder: Embedder) -> None:
    """Nothing to quote."""
    assert quote_answer("Why?", passages("", " \n "), embedder) == ""
    assert quote_answer("Why?", [], embedder) == ""
