"""Migrations: each once, all or nothing, by any number of processes at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from lorebot.database.migrations import Migration, all_migrations, migrate
from lorebot.database.pool import open_pool
from lorebot.errors import DatabaseError

ONE = Migration(number=1, name="0001_one", sql="create table one (x int);\ninsert into one values (1);")
TWO = Migration(number=2, name="0002_two", sql="create table two (x int)")


@pytest.fixture
def empty_url(embedded_server: str) -> Iterator[str]:
    """The URL of a database without a single table."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(embedded_server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield embedded_server.replace("/postgres?", f"/{name}?")
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def connection(empty_url: str) -> Iterator[psycopg.Connection]:
    """A connection to it."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        yield connection


def tables(connection: psycopg.Connection) -> set[str]:
    """The names of all tables."""
    rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    return {row[0] for row in rows}


def test_each_is_applied_once_in_order(connection: psycopg.Connection) -> None:
    """A second run does nothing; a later file is added."""
    assert migrate(connection, [ONE]) == ["0001_one"]
    assert migrate(connection, [ONE]) == []
    assert migrate(connection, [ONE, TWO]) == ["0002_two"]
    assert connection.execute("select * from one").fetchall() == [(1,)]


def test_the_shipped_ones_are_numbered_without_a_gap_and_apply(connection: psycopg.Connection) -> None:
    """On an empty database, twice."""
    shipped = all_migrations()

    assert [migration.number for migration in shipped] == list(range(1, len(shipped) + 1))
    assert migrate(connection) == [migration.name for migration in shipped]
    assert migrate(connection) == []


def test_any_number_of_processes_may_start_at_once(empty_url: str) -> None:
    """One migrates, the others wait and find it done."""

    def start(_: int) -> list[str]:
        with psycopg.connect(empty_url, autocommit=True) as connection:
            return migrate(connection)

    with ThreadPoolExecutor(6) as executor:
        applied = [names for names in executor.map(start, range(6)) if names]

    assert applied == [[migration.name for migration in all_migrations()]]


def test_a_changed_file_is_refused(connection: psycopg.Connection) -> None:
    """And nothing else is applied with it."""
    migrate(connection, [ONE])
    changed = Migration(number=1, name="0001_one", sql="create table other (x int)")

    with pytest.raises(DatabaseError, match="Migration 0001_one has changed since it was applied"):
        migrate(connection, [changed, TWO])
    assert tables(connection) == {"one", "schema_migrations"}


def test_a_failing_one_leaves_nothing_behind(connection: psycopg.Connection) -> None:
    """Neither its own beginning nor those before it; mended, all are applied."""
    broken = Migration(number=2, name="0002_two", sql="create table two (x int); select 1 / 0;")

    with pytest.raises(DatabaseError, match=r"failed \(22012\); nothing was changed"):
        migrate(connection, [ONE, broken])
    assert tables(connection) == set()
    assert migrate(connection, [ONE, TWO]) == ["0001_one", "0002_two"]


def test_a_newer_database_is_left_as_it_is(connection: psycopg.Connection) -> None:
    """After a step back to an older version."""
    migrate(connection, [ONE, TWO])

    assert migrate(connection, [ONE]) == []
    assert {"one", "two"} <= tables(connection)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres@127.0.0.1:1/x",
        "postgresql://postgres@no-such-host.invalid/x",
        "postgresql://postgres@127.0.0.1:notaport/x",
        "nonsense",
        "mysql://x/y",
        "",
    ],
)
def test_a_wrong_url_is_one_clear_line(url: str) -> None:
    """Nothing of the URL, which may hold a password, is in it."""
    with pytest.raises(DatabaseError, match=r"check database\.url") as caught:
        open_pool(url)
    assert "\n" not in str(caught.value)


def test_a_database_that_does_not_exist_is_one_clear_line(embedded_server: str) -> None:
    """The server answers, but has no such database."""
    with pytest.raises(DatabaseError, match=r"check database\.url"):
        open_pool(embedded_server.replace("/postgres?", "/absent?"))
