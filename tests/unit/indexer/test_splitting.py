"""Cutting text: nothing is lost, and nothing is longer than the model reads, by the real tokeniser."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.embedding import Embedder
from indexer.splitting import last_sentence, pack, split_code, split_table, split_text

COUNT = Embedder().count_tokens

#: Words as they occur, and what trips splitters: Hangul takes three pieces a character, blobs have no space.
_WORDS = st.one_of(
    st.sampled_from(
        [
            "the",
            "RabbitMQ",
            "e.g.",
            "v2.4.1",
            "ERR_LABEL_6201",
            "한국어를",
            "naïve",
            "x" * 130,
            "a+b/" * 60,
            "|",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
)
_GAPS = st.sampled_from([" ", "\n", "\n\n", "\n \n", ". ", "! ", "\t", "  "])
PROSE = st.lists(st.tuples(_WORDS, _GAPS), max_size=120).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)


def _without_space(text: str) -> str:
    return "".join(text.split())


@settings(deadline=None, max_examples=150)
@given(text=PROSE, limit=st.integers(4, 60))
def test_prose_loses_nothing_but_white_space_and_every_piece_fits(text: str, limit: int) -> None:
    """Whatever the text, its characters come out in order, in pieces of at most the limit."""
    pieces = split_text(text, limit, COUNT)

    assert _without_space("".join(pieces)) == _without_space(text)
    assert all(COUNT(piece) <= limit for piece in pieces)
    assert all(piece == piece.strip() and piece for piece in pieces)


@settings(deadline=None, max_examples=100)
@given(
    lines=st.lists(
        st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20), min_size=12
    ),
    indent=st.sampled_from(["", "    ", "\t"]),
)
def test_code_lines_come_out_byte_for_byte(lines: list[str], indent: str) -> None:
    """Indentation, empty lines and blanks at line ends stay as they are."""
    code = "\n".join(indent + line for line in lines)

    pieces = split_code(code, 64, COUNT)

    assert "\n".join(pieces) == code
    assert all(COUNT(piece) <= 64 for piece in pieces)


def test_a_line_of_code_longer_than_a_piece_is_cut_and_not_wrapped() -> None:
    """No line end is put into a line where there was none, other than between pieces."""
    line = "blob = " + "a+b/" * 300
    code = f"first = 1\n{line}\nlast = 2"

    pieces = split_code(code, 40, COUNT)

    assert all(COUNT(piece) <= 40 for piece in pieces)
    assert _without_space("".join(pieces)) == _without_space(code)
    assert all("a+b/\na" not in piece and "b/\na+" not in piece for piece in pieces)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.lists(st.text("abc 123äü", max_size=30), min_size=2, max_size=2), min_size=2, max_size=40
    ),
)
def test_every_piece_of_a_table_starts_with_its_header(rows: list[list[str]]) -> None:
    """A row found alone still says what its columns are, and no row is lost."""
    header = "| Limit | Value |\n| --- | --- |"
    lines = [f"| {first.strip()} | {second.strip()} |" for first, second in rows]
    table = "\n".join([header, *lines])

    pieces = split_table(table, 64, COUNT)

    assert all(piece.startswith(header) for piece in pieces)
    assert all(COUNT(piece) <= 64 for piece in pieces)
    bodies = "\n".join(piece.removeprefix(header) for piece in pieces)
    assert _without_space(bodies) == _without_space("\n".join(lines))


def test_a_table_that_fits_stays_whole() -> None:
    """One piece, unchanged."""
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    assert split_table(table, 100, COUNT) == [table]


def test_a_header_that_leaves_no_room_is_not_repeated() -> None:
    """A header as long as the piece would leave nothing for the rows."""
    header = "| " + " | ".join(["column"] * 30) + " |\n|" + "---|" * 30
    table = header + "\n" + "\n".join("| " + " | ".join(["x"] * 30) + " |" for _ in range(5))

    pieces = split_table(table, 64, COUNT)

    assert all(COUNT(piece) <= 64 for piece in pieces)
    assert _without_space("".join(pieces)) == _without_space(table)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("one two\n\nthree four", ["one two", "three four"]),
        ("one two\nthree four", ["one two", "three four"]),
        ("Go on. Stop it.", ["Go on.", "Stop it."]),
        ("one two three four", ["one two", "three four"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_the_cut_is_made_at_the_best_place(text: str, pieces: list[str]) -> None:
    """Paragraphs before lines before sentences before words."""
    assert split_text(text, 3, COUNT) == pieces


def test_packing_joins_neighbours_as_long_as_they_fit() -> None:
    """Greedy, in order, and a piece that is too long stands alone."""
    packed = pack(iter(["aa", "b", "cccc", "dddddddd", "e"]), 5, len, joiner="-")
    assert list(packed) == ["aa-b", "cccc", "dddddddd", "e"]


def test_the_last_sentence_is_taken_only_when_it_is_short_and_in_one_line() -> None:
    """It is repeated in front of the next chunk, so it must not fill it."""
    assert last_sentence("First. Then restart it.", 10, COUNT) == "Then restart it."
    assert last_sentence("First. " + "word " * 40, 10, COUNT) == ""
    assert last_sentence("- one\n- two", 10, COUNT) == ""


def test_a_short_text_of_many_tokens_is_cut_too() -> None:
    """A Hangul syllable is taken apart into three pieces, so a text can have more tokens than characters."""
    assert all(
        COUNT(piece) <= 20
        for piece in split_text("한국어를", 5, COUNT) + split_text("한국어 " * 5, 20, COUNT)
    )
    assert len(split_text("한국어를", 5, COUNT)) > 1
