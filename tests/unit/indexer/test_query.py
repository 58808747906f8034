"""What a question asks for: words, identifiers, tickets and what it quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.query import understand


@pytest.mark.parametrize(
    ("question", "phrases"),
    [
        ('why "connection reset by peer"?', ("connection reset by peer",)),
        ("what is “Blank\n Labels” or «zwei  Wörter»", ("zwei Wörter",)),
        ('"A" "b2" "-- !"', ("b2",)),
        ('the "**Save** [all](https://x/y) of `it`"', ("Save all of it",)),
        ('5" disks and no end', ()),
        ("it's the user's 'name'", ()),
    ],
)
def test_what_stands_in_quotation_marks_is_a_phrase(question: str, phrases: tuple[str, ...]) -> None:
    """Of two characters at least, within a line, with single spaces and without the marks of Markdown."""
    assert understand(question).phrases == phrases


def test_identifiers_are_asked_for_whole_and_in_parts() -> None:
    """And a ticket key is one that may be looked up."""
    query = understand("why does ERR_CONN_RESET show in ScrollableView (pay-123)?")
    assert query.identifiers == ("err_conn_reset", "pay-123")
    assert query.ticket_keys == ("PAY-123",)
    assert query.words == "why does ERR CONN RESET show in ScrollableView Scrollable View (pay 123)?"


@given(st.text(max_size=300))
def test_any_question_is_taken(question: str) -> None:
    """Every phrase has its words, and nothing is without bounds."""
    query = understand(question)
    assert len(query.phrases) == len(query.phrase_words) <= 5
    assert len(query.identifiers) <= 200
