"""Passages taken apart into what can be quoted; no word is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.sentences import UnitKind, split_sentences, split_units

_LINES = st.one_of(
    st.sampled_from(
        [
            "",
            "Restart it. Then wait, e.g. a minute.",
            "- first item",
            "  goes on",
            "2) second item",
            "| a | b |",
            "| --- | --- |",
            "| 1 | x\\|y |",
            "```python",
            "```",
            "    indented",
            "***",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
)


def _words(text: str) -> list[str]:
    return sorted(re.findall(r"\w+", text))


@given(st.lists(_LINES.filter(lambda line: "|" not in line), max_size=15).map("\n".join))
def test_nothing_of_a_passage_but_white_space_is_lost(text: str) -> None:
    """Every character comes out as often as it went in, in the units' order."""
    units = split_units(text)

    assert "".join("".join(unit.text for unit in units).split()) == "".join(text.split())
    assert [unit.block for unit in units] == sorted(unit.block for unit in units)
    assert all(unit.text.strip() for unit in units)


@given(st.lists(_LINES, max_size=15).map("\n".join))
def test_tables_lose_no_word_either(text: str) -> None:
    """A header is repeated with each row, so there may be more of its words, never fewer of any other's."""
    found = set(_words(" ".join(unit.text for unit in split_units(text))))
    lone_header = {
        word for line in text.split("\n") if line.lstrip().startswith("|") for word in _words(line)
    }
    assert set(_words(text)) - lone_header <= found


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Restart it. Then wait.", ["Restart it.", "Then wait."]),
        ("Use e.g. The spooler. Done!", ["Use e.g. The spooler.", "Done!"]),
        ("Version 2.4.1 is out. Is it?  Yes…  It is", ["Version 2.4.1 is out.", "Is it?", "Yes…", "It is"]),
        ("Ask Dr. Who (she knows.) Then go.", ["Ask Dr. Who (she knows.)", "Then go."]),
        ("", []),
    ],
)
def test_sentences_end_where_people_end_them(text: str, sentences: list[str]) -> None:
    """Abbreviations and version numbers end none."""
    assert split_sentences(text) == sentences


def test_each_kind_of_block_is_taken_apart_in_its_own_way() -> None:
    """Sentences, items with their continuation, rows that name their columns, code as it stands."""
    units = split_units(
        "One. Two\ngoes on.\n\n- item one\n  and more\n- item two\n\n"
        "| Limit | Value |\n| --- | --- |\n| size | 5 MB |\n| rows | |\n\n```sh\nls  -l\n\nrm x\n```\nEnd."
    )

    assert [(unit.kind, unit.text) for unit in units] == [
        (UnitKind.SENTENCE, "One."),
        (UnitKind.SENTENCE, "Two goes on."),
        (UnitKind.ITEM, "- item one and more"),
        (UnitKind.ITEM, "- item two"),
        (UnitKind.ROW, "Limit: size · Value: 5 MB"),
        (UnitKind.ROW, "Limit: rows"),
        (UnitKind.CODE, "```sh\nls  -l\n\nrm x\n```"),
        (UnitKind.SENTENCE, "End."),
    ]


def test_code_that_is_cut_off_stays_code() -> None:
    """A chunk may end inside a block."""
    (unit,) = split_units("```\nmake all\n\nmake install")
    assert (unit.kind, unit.text) == (UnitKind.CODE, "```\nmake all\n\nmake install")
