"""From Slack's events to questions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.incoming import is_addressed, is_follow_up, question_of, read_message

BOT = "UBOT"
EVENT = {
    "type": "message",
    "channel": "C1",
    "channel_type": "channel",
    "user": "U1",
    "ts": "2.0",
    "text": "hello",
}


def body(**changes: Any) -> dict[str, Any]:
    """A delivery of the event."""
    return {"team_id": "T1", "event_id": "Ev1", "event": {**EVENT, **changes}}


def test_a_message_is_read_with_the_thread_that_its_answer_goes_to() -> None:
    """The message's own thread, or one that it starts."""
    alone = read_message(body(), bot_user=BOT)
    reply = read_message(body(thread_ts="1.0"), bot_user=BOT)
    assert alone is not None
    assert reply is not None
    assert (alone.team, alone.channel, alone.ts, alone.thread_ts, alone.user) == (
        "T1",
        "C1",
        "2.0",
        "2.0",
        "U1",
    )
    assert reply.thread_ts == "1.0"


@pytest.mark.parametrize(
    "changes",
    [
        {"subtype": "message_changed", "hidden": True},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"subtype": "bot_message"},
        {"bot_id": "B1"},
        {"user": BOT},
        {"user": "USLACKBOT"},
        {"user": None},
        {"channel": None},
    ],
    ids=str,
)
def test_what_no_person_wrote_is_passed_over(changes: dict[str, Any]) -> None:
    """Edits, deletions, notices, bots, ourselves."""
    assert read_message(body(**changes), bot_user=BOT) is None


@pytest.mark.parametrize(
    "changes", [{"subtype": "file_share"}, {"subtype": "thread_broadcast"}, {"text": None}]
)
def test_what_a_person_wrote_otherwise_is_read(changes: dict[str, Any]) -> None:
    """With a file, into the channel as well, without words."""
    assert read_message(body(**changes), bot_user=BOT) is not None


def test_lorebot_is_addressed_directly_or_by_mention() -> None:
    """In the middle of a sentence as well; the mention of somebody else is none."""
    assert is_addressed({**EVENT, "channel_type": "im"}, bot_user=BOT)
    assert is_addressed({**EVENT, "type": "app_mention"}, bot_user=BOT)
    assert is_addressed({**EVENT, "text": "what does <@UBOT|lorebot> say?"}, bot_user=BOT)
    assert not is_addressed({**EVENT, "text": "what does <@U2> say?"}, bot_user=BOT)


def test_a_follow_up_is_a_reply_to_nobody_else() -> None:
    """Who begins with somebody's name speaks to them."""

    def follow_up(**changes: Any) -> bool:
        message = read_message(body(**changes), bot_user=BOT)
        assert message is not None
        return is_follow_up(message)

    assert follow_up(thread_ts="1.0")
    assert follow_up(thread_ts="1.0", text="does <@U2> know?")
    assert not follow_up(thread_ts="1.0", text="<@U2> do you know?")
    assert not follow_up()
    assert not follow_up(thread_ts="1.0", text="Perfect, thanks a lot! :tada:")
    assert follow_up(thread_ts="1.0", text="Thanks! And on Windows?")


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("<@UBOT> how do I get the VPN?", "how do I get the VPN?"),
        ("<@UBOT|lorebot>", ""),
        ("how,  <@UBOT>, is 1 &lt; 2 &amp;&amp; x?", "how, , is 1 < 2 && x?"),
        (
            "what does <#C1|general> say about <https://x.example/a?b=1&amp;c=2|this page>?",
            "what does #general say about this page https://x.example/a?b=1&c=2?",
        ),
        (
            "see <https://x.example> and <mailto:a@x.example|a@x.example>",
            "see https://x.example and a@x.example",
        ),
        ("is <@U2> or <!subteam^S1|@team> or <!here> in charge?", "is @someone or @team or in charge?"),
        ("&amp;lt; stays escaped once", "&lt; stays escaped once"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_the_question_is_what_the_person_reads(text: str, question: str) -> None:
    """Mentions, links and entities are resolved."""
    assert question_of(text, bot_user=BOT) == question


@given(st.text(max_size=300))
def test_any_text_gives_a_question(text: str) -> None:
    """And never one with our own mention in it."""
    assert "<@UBOT>" not in question_of(text, bot_user=BOT)
