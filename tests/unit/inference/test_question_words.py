"""The words that carry a question's meaning, and the stems by which they meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.words import content_words, stems, words


def test_words_are_lower_case_and_keep_their_joints() -> None:
    """Versions, keys and hosts are one word."""
    assert words("Restart OPS-12 on db_1.acme, don't!") == ["restart", "ops-12", "on", "db_1.acme", "don't"]
    assert words("??? -- ") == []


def test_content_words_leave_the_small_change_of_questions_out() -> None:
    """What is asked about remains."""
    assert content_words("How do I get a new badge, please?") == ["new", "badge"]
    assert content_words("What is that?") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("refunds", "refunded"),
        ("restarting", "restarts"),
        ("replies", "replied"),
        ("printing", "print"),
    ],
)
def test_forms_of_one_word_meet(one: str, other: str) -> None:
    """Endings are cut to a common beginning."""
    assert stems(one) == stems(other)


@given(st.text())
def test_any_text_has_stems(text: str) -> None:
    """Never more than words, and never an empty one."""
    assert len(stems(text)) <= len(content_words(text))
    assert all(stems(text))
