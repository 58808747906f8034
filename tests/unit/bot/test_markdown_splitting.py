"""Long answers in pieces."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.views.splitting import split_markdown

LINES = st.lists(
    st.one_of(st.just("```"), st.just("```python"), st.text("abc `~", max_size=120)), max_size=60
)


@given(LINES.map("\n".join), st.integers(200, 500))
def test_pieces_keep_the_limit_and_balance_their_fences(text: str, limit: int) -> None:
    """A piece whose fence the cut has opened is closed again; only the last one may end as the text does."""
    pieces = split_markdown(text, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    for piece in pieces[:-1]:
        fences = [line for line in piece.splitlines() if re.fullmatch(r"[ \t]*```\w*", line)]
        assert len(fences) % 2 == 0 or "~~~" in piece or "````" in piece


@given(st.lists(st.text("abcdefg", min_size=1, max_size=700), max_size=40), st.integers(200, 500))
def test_nothing_is_lost(words: list[str], limit: int) -> None:
    """All characters come out in order, even of a word that is longer than a piece."""
    text = " ".join(words)
    assert "".join("".join(split_markdown(text, limit)).split()) == "".join(words)


def test_code_that_is_cut_goes_on_as_code() -> None:
    """In the same language."""
    text = "```python\n" + "\n".join(f"line_{number} = {number}" for number in range(40)) + "\n```\n"
    pieces = split_markdown(text, 300)
    assert len(pieces) > 1
    assert all(piece.startswith("```python\n") for piece in pieces)
    assert all(piece.rstrip().endswith("```") for piece in pieces)
    told = re.findall(r"line_\d+ = (\d+)", "".join(pieces))
    assert told == [str(number) for number in range(40)]


def test_a_short_text_is_one_piece() -> None:
    """And an empty one is none."""
    assert split_markdown("Hello", 200) == ["Hello"]
    assert split_markdown(" \n", 200) == []
