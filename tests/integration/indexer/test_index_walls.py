"""The wall behind the search's own filter: in the role that searches, what the audience may not read is not there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import errors, sql
from psycopg_pool import ConnectionPool
from structlog.testing import capture_logs

from indexer import readers
from indexer.audience import Audience
from indexer.readers import reading, wall_gap
from lorebot.database.migrations import migrate
from lorebot.database.pool import open_pool

ANN, BOB, CARL = "ann@x.com", "bob@x.com", "carl@x.com"

#: Rules 1 to 4: for anyone, for the staff of `a`, for Ann alone, for the staff of `b`. Ann and Bob are staff of a; Ann
#: and Carl are of b. Documents 1 to 6, each with a chunk of the same rules and one for Ann alone; each chunk has a
#: posting and a vector.
FILL = """
insert into access_rules (source, name, principals) values ('a', 'open', '{anyone}'), ('a', 'staff', '{staff}'),
    ('a', 'ann', '{user:ann}'), ('b', 'staff', '{staff,other}');
insert into memberships values ('a', 'ann@x.com', '{staff,user:ann}'), ('a', 'bob@x.com', '{staff,user:bob}'),
    ('b', 'ann@x.com', '{staff}'), ('b', 'carl@x.com', '{other}');
insert into documents (source, source_id, external_id, kind, title, url, place, labels, content_hash, rule_ids)
    select 'a', n, n, 'page', 'Title ' || n, 'u', 'p', '{}', 'h', rules::bigint[]
    from (values (1, '{1}'), (2, '{2}'), (3, '{1,3}'), (4, '{4}'), (5, '{}'), (6, '{2,4}')) as of(n, rules);
insert into chunks (document_id, position, kind, heading, url, text, context, hash, rule_ids)
    select id, position, 'section', '', 'u', 'Text ' || source_id, '', 'h', rules::bigint[]
    from documents, (values (0, '{}'), (1, '{3}')) as of(position, rules);
insert into terms (lexeme) values ('text');
insert into postings (term_id, chunk_id, weight) select 1, id, 1 from chunks;
insert into embedding_models (name, dimensions) values ('m', 2);
insert into embeddings select 1, id, '[1,2]' from chunks;
"""

AUDIENCES = [
    Audience.of([]),
    Audience.of([None]),
    Audience.of(["nobody@x.com"]),
    Audience.of([ANN]),
    Audience.of([BOB]),
    Audience.of([CARL]),
    Audience.of([ANN, BOB]),
    Audience.of([ANN, BOB, CARL]),
    Audience.operator(),
]


@pytest.fixture(scope="module")
def filled(shared_database_url: str) -> Iterator[ConnectionPool]:
    """An index that is only read."""
    with open_pool(shared_database_url) as pool:
        with pool.connection() as connection:
            connection.execute(FILL.encode())
        yield pool


def expected(pool: ConnectionPool, audience: Audience) -> dict[str, list[int]]:
    """Ids of what an audience may read, by the definition: every person satisfies every rule."""
    with pool.connection() as connection:
        rules = connection.execute("select id, source, principals from access_rules").fetchall()
        members = {
            (source, email): set(principals)
            for source, email, principals in connection.execute(
                "select source, email, principals from memberships"
            )
        }
        documents = dict(connection.execute("select id, rule_ids from documents").fetchall())
        chunks = connection.execute("select id, document_id, rule_ids from chunks").fetchall()
    satisfied = {
        id_
        for id_, source, principals in rules
        if "anyone" in principals
        or (
            audience.emails
            and all(members.get((source, email), set()) & set(principals) for email in audience.emails)
        )
    }

    def may(demanded: list[int], own: list[int]) -> bool:
        return audience.emails is None or (bool(demanded) and satisfied >= {*demanded, *own})

    readable = [id_ for id_, document, own in chunks if may(documents[document], own)]
    return {
        "select id from documents": [id_ for id_, demanded in documents.items() if may(demanded, [])],
        "select id from chunks": readable,
        "select chunk_id from embeddings": readable,
        "select c.id from postings p join chunks c on c.id = p.chunk_id": readable,
        "select e.chunk_id from embeddings e order by e.embedding <=> '[1,1]' limit 99": readable,
    }


@pytest.mark.parametrize("audience", AUDIENCES, ids=str)
def test_a_search_without_a_filter_returns_what_may_be_read_and_nothing_else(
    filled: ConnectionPool, audience: Audience
) -> None:
    """Nor does it count anything else."""
    wanted = expected(filled, audience)
    with reading(filled, audience) as connection:
        for statement, ids in wanted.items():
            assert sorted(row[0] for row in connection.execute(statement.encode())) == sorted(ids), statement
            counted = connection.execute(f"select count(*) from ({statement}) as found".encode()).fetchone()
            assert counted == (len(ids),)
        sets = connection.execute(
            """select id from rule_sets except select rule_set_id from documents
               except select rule_set_id from chunks"""
        ).fetchall()
        assert len(sets) <= 1  # of all that it sees, but that its documents and chunks have: none, or {0}


def test_the_audiences_differ(filled: ConnectionPool) -> None:
    """What is expected is not the same for all: the test above can fail."""
    seen = {str(expected(filled, audience)) for audience in AUDIENCES}
    assert len(seen) >= 5


HOLDINGS = st.sampled_from([["p"], ["q"], ["p", "q"], ["q", "r"], ["r"], ["p", "q", "r"], []])
PRINCIPALS = HOLDINGS | st.just(["anyone", "p"])
#: Mostly all of them: a source that does not know one of an audience gives it nothing.
PEOPLE = st.fixed_dictionaries(
    {("a", ANN): HOLDINGS, ("a", BOB): HOLDINGS, ("b", ANN): HOLDINGS}, optional={("b", BOB): HOLDINGS}
)
EMAILS = st.none() | st.sampled_from(
    ["ann@x.com bob@x.com", ANN, "bob@x.com carl@x.com", " ann@x.com", ""]
).map(lambda text: frozenset(text.split(" ")) if text else frozenset())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@example(
    rules=[("a", [], ["p"]), ("a", [], ["p", "q"])],
    people={("a", ANN): ["p"], ("a", BOB): ["q", "r"]},
    emails=frozenset({ANN, BOB}),
    sets=[[1], [2]],
)
@given(
    rules=st.lists(st.tuples(st.sampled_from("ab"), PRINCIPALS, PRINCIPALS), min_size=1, max_size=6),
    people=PEOPLE,
    emails=EMAILS,
    sets=st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=6), max_size=8),
)
def test_satisfied_rules_and_readable_sets_are_those_of_the_definition(
    pool: ConnectionPool, rules: Any, people: Any, emails: frozenset[str] | None, sets: list[list[int]]
) -> None:
    """Also after rules have got other principals."""
    with pool.connection() as connection:
        connection.execute("truncate access_rules, memberships restart identity cascade")
        connection.execute("delete from rule_sets")
        for number, (source, before, after) in enumerate(rules):
            values = [source, str(number), before]
            connection.execute(
                "insert into access_rules (source, name, principals) values (%s, %s, %s)", values
            )
            connection.execute(
                "update access_rules set principals = %s where name = %s", [after, str(number)]
            )
        for (source, email), principals in people.items():
            connection.execute("insert into memberships values (%s, %s, %s)", [source, email, principals])
        for ids in {tuple(sorted(set(each))) for each in sets}:
            connection.execute("insert into rule_sets (rule_ids) values (%s)", [list(ids)])
        satisfied = {
            number
            for number, (source, _, principals) in enumerate(rules, start=1)
            if "anyone" in principals
            or (emails and all(set(people.get((source, email), ())) & set(principals) for email in emails))
        }
        stored = connection.execute("select id, rule_ids from rule_sets").fetchall()
        readable = {id_ for id_, demanded in stored if emails is None or satisfied >= set(demanded)}

        parameters = {"emails": None if emails is None else sorted(emails)}
        query = "select satisfied_rules(%(emails)s::text[]), readable_sets(%(emails)s::text[])"
        found = connection.execute(query, parameters).fetchone()

    assert found is not None
    assert emails is None or set(found[0]) == satisfied
    assert set(found[1]) == readable


#: Each would fail, or tell, on a row that Bob may not read: documents 3 to 6.
PROBES = [
    "select count(*) from documents where 1 / (case when title in ('Title 1', 'Title 2') then 1 else 0 end) = 1",
    "select count(*) from documents where substr(title, 1, 5) = 'Title' and title::text || pg_temp.tell(title) <> ''",
    "select count(*) from documents where pg_temp.tell(title) is not null",
    "select count(*) from chunks where pg_temp.tell(text) is not null and rule_ids = '{}'",
    "select max(pg_temp.tell(title)) from documents d left join chunks c on c.document_id = d.id",
    "select pg_temp.tell(c.text) from embeddings e join chunks c on c.id = e.chunk_id order by e.embedding <=> '[1,1]'",
]

TELL = """
create function pg_temp.tell(value text) returns text language plpgsql cost 0.0000001 as $$
begin
    if value not in ('Title 1', 'Title 2', 'Text 1', 'Text 2') then raise exception 'it says %', value; end if;
    return value;
end
$$;
grant execute on function pg_temp.tell to public;
"""


@pytest.mark.parametrize("probe", PROBES)
def test_no_function_is_given_a_value_of_what_may_not_be_read(filled: ConnectionPool, probe: str) -> None:
    """Not even one that the planner would call first, as it costs nothing, and not in an error message."""
    with filled.connection() as connection:
        connection.execute(TELL.encode())
        with pytest.raises((errors.RaiseException, errors.DivisionByZero)), connection.transaction():
            connection.execute(probe.encode())
        (entered,) = (
            connection.execute("select enter_wall(%s)", [readers.named(Audience.of([BOB]))]).fetchone() or ()
        )
        assert entered
        for (value,) in connection.execute(probe.encode()):
            assert value in (2, "Title 2", "Text 1", "Text 2")
        connection.rollback()


@pytest.mark.parametrize(
    "table",
    ["access_rules", "memberships", "rule_principals", "threads", "inbox", "oauth_tokens", "audit_log"],
)
def test_what_no_search_needs_is_not_there_for_anybody(filled: ConnectionPool, table: str) -> None:
    """Who is in which group, what others talked about, tokens."""
    with reading(filled, Audience.operator()) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(f"select from {table}".encode())


@pytest.mark.parametrize(
    "statement",
    [
        "delete from chunks",
        "insert into rule_sets (rule_ids) values ('{9}')",
        "update documents set rule_ids = '{1}'",
        "alter table chunks disable row level security",
        "drop policy wall on chunks",
        "create or replace function wall() returns bit varying language sql as $$ select '1111111'::bit varying $$",
    ],
)
def test_nothing_is_written_and_no_wall_torn_down(filled: ConnectionPool, statement: str) -> None:
    """The role may not, were the transaction not read-only already."""
    with filled.connection() as connection:
        connection.execute("select enter_wall('[]')")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.encode())
        connection.rollback()
    with reading(filled, Audience.of([])) as connection, pytest.raises(psycopg.Error):
        connection.execute(statement.encode())


def test_without_an_audience_nothing_is_there(filled: ConnectionPool) -> None:
    """Nobody said for whom it reads, or with a null."""
    for statement in (
        "select 1",
        "select enter_wall(null)",
        "select set_config('lorebot.readable', '', true)",
    ):
        with filled.connection() as connection:
            connection.execute(statement.encode())
            connection.execute("set local role lorebot_reader")
            for table in ("documents", "chunks", "embeddings", "rule_sets"):
                assert connection.execute(f"select count(*) from {table}".encode()).fetchone() == (0,), table
            connection.rollback()


@pytest.mark.parametrize("audience", ['"everybody"', '{"operator": true}', "true", "3", '["ann@x.com", '])
def test_an_audience_that_cannot_be_read_is_an_error(filled: ConnectionPool, audience: str) -> None:
    """And no reason to show everything; but for a malformed one, nobody's e-mail opens what is closed."""
    with filled.connection() as connection, pytest.raises(psycopg.Error):
        connection.execute("select enter_wall(%s)", [audience])


def test_the_role_ends_with_the_block_however_it_ends(filled: ConnectionPool) -> None:
    """The next to use the connection is nobody's reader."""
    query = "select current_user, current_setting('lorebot.readable', true), current_setting('transaction_read_only')"
    with filled.connection() as connection:
        before = connection.execute("select current_user").fetchone()
    for failing in (False, True):
        try:
            with reading(filled, Audience.of([BOB])) as connection:
                assert connection.execute("select current_user").fetchone() == ("lorebot_reader",)
                if failing:
                    connection.execute("select 1 / 0")
        except errors.DivisionByZero:
            assert failing
        with filled.connection() as connection:
            row = connection.execute(query.encode()).fetchone() or ()
            assert (row[0], row[1] or "", row[2]) == (*(before or ()), "", "off")
            assert not connection.autocommit


def test_one_snapshot_for_the_whole_block(pool: ConnectionPool) -> None:
    """What is withdrawn in between is gone from the next block on, and no half of it is seen."""
    with pool.connection() as connection:
        connection.execute(FILL.encode())
    with reading(pool, Audience.of([BOB])) as connection:
        with pool.connection() as other:
            other.execute("update documents set rule_ids = '{3}' where source_id = '2'")
        assert connection.execute("select count(*) from documents").fetchone() == (2,)
    with reading(pool, Audience.of([BOB])) as connection:
        assert connection.execute("select source_id from documents").fetchall() == [("1",)]


def test_a_scratch_schema_has_a_wall_of_its_own(database_url: str) -> None:
    """As `lorebot eval` makes one."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create schema scratch")
    with open_pool(database_url, schema="scratch") as pool:
        assert wall_gap(pool) is None
        with pool.connection() as connection:
            connection.execute(FILL.encode())
        with reading(pool, Audience.of([BOB])) as connection:
            assert connection.execute("select count(*) from scratch.documents").fetchone() == (2,)
            assert connection.execute("select count(*) from public.documents").fetchone() == (0,)


@pytest.fixture
def plain_url(embedded_server: str) -> Iterator[str]:
    """The URL of an empty database for a user who owns it and may nothing else, with pgvector."""
    name = f"plain_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(embedded_server, autocommit=True) as server:
        server.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        server.execute(sql.SQL("create database {} owner {}").format(*[sql.Identifier(name)] * 2))
        with psycopg.connect(embedded_server.replace("/postgres?", f"/{name}?")) as administrator:
            administrator.execute("create extension vector schema public")
        yield (
            embedded_server.replace("//postgres:@", f"//{name}@")
            .replace("//postgres@", f"//{name}@")
            .replace("/postgres?", f"/{name}?")
        )
        server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        server.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_who_may_not_use_the_role_searches_without_a_wall_and_is_told_how_to_mend_it(
    plain_url: str, embedded_server: str
) -> None:
    """And what the message says is all that it takes."""
    readers._warn_once.cache_clear()
    with psycopg.connect(plain_url, autocommit=True) as connection:
        migrate(connection)
    with open_pool(plain_url) as pool:
        with pool.connection() as connection:
            connection.execute(FILL.encode())
        gap = wall_gap(pool)
        assert gap is not None
        assert "as an administrator" in gap
        with capture_logs() as logs:
            for _ in range(2):
                with reading(pool, Audience.of([BOB])) as connection:
                    assert connection.execute("select count(*) from documents").fetchone() == (6,)
        assert [entry["event"] for entry in logs] == ["wall_absent"]

        administrator, owner = gap.split('"')[1], gap.split('"')[3]
        with psycopg.connect(embedded_server, autocommit=True) as server:
            server.execute(administrator.encode())
        with pool.connection() as connection:
            connection.execute(owner.encode())

        assert wall_gap(pool) is None
        with reading(pool, Audience.of([BOB])) as connection:
            assert connection.execute("select count(*) from documents").fetchone() == (2,)


def test_rights_that_are_missing_are_told(pool: ConnectionPool) -> None:
    """Such as those on a table that somebody made anew."""
    with pool.connection() as connection:
        connection.execute("revoke select on chunks from lorebot_reader")
    assert "raise_wall()" in (wall_gap(pool) or "")
    with pool.connection() as connection:
        connection.execute("select raise_wall()")
    assert wall_gap(pool) is None
