"""An index that the version before the reading list made: it stays searchable, and the next refresh completes it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from connectors.errors import SourceUnavailableError
from indexer.chunking import CHUNKER_VERSION, VECTOR_VERSION
from indexer.passes import Pass
from lorebot.database.migrations import all_migrations, migrate
from lorebot.database.pool import open_pool

#: Two documents and one that could not be read, as they were stored then; the first read of `tickets` broke off.
BEFORE = """
insert into sources (name, watermark, last_started) values ('wiki', '2026-01-02', '2026-01-03'),
    ('tickets', null, '2026-01-03');
insert into access_rules (source, name, principals) values ('wiki', 'open', '{anyone}');
insert into documents (source, source_id, external_id, kind, title, url, place, labels, updated, content_hash, rule_ids)
    select 'wiki', n, n, 'page', 'Page ' || n, 'https://x/' || n, 'Ops', '{}', '2026-01-01', 'old', array[1]
    from unnest(array['1', '2']) as n;
insert into chunks (document_id, position, kind, heading, url, text, context, hash)
    select id, 0, 'section', '', url, 'The spooler.', title, 'old' from documents where source = 'wiki';
insert into unreadable (source, source_id, external_id, reason) values ('wiki', '7', 'OPS-7', 'OPS-7 is broken.');
insert into refresh_runs (source, full_refresh, requested_by) values ('wiki', false, 'U1');
"""


@pytest.fixture
def old_url(embedded_server: str) -> Iterator[str]:
    """The URL of a database as the version before left it."""
    name = f"old_{uuid.uuid4().hex[:12]}"
    url = embedded_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(embedded_server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        with psycopg.connect(url, autocommit=True) as old:
            migrate(old, [each for each in all_migrations() if each.number <= 3])
            old.execute(BEFORE)
        yield url
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_an_old_index_is_searched_and_completed(
    old_url: str, index: Any, source: Any, document: Any, embedder: Any
) -> None:
    """Everything is read once more, for what it was not known to be made of."""
    with open_pool(old_url) as pool:
        index.pool = pool
        assert index.rows(
            """select count(*) from chunks c join documents d on d.id = c.document_id
               where readable(d.rule_ids, c.rule_ids, '{any@example.com}', satisfied_rules('{any@example.com}'))"""
        ) == [(2,)]
        assert index.listed() == ["7"]
        assert index.rows("select passes from refresh_runs") == [(["changes", "sweep", "permissions"],)]
        assert index.rows("select name, first_started = last_started from sources order by 1") == [
            ("tickets", True),
            ("wiki", None),
        ]
        source.tells_parts = False
        source.put(*(document(n, "The spooler.") for n in (1, 2, 7)))

        report = index.refresh(source, Pass.CHANGES, Pass.SWEEP, mode="lazy")

        assert source.read == ["1", "2", "7"]
        assert (report.created, report.updated, report.failed) == (1, 2, 0)
        source.batches.clear()
        index.refresh(source, mode="lazy")
        assert source.read == []


def test_the_version_before_works_on_the_new_tables(old_url: str) -> None:
    """Processes are replaced one by one: the old ones go on writing for a while."""
    with psycopg.connect(old_url, autocommit=True) as connection:
        migrate(connection)
        connection.execute(BEFORE.replace("'wiki'", "'other'").replace("'tickets'", "'more'"))
        count = connection.execute("select count(*) from chunks where rule_ids = '{}'").fetchone()
    assert count == (4,)


def test_after_an_upgrade_of_the_chunker_the_next_refresh_reads_all_that_is_stored_once(
    index: Any, source: Any, document: Any
) -> None:
    """Though nothing has changed, and a refresh that broke off in between asks for nothing twice."""
    source.put(*(document(number, f"Text {number}.") for number in range(1, 6)))
    index.refresh(source)
    current = index.rows("select chunkers from sources")
    with index.pool.connection() as connection:
        connection.execute("update sources set chunkers = '1.1'")
        connection.execute("update documents set content_hash = 'of the version before'")
    source.batches.clear()
    source.down_from = "4"

    with pytest.raises(SourceUnavailableError):
        index.refresh(source, Pass.CHANGES)

    assert index.rows("select chunkers from sources") == current
    again = index.listed()
    assert "1" not in again
    assert {"4", "5"} <= set(again)
    source.batches.clear()
    source.down_from, source.down = None, False

    assert index.refresh(source, Pass.CHANGES).updated == len(again)
    assert source.read == again
    assert index.rows("select count(*) from documents where content_hash like 'of%%'") == [(0,)]
    source.batches.clear()
    index.refresh(source)
    assert source.read == []


def test_a_fresh_source_is_of_the_present_version_at_once(index: Any, source: Any, document: Any) -> None:
    """Nothing is read twice, also where the first read was interrupted."""
    source.put(document(1, "One."))
    source.broken_listing = SourceUnavailableError("wiki did not answer; try again later.")
    with pytest.raises(SourceUnavailableError):
        index.refresh(source)

    assert index.rows("select chunkers from sources") == [(f"{CHUNKER_VERSION}.{VECTOR_VERSION}",)]
    assert source.read == ["1"]
    source.broken_listing = None
    index.refresh(source)
    assert source.read == ["1"]
