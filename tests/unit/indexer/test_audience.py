"""Audiences: e-mail addresses are compared in one form."""

from __future__ import annotations

from indexer.audience import Audience


def test_addresses_are_lower_case_and_without_blanks() -> None:
    """As the sources' people are stored."""
    assert Audience.of([" Ada@Example.com "]).emails == {"ada@example.com"}


def test_a_person_without_an_address_stays_a_member() -> None:
    """Left out, they would see what they may not."""
    assert Audience.of(["ada@example.com", None, ""]).emails == {"ada@example.com", ""}


def test_nobody_is_not_the_operator() -> None:
    """An empty channel reads only what is open to anyone."""
    assert Audience.of([]).emails == frozenset()
    assert Audience.operator().emails is None
