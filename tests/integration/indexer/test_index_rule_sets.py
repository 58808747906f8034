"""Each text has the number of the rules that it demands, whatever happens to it, and whatever happens at once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg_pool import ConnectionPool

from connectors.documents import AccessRule, Section, SectionKind
from indexer import cascade
from indexer.rules import RuleStore, delete_orphans
from indexer.store import store_document
from lorebot.database.migrations import all_migrations, migrate
from tests.integration.indexer.conftest import Index, make_document

PAGES = st.integers(1, 4)
RULES = st.frozensets(st.sampled_from("abc"), max_size=2)
RAW = st.lists(st.integers(0, 3), max_size=3)  # neither sorted nor distinct, as old code may write them
OPERATIONS = st.one_of(
    st.tuples(st.just("store"), PAGES, RULES, PAGES, RULES),
    st.tuples(st.just("rewrite"), PAGES, RULES),
    st.tuples(st.sampled_from(["hide", "delete", "tighten"]), PAGES),
    st.tuples(st.sampled_from(["raw document", "raw chunks"]), PAGES, RAW),
    st.tuples(st.sampled_from(["embed", "clean"])),
)


def made(names: frozenset[str]) -> tuple[AccessRule, ...]:
    """Rules of these names, that nobody satisfies."""
    return tuple(AccessRule(name=name, principals=frozenset()) for name in sorted(names))


class Story:
    """Does to an index what the indexer does to it, in the indexer's words."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.rules = RuleStore("wiki")

    def tell(self, operation: tuple[Any, ...]) -> None:
        """Do one thing in a transaction."""
        what, *values = operation
        if what == "clean":
            delete_orphans(self.index.pool, "wiki")
            self.rules.forget()
            return
        with self.index.pool.connection() as connection:
            getattr(self, what.replace(" ", "_"))(connection, *values)

    def store(
        self, connection: Any, page: int, rules: frozenset[str], other: int, section: frozenset[str]
    ) -> None:
        """A page below the one before it, with a text of its own and one that is taken in from another page."""
        taken_in = Section(
            kind=SectionKind.SECTION,
            text=f"Of {other}, for {sorted(section)}.",
            url="https://x",
            included_id=str(other),
            access_rules=made(section),
        )
        document = make_document(
            page, "Own.", access_rules=made(rules), ancestors=tuple(str(n) for n in range(1, page))
        )
        document = type(document)(**{**vars(document), "sections": (*document.sections, taken_in)})
        store_document(connection, document, rules=self.rules, embedder=self.index.embedder)

    def rewrite(self, connection: Any, page: int, rules: frozenset[str]) -> None:
        """The sweep found other rules."""
        ids = self.rules.ids(connection, made(rules))
        cascade.rewrite_rules(connection, "wiki", str(page), ids, handle=None)

    def hide(self, connection: Any, page: int) -> None:
        """The source has it no longer."""
        cascade.hide(connection, "wiki", str(page))

    def delete(self, connection: Any, page: int) -> None:
        """... and it is deleted."""
        cascade.delete(connection, "wiki", [str(page)])

    def tighten(self, connection: Any, page: int) -> None:
        """The page is shut, with all that is below it."""
        ids = self.rules.ids(connection, made(frozenset("d")))
        cascade.spread_rules(connection, "wiki", str(page), ids)

    def raw_document(self, connection: Any, page: int, ids: list[int]) -> None:
        """As the version before does it."""
        connection.execute("update documents set rule_ids = %s where source_id = %s", [ids, str(page)])

    def raw_chunks(self, connection: Any, page: int, ids: list[int]) -> None:
        """As the version before does it."""
        connection.execute(
            "update chunks set rule_ids = %s where included_id = %s or position = 0", [ids, str(page)]
        )

    def embed(self, connection: Any) -> None:
        """Every chunk has a vector."""
        connection.execute(VECTORS)


VECTORS = "insert into embeddings select 1, id, '[1,2]' from chunks on conflict do nothing"


def misnumbered(connection: Any) -> list[Any]:
    """What has another number than a naive computation gives it."""
    sets: dict[int, list[int]] = dict(connection.execute("select id, rule_ids from rule_sets").fetchall())
    assert len({tuple(ids) for ids in sets.values()}) == len(sets)
    rows = connection.execute(
        """select 'document', id, rule_set_id, rule_ids, '{}' from documents
           union all select 'chunk', c.id, c.rule_set_id, d.rule_ids, c.rule_ids
                     from chunks c join documents d on d.id = c.document_id
           union all select 'embedding', c.id, e.rule_set_id, d.rule_ids, c.rule_ids
                     from embeddings e join chunks c on c.id = e.chunk_id join documents d on d.id = c.document_id"""
    ).fetchall()
    return [
        (kind, id_, sets.get(number), demanded)
        for kind, id_, number, document, chunk in rows
        if sets.get(number) != (demanded := sorted({*document, *chunk}) if document else [0])
    ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=st.lists(OPERATIONS, min_size=3, max_size=14))
def test_numbers_follow_the_rules_through_every_story(index: Index, story: list[tuple[Any, ...]]) -> None:
    """Through whatever the indexer does, in any order."""
    with index.pool.connection() as connection:
        connection.execute(
            "truncate documents, chunks, embeddings, postings, access_rules, reading_list cascade"
        )
        connection.execute(
            "insert into embedding_models (name, dimensions) values ('m', 2) on conflict do nothing"
        )
    telling = Story(index)
    for operation in story:
        telling.tell(operation)
    with index.pool.connection() as connection:
        assert misnumbered(connection) == []
        for table in ("documents", "chunks", "embeddings"):
            assert connection.execute(f"select from {table} where rule_set_id is null").fetchall() == []


def test_sets_that_nothing_demands_are_deleted_and_others_stay(index: Index) -> None:
    """{0} stays in any case: whatever becomes unreadable needs it."""
    story = Story(index)
    story.tell(("store", 1, frozenset("ab"), 2, frozenset("c")))
    before = index.rows("select rule_ids from rule_sets")
    story.tell(("rewrite", 1, frozenset("a")))
    story.tell(("clean",))
    after = index.rows("select rule_ids from rule_sets")
    assert len(before) == len(after) == 3
    assert ([0],) in after
    assert before != after
    with index.pool.connection() as connection:
        assert misnumbered(connection) == []


class Two:
    """Two connections that do things at once."""

    def __init__(self, url: str) -> None:
        self.first = psycopg.connect(url)
        self.second = psycopg.connect(url)
        self._watch = psycopg.connect(url, autocommit=True)
        self._failures: list[psycopg.Error] = []

    def wait_for_first(self, statement: str, *parameters: Any) -> threading.Thread:
        """Let the second say something, and return when it waits for the first."""

        def work() -> None:
            try:
                self.second.execute(statement.encode(), parameters)
                self.second.commit()
            except psycopg.Error as error:
                self._failures.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        pause = threading.Event()
        for _ in range(500):
            row = self._watch.execute(
                "select %s = any (pg_blocking_pids(%s))",
                [self.first.info.backend_pid, self.second.info.backend_pid],
            ).fetchone()
            if row == (True,):
                return thread
            pause.wait(0.01)
        raise AssertionError("it does not wait")

    def finish(self, thread: threading.Thread) -> None:
        """Commit the first, and see the second to its end."""
        self.first.commit()
        thread.join(10)
        assert not thread.is_alive()
        assert self._failures == []
        assert misnumbered(self._watch) == []

    def close(self) -> None:
        """Both, and who watches them."""
        for connection in (self.first, self.second, self._watch):
            connection.close()


DOCUMENT = """insert into documents (source, source_id, external_id, kind, title, url, place, labels, content_hash,
                                     rule_ids)
              values ('wiki', %s, '1', 'page', 't', 'u', 'p', '{}', 'h', '{1}')"""
CHUNK = """insert into chunks (document_id, position, kind, heading, url, text, context, hash, rule_ids)
           select id, %s, 'section', '', 'u', 'x', '', 'h', '{2}' from documents where source_id = '1'"""
SHUT = "update documents set rule_ids = '{1,2,3}' where source_id = '1'"


@pytest.fixture
def two(database_url: str) -> Iterator[Two]:
    """Two connections to an index of one document, two chunks and a model."""
    connections = Two(database_url)
    connections.first.execute("insert into embedding_models (name, dimensions) values ('m', 2)")
    connections.first.execute(DOCUMENT.encode(), ["1"])
    for position in (0, 1):
        connections.first.execute(CHUNK.encode(), [position])
    connections.first.commit()
    yield connections
    connections.close()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(SHUT, CHUNK.replace("%s", "2"), id="a chunk is added while its document is being shut"),
        pytest.param(CHUNK.replace("%s", "2"), SHUT, id="a document is shut while a chunk is being added"),
        pytest.param(VECTORS, SHUT, id="a document is shut while vectors are being added"),
        pytest.param(
            SHUT,
            "update chunks set rule_ids = '{7}'",
            id="a chunk is changed while its document is being shut",
        ),
        pytest.param(
            "update chunks set rule_ids = '{}'", SHUT, id="a document is shut while a chunk is being changed"
        ),
        pytest.param(
            VECTORS, "update chunks set rule_ids = '{7}'", id="a chunk is shut while vectors are added"
        ),
    ],
)
def test_what_happens_at_once_happens_one_after_the_other(two: Two, first: str, second: str) -> None:
    """Whichever comes first, no number is left behind."""
    two.first.execute(first.encode())
    two.finish(two.wait_for_first(second))


@pytest.mark.parametrize("change", [SHUT, "update chunks set rule_ids = '{7}' where position = 0"])
def test_a_vector_of_a_chunk_that_is_being_changed_is_left_out(two: Two, change: str) -> None:
    """It waits for nobody, and is embedded another time."""
    two.first.execute(change.encode())
    two.second.execute("set lock_timeout = '2s'")
    added = two.second.execute(VECTORS.encode()).rowcount
    assert added == (0 if change == SHUT else 1)
    two.second.commit()
    two.first.commit()
    two.second.execute(VECTORS.encode())
    two.second.commit()
    assert two.first.execute("select count(*) from embeddings").fetchone() == (2,)
    assert misnumbered(two.first) == []


def test_embedding_and_shutting_in_opposite_orders_do_not_wait_for_each_other_for_ever(two: Two) -> None:
    """One has the first chunk and wants the second, the other the second and wants the first."""
    add = VECTORS.replace("from chunks", "from chunks where position = %s")
    change = "update chunks set rule_ids = '{7}' where position = %s"
    two.first.execute(add.encode(), [0])
    two.second.execute(change.encode(), [1])
    waiting = two.wait_for_first(change, 0)
    assert two.first.execute(add.encode(), [1]).rowcount == 0
    two.finish(waiting)


def test_a_set_that_is_about_to_be_used_is_not_deleted(two: Two, pool: ConnectionPool) -> None:
    """Nobody uses it yet as far as others see."""
    two.first.execute("insert into rule_sets (rule_ids) values ('{5}')")
    two.first.commit()
    two.first.execute("update documents set rule_ids = '{5}'")
    delete_orphans(pool, "wiki")
    two.first.commit()
    assert misnumbered(two.first) == []
    assert two.first.execute("select count(*) from rule_sets where rule_ids = '{5}'").fetchone() == (1,)


@pytest.fixture
def old(embedded_server: str) -> Iterator[psycopg.Connection]:
    """A database as the version before left it."""
    name = f"old_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(embedded_server, autocommit=True) as server:
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        url = embedded_server.replace("/postgres?", f"/{name}?")
        with psycopg.connect(url, autocommit=True) as connection:
            migrate(connection, [each for each in all_migrations() if each.number <= 7])
            yield connection
        server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_an_index_of_the_version_before_gets_its_numbers_and_keeps_its_vector_index(
    old: psycopg.Connection, rules: Callable[..., AccessRule]
) -> None:
    """And the version before may go on writing."""
    old.execute("insert into embedding_models (name, dimensions) values ('m', 2)")
    old.execute(DOCUMENT.encode(), ["1"])
    old.execute(DOCUMENT.replace("'{1}'", "'{3,2,3}'").encode(), ["2"])
    old.execute(DOCUMENT.replace("'{1}'", "'{}'").encode(), ["3"])
    for position in (0, 1):
        old.execute(CHUNK.replace("where source_id = '1'", "").encode(), [position])
    old.execute("update chunks set rule_ids = '{}' where position = 1")
    old.execute("insert into embeddings (model_id, chunk_id, embedding) select 1, id, '[1,2]' from chunks")
    old.execute(
        """create index embeddings_hnsw_1 on embeddings using hnsw ((embedding::halfvec(2)) halfvec_cosine_ops)
           with (m = 16, ef_construction = 200) where model_id = 1"""
    )
    index = "select pg_get_indexdef('embeddings_hnsw_1'::regclass)"
    before = old.execute(index.encode()).fetchone()

    migrate(old)

    assert misnumbered(old) == []
    assert old.execute("select count(*) from embeddings where rule_set_id is null").fetchone() == (0,)
    assert old.execute(index.encode()).fetchone() == before
    old.execute(DOCUMENT.encode(), ["4"])
    old.execute("update documents set rule_ids = '{9,8}' where source_id = '1'")
    assert misnumbered(old) == []
