"""Which sentences of a chunk could be somebody's question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.adaptation.sentences import sentences


def test_questions_come_first() -> None:
    """Then the prose in its order."""
    text = "The badge reader at the east door is broken. Nobody can get in there. How do I open the door by hand?"
    assert list(sentences(text)) == [
        "How do I open the door by hand?",
        "The badge reader at the east door is broken.",
        "Nobody can get in there.",
    ]


def test_links_keep_their_words_and_comments_lose_their_author() -> None:
    """As a person would ask."""
    text = "Ann Lee, 2024-05-01: Please read the [travel policy](https://x/travel) before you book a train."
    assert list(sentences(text)) == ["Please read the travel policy before you book a train."]


@pytest.mark.parametrize(
    "text",
    [
        "```\nThis looks like a sentence but is code\n```",
        "| this is | a table row | with many words |",
        "Too short.",
        "See https://example.org for all the details about this thing.",
        "Type: Bug · Priority: High · Status: Open · Labels: one two three",
        "Resolution: Fixed in the release of the second week of May.",
        "0x1f 0x2e 0x3d 0x4c 17:04:22.118 99.9% 12345 67890 11111",
        "- an item of a list that has quite a few words",
        " ".join(["word"] * 31),
    ],
)
def test_what_is_no_prose_is_no_question(text: str) -> None:
    """Code, tables, fields, lists, numbers, addresses, and what is too short or long."""
    assert list(sentences(text)) == []


@given(st.text(max_size=300))
def test_any_text_gives_sentences_without_line_breaks(text: str) -> None:
    """Of 5 to 30 words."""
    for sentence in sentences(text):
        assert "\n" not in sentence
        assert 5 <= len(sentence.split()) <= 30
