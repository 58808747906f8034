"""Follow-up questions: told apart, and searched with the words before."""

from __future__ import annotations

import pytest

from indexer.embedding import Embedder
from inference.followups import is_follow_up, is_new_topic, stand_alone


@pytest.mark.parametrize(
    "question",
    [
        "And on Windows?",
        "What about contractors in the Berlin office?",
        "Why?",
        "How long does it take?",
        "Who approves them?",
        "Is that still true?",
        "Since when?",
        "who else?",
        "Does this apply to interns in other offices too?",
    ],
)
def test_a_question_that_leans_on_the_one_before_is_a_follow_up(question: str) -> None:
    """Openers, pronouns, demonstratives, or hardly a word of its own."""
    assert is_follow_up(question)


@pytest.mark.parametrize(
    "question",
    [
        "How do I renew the VPN certificate on a laptop?",
        "Which printer in Berlin prints shipping labels?",
        "Where do I request holidays in the people portal?",
        "What is the limit for expenses without approval of that manager?",
    ],
)
def test_a_question_that_stands_alone_is_none(question: str) -> None:
    """Enough words of its own."""
    assert not is_follow_up(question)


@pytest.mark.parametrize(
    ("question", "last", "searched"),
    [
        ("And on Windows?", "How do I install the VPN?", "How do I install the VPN? And on Windows?"),
        ("Why is it slow?", "", "Why is it slow?"),
        (
            "How do I renew the VPN certificate?",
            "Where is the canteen?",
            "How do I renew the VPN certificate?",
        ),
        ("Why the VPN?", "Install the VPN client", "Install client Why the VPN?"),
    ],
)
def test_a_follow_up_takes_the_words_before_along(question: str, last: str, searched: str) -> None:
    """Words that it says itself are not repeated."""
    assert stand_alone(question, last) == searched


def test_a_long_conversation_stays_bounded() -> None:
    """However often a follow-up follows a follow-up."""
    searched = "How do I install the VPN?"
    for number in range(100):
        searched = stand_alone(f"And on system number{number}?", searched)
    assert len(searched.split()) <= 46


def test_a_new_topic_is_told_by_its_meaning(embedder: Embedder) -> None:
    """A question about something else starts afresh, one about the same thing or a follow-up does not."""
    summary = "Asked: How do I install the VPN client? Answer: Download it from the portal. (VPN handbook)"

    assert is_new_topic("How many days of parental leave do fathers get?", summary, embedder)
    assert not is_new_topic("Which VPN client version works with the portal certificate?", summary, embedder)
    assert not is_new_topic("And for fathers?", summary, embedder)
