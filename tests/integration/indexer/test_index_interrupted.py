"""Who is interrupted between shutting and noting has done neither: what is shut is always read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from connectors.documents import AccessRule, Document, Section, SectionKind
from indexer.passes import Pass
from indexer.reading_list import Priority, note

Make = Callable[..., Document]
OPEN = AccessRule(name="space:ENG", principals=frozenset({"anyone"}))
SHUT = AccessRule(name="page:1", principals=frozenset())


@contextmanager
def interrupted_when_noting(index: Any, ids: str) -> Iterator[None]:
    """The database refuses to note these ids, in the middle of whatever is being done."""
    with index.pool.connection() as connection:
        connection.execute(
            f"""create function interrupt() returns trigger language plpgsql as $$
                    begin raise exception 'interrupted'; end $$;
                create trigger interrupt before insert or update on reading_list
                    for each row when (new.source_id = any('{ids}')) execute function interrupt()"""
        )
    with pytest.raises(psycopg.errors.RaiseException):
        yield
    with index.pool.connection() as connection:
        connection.execute("drop function interrupt cascade")


def write(source: Any, make: Make, *rules: AccessRule) -> None:
    """Page 1 above page 3, and page 2 that takes in its excerpt."""
    taken_in = Section(
        kind=SectionKind.SECTION, text="Secret in short.", url="u", included_id="1", access_rules=rules
    )
    source.put(
        make(1, "Secret.", access_rules=rules, handle="P"),
        make(2, sections=(taken_in,), access_rules=(OPEN,), includes=("P",), parts=frozenset({"host"})),
        make(3, "Secret below.", access_rules=rules, ancestors=("1",)),
    )


def state(index: Any) -> list[Any]:
    """Who may read what, and what is to be read."""
    return index.rows(
        """select d.source_id, d.rule_ids, c.rule_ids from documents d join chunks c on c.document_id = d.id
           order by 1"""
    ) + index.rows("select source_id, gone_at from reading_list order by 1")


@pytest.mark.parametrize("told_by", ["reading", "listing"])
@pytest.mark.parametrize(
    ("before", "after", "noted"), [([OPEN], [OPEN, SHUT], "{2}"), ([OPEN, SHUT], [OPEN], "{2,3}")]
)
def test_rules_that_change_and_what_is_noted_for_it_are_one(
    index: Any, source: Any, document: Make, told_by: str, before: Any, after: Any, noted: str
) -> None:
    """Whether the page is read or listed, restricted or opened."""
    write(source, document, *before)
    index.refresh(source, mode="lazy")
    write(source, document, *after)
    if told_by == "reading":
        with index.pool.connection() as connection:
            note(connection, "wiki", ["1"], priority=Priority.HINT)
    expected = state(index)

    with interrupted_when_noting(index, noted):
        index.refresh(source, passes={Pass.PERMISSIONS} if told_by == "listing" else (), mode="lazy")

    assert state(index) == expected
    index.refresh(source, mode="lazy")
    assert len(index.finds("secret", "any@example.com")) == (3 if after == [OPEN] else 0)


def test_a_page_is_hidden_and_what_is_noted_for_it_are_one(index: Any, source: Any, document: Make) -> None:
    """Who takes in its text is read again whenever it is hidden."""
    write(source, document, OPEN)
    index.refresh(source, mode="lazy")
    del source.held["1"]
    with index.pool.connection() as connection:
        note(connection, "wiki", ["1"], priority=Priority.HINT)
    expected = state(index)

    with interrupted_when_noting(index, "{2}"):
        index.refresh(source, passes=(), mode="lazy")

    assert state(index) == expected
