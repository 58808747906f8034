"""What a conversation remembers, after what it was made of has changed: only what all who read along may read now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from connectors.documents import AccessRule, Document, DocumentKind, Membership, Section, SectionKind
from indexer import cascade
from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.people import store_people
from indexer.rules import RuleStore
from indexer.store import store_document
from indexer.vectors import embed_source
from inference import assistant as assistant_module
from inference.assistant import Assistant
from inference.model import ChatModel, ModelConfig
from inference.threads import Thread, read_thread, write_thread

ALL = AccessRule(name="space:ENG", principals=frozenset({"group:all"}))
BOARD = AccessRule(name="page:board", principals=frozenset({"group:board"}))
ANN = Audience.of(["ann@x.com"])
BOTH = Audience.of(["ann@x.com", "eve@x.com"])
QUESTION = "What is the salary of the harbour master?"
SALARY = "The salary of the harbour master is seven thousand."


class Talk:
    """A page that everybody may read, a question about it, and what is remembered of the answer."""

    def __init__(self, pool: ConnectionPool, embedder: Embedder) -> None:
        self.pool, self.embedder = pool, embedder
        with pool.connection() as connection:
            everybody, board = frozenset({"group:all"}), frozenset({"group:board"})
            people = [
                Membership(email="ann@x.com", principals=everybody | board),
                Membership(email="eve@x.com", principals=everybody),
            ]
            store_people(connection, "wiki", people)

    def write(self, *sections: Section, rules: tuple[AccessRule, ...] = (ALL,)) -> None:
        """Store the page as it is now."""
        page = Document(
            source="wiki",
            id="1",
            external_id="1",
            kind=DocumentKind.PAGE,
            title="Salaries",
            url="https://x/1",
            place="ENG",
            sections=sections,
            access_rules=rules,
            updated=datetime(2026, 1, 2, tzinfo=UTC),
        )
        with self.pool.connection() as connection:
            store_document(connection, page, rules=RuleStore("wiki"), embedder=self.embedder)

    def ask(self) -> None:
        """One question in the thread that both read."""
        assistant = Assistant(pool=self.pool, embedder=self.embedder, model=None)
        assert assistant.ask(QUESTION, thread="t", audience=BOTH).found
        assert "seven thousand" in self.remembered(BOTH)

    def remembered(self, audience: Audience) -> str:
        """The summary for these people."""
        return read_thread(self.pool, "t", audience).summary


SECTION = Section(kind=SectionKind.SECTION, text=SALARY, url="https://x/1#s")
TAKEN_IN = replace(SECTION, included_id="2", access_rules=(ALL,))


@pytest.fixture
def talk(pool: ConnectionPool, embedder: Embedder) -> Talk:
    """Before anything was said."""
    return Talk(pool, embedder)


def test_it_goes_on_while_nothing_changes(talk: Talk) -> None:
    """Also when the page is read again, and when another page changes."""
    talk.write(SECTION)
    talk.ask()
    talk.write(SECTION)

    assert "seven thousand" in talk.remembered(BOTH)


def test_a_restricted_page_is_forgotten_by_who_may_not_read_it(talk: Talk) -> None:
    """The rules that it had then are still satisfied; those that it has now are not."""
    talk.write(SECTION)
    talk.ask()
    talk.write(SECTION, rules=(ALL, BOARD))

    assert talk.remembered(BOTH) == ""
    assert "seven thousand" in talk.remembered(ANN)


def shut_what_is_taken_in(talk: Talk) -> None:
    with talk.pool.connection() as connection:
        board = RuleStore("wiki").ids(connection, [BOARD])
        cascade.tighten_included(connection, "wiki", "2", board)


def hide(talk: Talk) -> None:
    with talk.pool.connection() as connection:
        cascade.hide(connection, "wiki", "1")


def delete(talk: Talk) -> None:
    with talk.pool.connection() as connection:
        cascade.delete(connection, "wiki", ["1"])


@pytest.mark.parametrize(
    "happen",
    [
        shut_what_is_taken_in,
        hide,
        delete,
        lambda talk: talk.write(),
        lambda talk: talk.write(replace(TAKEN_IN, access_rules=(BOARD,))),
        lambda talk: talk.write(replace(SECTION, access_rules=(BOARD,))),
        lambda talk: talk.write(replace(SECTION, text="The salary of the harbour master is withdrawn.")),
    ],
    ids=["included page shut", "hidden", "deleted", "emptied", "included for some", "for some", "withdrawn"],
)
def test_what_is_taken_away_is_forgotten(talk: Talk, happen: Callable[[Talk], Any]) -> None:
    """A page that is gone, a text that was withdrawn, and a text of another page that was restricted there."""
    talk.write(TAKEN_IN)
    talk.ask()
    happen(talk)

    assert talk.remembered(BOTH) == ""


def test_a_thread_that_the_version_before_wrote_starts_afresh(talk: Talk) -> None:
    """It does not say what it was made of; also where it went on with a thread of this version."""
    old = "insert into threads (key, summary, last_question, rule_ids) values ('t', 'A secret.', 'q', '{}')"
    renewed = " on conflict (key) do update set summary = excluded.summary, updated_at = now()"
    with talk.pool.connection() as connection:
        connection.execute(old)
    assert talk.remembered(BOTH) == ""

    write_thread(talk.pool, "t", Thread(summary="Ours.", last_question="q"))
    assert talk.remembered(BOTH) == "Ours."
    with talk.pool.connection() as connection:
        connection.execute(old + renewed)
    assert talk.remembered(BOTH) == ""


def test_what_was_read_around_a_passage_is_forgotten_with_it(
    talk: Talk, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model took it up although only its neighbour was found; then it is deleted from the page."""
    pay = "The harbour master is paid by the harbour office. " * 12
    figures = "The captain receives exactly 4711 crowns. " + "Zephyr quagmire lantern orchid. " * 25
    found = Section(kind=SectionKind.SECTION, text=pay, url="https://x/1#a", heading_path=("Pay",))
    beside = Section(kind=SectionKind.SECTION, text=figures, url="https://x/1#b", heading_path=("Figures",))
    talk.write(found, beside)
    embed_source(talk.pool, "wiki", talk.embedder, progress=lambda *_: None)
    server.replies = ["The office pays the harbour master [1], and the captain receives 4711 crowns [1]."]
    monkeypatch.setattr(assistant_module, "PASSAGES", 1)
    model = ChatModel(ModelConfig(base_url=server.url))
    assistant = Assistant(pool=talk.pool, embedder=talk.embedder, model=model)
    assistant.ask("Who pays the harbour master?", thread="t", audience=BOTH)
    assert "4711 crowns" in str(server.chats()[0])
    assert "4711" in talk.remembered(BOTH)

    talk.write(found)

    assert talk.remembered(BOTH) == ""
