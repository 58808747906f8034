"""Questions to answers over a small index: quoted, written by a model, remembered, and only what may be read."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from indexer.audience import Audience
from indexer.embedding import Embedder
from inference.answers import Answer
from inference.assistant import LONGEST_QUESTION, Assistant
from inference.errors import QuestionError
from inference.model import ChatModel, ModelConfig

STAFF = Audience.of(["ada@example.com"])
BOARD = Audience.of(["ceo@example.com"])
SPOOLER = "How do I restart the print spooler on Linux?"


class Desk:
    """Asks an assistant, for short."""

    def __init__(self, pool: ConnectionPool, embedder: Embedder, model: ChatModel | None = None) -> None:
        self.key = uuid.uuid4()
        self.assistant = Assistant(pool=pool, embedder=embedder, model=model)

    def ask(
        self, question: str, *, thread: str | None = None, audience: Audience = STAFF, **more: Any
    ) -> Answer:
        """One question of the staff; thread names are this test's own."""
        thread = thread and f"{self.key}:{thread}"
        return self.assistant.ask(question, thread=thread, audience=audience, **more)


@pytest.fixture
def desk(filled: ConnectionPool, embedder: Embedder) -> Desk:
    """Without a model."""
    return Desk(filled, embedder)


@pytest.fixture
def written(filled: ConnectionPool, embedder: Embedder, server: Any) -> Desk:
    """With the scripted model."""
    return Desk(filled, embedder, ChatModel(ModelConfig(base_url=server.url)))


def cited(answer: Answer) -> Sequence[str]:
    """The documents cited, in the order of their marks."""
    return [citation.external_id for citation in answer.citations]


def test_an_answer_is_quoted_and_leads_to_its_section(desk: Desk) -> None:
    """Without a model: the page's own words, a mark, and the URL behind it; each step is said and timed."""
    steps: list[str] = []

    answer = desk.ask(SPOOLER, on_step=steps.append)

    assert answer.found
    assert "`systemctl restart cups`. [1]" in answer.text
    assert (answer.citations[0].number, answer.citations[0].url) == (1, "https://x/spooler#how")
    assert (answer.model, answer.nearest, answer.new_topic) == ("extractive", (), False)
    assert steps[0] == "Searching Confluence and Jira"
    assert {"search", "answer", "total"} <= set(answer.timings_ms)


def test_what_nobody_wrote_is_not_known_and_the_nearest_is_shown(desk: Desk) -> None:
    """The honest answer, without a citation."""
    answer = desk.ask("Which wine goes with roasted duck in orange sauce?")

    assert (answer.text, answer.found, answer.citations) == ("I do not know.", False, ())
    assert 1 <= len(answer.nearest) <= 3
    assert len({citation.external_id for citation in answer.nearest}) == len(answer.nearest)
    assert [citation.number for citation in answer.nearest] == list(range(1, len(answer.nearest) + 1))


def test_a_follow_up_is_understood_by_its_thread(desk: Desk) -> None:
    """The same words in another thread mean nothing."""
    desk.ask(SPOOLER, thread="t1")

    assert cited(desk.ask("And on Windows?", thread="t1"))[0] == "windows"
    assert not desk.ask("And why?", thread="t2").found


def test_a_new_topic_sets_the_conversation_aside(desk: Desk) -> None:
    """Its summary starts anew."""
    first = desk.ask(SPOOLER, thread="t1")
    second = desk.ask("How many days of parental leave do fathers get?", thread="t1")

    assert (first.new_topic, second.new_topic) == (False, True)
    assert cited(second)[0] == "leave"
    assert "spooler" in first.summary
    assert "spooler" not in second.summary


def test_who_joins_a_thread_is_not_told_what_it_was_about(desk: Desk) -> None:
    """A summary made of what the board may read means nothing where staff read along; and it stays for the board."""
    desk.ask("When does the merger with Umbrella close?", thread="t9", audience=BOARD)

    joined = desk.ask(
        "And why then?", thread="t9", audience=Audience.of(["ceo@example.com", "ada@example.com"])
    )

    assert "mbrella" not in f"{joined.summary} {joined.text}"


def test_an_expired_thread_is_a_fresh_one_and_is_deleted(desk: Desk, filled: ConnectionPool) -> None:
    """Three days after its last question."""
    desk.ask(SPOOLER, thread="t2")
    with filled.connection() as connection:
        connection.execute("update threads set updated_at = now() - interval '4 days'")
    assert "spooler" not in desk.ask("And why?", thread="t3").summary.lower()
    with filled.connection() as connection:
        assert connection.execute(
            "select count(*) from threads where summary ilike '%spooler%'"
        ).fetchone() == (0,)


def test_only_the_configured_sources_are_answered_from(filled: ConnectionPool, embedder: Embedder) -> None:
    """A source that was taken out of the configuration answers no longer."""
    gone = Assistant(pool=filled, embedder=embedder, model=None, sources=["another"])

    answer = gone.ask(SPOOLER, thread=None, audience=Audience.operator())

    assert not answer.found
    assert answer.nearest == ()


def test_a_reply_that_begins_with_not_knowing_but_cites_is_an_answer(written: Desk, server: Any) -> None:
    """Only a whole sentence says that nothing is known."""
    server.replies = ["I do not know why, but restart it with systemctl [1]."]

    answer = written.ask(SPOOLER)

    assert answer.found
    assert "systemctl" in answer.text


def test_what_the_audience_may_not_read_is_in_no_part_of_the_answer(desk: Desk) -> None:
    """Neither answer, nearest, summary nor citation; a channel with one outsider is an outsider."""
    question = "When does the merger with Umbrella close?"
    for audience in (STAFF, Audience.of(["ceo@example.com", "ada@example.com"]), Audience.of([])):
        answer = desk.ask(question, thread="t1", audience=audience)
        assert "million" not in repr(answer)
        assert "merger" not in [each.external_id for each in (*answer.nearest, *answer.citations)]

    assert cited(desk.ask(question, audience=BOARD)) == ["merger"]
    assert cited(desk.ask(question, audience=Audience.operator())) == ["merger"]


@pytest.mark.parametrize(
    "question", ["", "  \n", "???", "\x00", "\ud83d", "word " * 20_000, "x" * (LONGEST_QUESTION + 1)]
)
def test_a_question_that_is_none_or_far_too_long_is_refused(desk: Desk, question: str) -> None:
    """In a sentence for the person who asked."""
    with pytest.raises(QuestionError, match=r"^(I need a question in words|That is [\d,]+ characters long)"):
        desk.ask(question)


def test_dirt_in_a_question_does_no_harm(desk: Desk) -> None:
    """A NUL and half a surrogate pair are passed over, also where the conversation is kept."""
    answer = desk.ask("How do I re\x00start the print spooler \ud83d on Linux?", thread="t1")

    assert cited(answer)[0] == "spooler"
    answer.summary.encode()


def test_a_model_writes_the_answer_from_the_passages(written: Desk, server: Any) -> None:
    """Its marks become citations, and it keeps the summary of the conversation."""
    server.replies = ["Run `systemctl restart cups .` [1][9].", "They spoke of the spooler."]

    answer = written.ask(SPOOLER, thread="t1")

    assert (answer.text, answer.model) == ("Run `systemctl restart cups .` [1].", "lore")
    assert [citation.url for citation in answer.citations] == ["https://x/spooler#how"]
    assert answer.summary == "They spoke of the spooler."
    asked = server.chats()[0]["messages"][1]["content"]
    assert "systemctl restart cups" in asked
    assert "Umbrella" not in asked
    assert SPOOLER in asked


def test_the_summary_goes_into_the_next_prompt(written: Desk, server: Any) -> None:
    """So that the model knows what "it" is."""
    server.replies = ["Run it [1].", "They spoke of the spooler.", "In the panel [1].", "And of Windows."]
    written.ask(SPOOLER, thread="t1")

    assert written.ask("And on Windows?", thread="t1").summary == "And of Windows."
    assert "<summary>\nThey spoke of the spooler.\n</summary>" in server.chats()[2]["messages"][1]["content"]


@pytest.mark.parametrize("reply", ["I do not know.", "I do not know", "i do not know. Sorry [1]."])
def test_a_model_that_does_not_know_is_believed(written: Desk, server: Any, reply: str) -> None:
    """Found is false, and the nearest passages are shown."""
    server.replies = [reply]

    answer = written.ask(SPOOLER)

    assert (answer.text, answer.found, answer.model) == ("I do not know.", False, "lore")
    assert answer.nearest[0].external_id == "spooler"


@pytest.mark.parametrize("reply", ["Trust me.", "Made up [8].", "", 400, 503, b"<html></html>"])
def test_a_model_that_fails_or_cites_nothing_is_replaced_by_quotes(
    written: Desk, server: Any, reply: Any
) -> None:
    """The person still gets an answer, and it says that it quotes."""
    server.replies = [reply]

    answer = written.ask(SPOOLER)

    assert (answer.found, answer.model) == (True, "extractive")
    assert cited(answer)[0] == "spooler"
    assert "Trust me" not in answer.text


def test_a_model_that_is_gone_or_served_under_another_name_is_replaced_by_quotes(
    filled: ConnectionPool, embedder: Embedder, server: Any
) -> None:
    """The same, before the first call of it."""
    for config in (
        ModelConfig(base_url="http://127.0.0.1:1/v1"),
        ModelConfig(base_url=server.url, name="another"),
    ):
        answer = Desk(filled, embedder, ChatModel(config)).ask(SPOOLER)
        assert (answer.found, answer.model) == (True, "extractive")


def test_a_summary_that_the_model_cannot_write_is_put_together(written: Desk, server: Any) -> None:
    """The answer itself stays the model's."""
    server.replies = ["Run it [1].", 400]

    answer = written.ask(SPOOLER, thread="t1")

    assert (answer.text, answer.model) == ("Run it [1].", "lore")
    assert answer.summary.startswith(f"Asked: {SPOOLER} Answer: Run it.")


def test_passages_that_do_not_fit_the_window_are_left_out(written: Desk, server: Any) -> None:
    """Counted by the server's tokenizer; the best one stays."""
    server.replies = ["Run it [1].", "Summary."]
    server.tokenize = lambda text: 1000 * text.count("<passage number")
    server.models = {"data": [{"id": "lore", "max_model_len": 4000}]}

    assert written.ask(SPOOLER).found
    asked = server.chats()[0]["messages"][1]["content"]
    assert re.findall(r'<passage number="(\d)">', asked) == ["1", "2", "3"]

    server.replies = ["Run it [1].", "Summary."]
    server.tokenize = lambda text: 10**6
    written.ask(SPOOLER)
    assert re.findall(r'<passage number="(\d)">', server.chats()[2]["messages"][1]["content"]) == ["1"]
