"""Identifiers and ticket keys in running text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.identifiers import identifiers, split_words, ticket_keys


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see OPS-12.", {"ops-12": 1}),
        (
            "ERR_LABEL_6201 on db-rst-01.acme.example:5432!",
            {"err_label_6201": 1, "db-rst-01.acme.example:5432": 1},
        ),
        ("upgrade from v2.4.1 to v2.4.2", {"v2.4.1": 1, "v2.4.2": 1}),
        ("edit /etc/cups/cupsd.conf, then etc/cups/cupsd.conf", {"etc/cups/cupsd.conf": 2}),
        ("mail ada@example.com", {"ada@example.com": 1}),
        ("plain words and the number 42", {}),
        ("x" * 40 + "_" + "y" * 40, {}),
        ("", {}),
    ],
)
def test_what_people_look_up_whole_is_found(text: str, found: dict[str, int]) -> None:
    """Lower case, counted; words, numbers and blobs are left to the stemmer."""
    assert identifiers(text) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("see PAY-123.", "see PAY 123."),
        ("ERR_CONN_RESET", "ERR CONN RESET"),
        ("com.foo.Bar", "com foo Bar"),
        ("v9.0.1", "v9 0 1"),
        ("tail /var/log/x.log!", "tail /var log x log!"),
        ("ScrollableView, XMLHttpRequest", "ScrollableView Scrollable View, XMLHttpRequest XML Http Request"),
        ("db-rst-01.acme.example", "db rst 01 acme example"),
        ("Größe-über_alles", "Größe über alles"),
        ("plain words, don't split", "plain words, don't split"),
    ],
)
def test_the_stemmer_gets_the_parts(text: str, words: str) -> None:
    """An identifier at its joints and camelCase at its humps; everything else stays."""
    assert split_words(text).text == words


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("What became of OPS-12 and ops-7?", ["OPS-12", "OPS-7"]),
        ("OPS-12, OPS-12", ["OPS-12"]),
        ("https://jira.example/browse/AB_C-9?x=1", ["AB_C-9"]),
        ("OPS-0 OPS-012 A-1 1OPS-3 xOPS-12a", []),
        ("covid-19 utf-8", ["COVID-19", "UTF-8"]),
    ],
)
def test_ticket_keys_come_upper_case_in_order_and_once(text: str, keys: list[str]) -> None:
    """What merely looks like a key is taken too: the index knows which exist."""
    assert ticket_keys(text) == keys


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    """Identifiers are lower case, bounded, and more than a word or a number."""
    for word in identifiers(text):
        assert 2 <= len(word) <= 64
        assert word == word.lower()
        assert not word.isalpha()
        assert not word.isdigit()


@pytest.mark.parametrize("text", ["A_" * 10_000, "_A" * 10_000, "x" * 20_000, "A-" * 10_000, "A1-" * 6_000])
def test_ticket_keys_are_found_in_the_time_of_one_reading(text: str) -> None:
    """Quadratic, it took seconds for what one message may hold."""
    started = time.process_time()
    assert ticket_keys(text + " _OPS-12_") == ["OPS-12"]
    assert time.process_time() - started < 0.3
