"""Postings belong to chunks: the database sees to it, a statement at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from connectors.documents import Document


@pytest.fixture
def filled(index: Any, source: Any, document: Callable[..., Document]) -> Any:
    """An index of two documents."""
    source.put(document(1, "Restart the print spooler."), document(2, "Labels come out blank."))
    index.refresh(source)
    return index


def test_a_posting_without_a_chunk_is_refused(filled: Any) -> None:
    """Whoever writes postings names chunks that are there."""
    with filled.pool.connection() as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("insert into postings (term_id, chunk_id) select id, -1 from terms limit 1")


def test_postings_go_with_their_chunk_and_no_others(filled: Any) -> None:
    """Deleting one chunk leaves the postings of all others."""
    ((chunk_id, of_it, of_all),) = filled.rows(
        "select chunk_id, count(*), (select count(*) from postings) from postings group by chunk_id limit 1"
    )
    with filled.pool.connection() as connection:
        connection.execute("delete from chunks where id = %s", [chunk_id])
    assert 0 < of_it < of_all
    assert filled.rows("select count(*) from postings") == [(of_all - of_it,)]
    assert filled.rows("select count(*) from postings where chunk_id = %s", chunk_id) == [(0,)]


def test_a_chunk_cannot_be_deleted_while_its_postings_are_being_written(filled: Any) -> None:
    """The writer keeps the chunk until its transaction ends."""
    ((chunk_id,),) = filled.rows("select id from chunks limit 1")
    with filled.pool.connection() as writer, filled.pool.connection() as other:
        writer.execute("insert into postings (term_id, chunk_id) values (-1, %s)", [chunk_id])
        other.execute("set local lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("delete from chunks where id = %s", [chunk_id])
        other.rollback()
        writer.rollback()
