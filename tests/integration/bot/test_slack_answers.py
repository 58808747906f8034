"""Questions in Slack and the answers in their threads, over the real socket."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from bot.views.answer import CHANNEL_HINT
from inference.answers import Answer
from inference.errors import ModelUnavailableError
from sandbox.slack.models import User
from sandbox.slack.serving import RunningSlack

pytestmark = pytest.mark.usefixtures("bot")


def finished(pool: ConnectionPool, *, count: int) -> bool:
    """Whether the inbox has exactly so many messages, all of them finished."""
    with pool.connection() as connection:
        row = connection.execute("select count(finished_at), count(*) from inbox").fetchone()
    assert row is not None
    assert row[1] <= count, f"{row[1]} messages in the inbox"
    return bool(row[0] == count)


def texts(message: dict[str, Any]) -> str:
    return str(message["blocks"])


async def test_a_mention_is_answered_once_in_its_thread_with_its_source(
    slack: RunningSlack, assistant: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """The mention is also a message event; both are the same question, and the placeholder becomes the answer."""
    ts = await slack.admin.say("ada", "general", "@Lorebot how do I get the VPN?")
    [answer] = await slack.admin.wait("general", thread_ts=ts, contains="VPN handbook")
    assert answer["thread_ts"] == ts
    assert answer["blocks"][0]["type"] == "markdown"
    assert answer["blocks"][0]["text"] == "About how do I get the VPN?: use it [1]."
    assert "<https://wiki.example.com/pages/1#setup|VPN handbook>" in texts(answer)
    assert answer["text"].startswith("About how do I get the VPN?")
    await eventually(partial(finished, pool, count=1))
    assert assistant.questions == ["how do I get the VPN?"]
    assert len(await slack.admin.wait("general", thread_ts=ts)) == 1


async def test_the_audience_of_a_channel_is_everybody_in_it(slack: RunningSlack, assistant: Any) -> None:
    """Bots do not read; a member without an address is there as nobody known."""
    ts = await slack.admin.say("ada", "general", "@Lorebot who reads this?")
    await slack.admin.wait("general", thread_ts=ts, contains="handbook")
    assert assistant.asked[0].audience.emails == {"ada@example.com", "ben@example.com", ""}
    assert assistant.asked[0].thread == f"slack:T0SANDBOX:C1:{ts}"


async def test_the_audience_of_a_private_channel_is_its_members(slack: RunningSlack, assistant: Any) -> None:
    """A private channel is not public."""
    ts = await slack.admin.say("ada", "secret", "@Lorebot who reads this?")
    await slack.admin.wait("secret", thread_ts=ts, contains="handbook")
    assert assistant.asked[0].audience.emails == {"ada@example.com", "ben@example.com"}


async def test_the_audience_of_a_direct_message_is_the_asker(slack: RunningSlack, assistant: Any) -> None:
    """No mention is needed, and the question starts a thread of its own."""
    ts = await slack.admin.say("ben", "app", "who reads this?")
    await slack.admin.wait("app", user="ben", thread_ts=ts, contains="handbook")
    assert assistant.asked[0].audience.emails == {"ben@example.com"}


async def test_a_reply_in_a_joined_thread_is_answered_without_a_mention(
    slack: RunningSlack, assistant: Any
) -> None:
    """Anybody in the thread may go on."""
    ts = await slack.admin.say("ada", "general", "@Lorebot how do I get the VPN?")
    await slack.admin.wait("general", thread_ts=ts, contains="handbook")
    await slack.admin.say("ben", "general", "and on Windows?", thread_ts=ts)
    await slack.admin.wait("general", thread_ts=ts, contains="and on Windows", count=2)
    assert [asked.thread for asked in assistant.asked] == [f"slack:T0SANDBOX:C1:{ts}"] * 2


async def test_what_is_not_meant_for_lorebot_stays_unanswered(
    slack: RunningSlack, assistant: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """Talk in a channel, in a foreign thread, to somebody else in our thread, edits and deletions."""
    talk = await slack.admin.say("ada", "general", "how do I get the VPN?")
    await slack.admin.say("ben", "general", "ask in #it", thread_ts=talk)
    ts = await slack.admin.say("ada", "general", "@Lorebot the only question")
    await slack.admin.wait("general", thread_ts=ts, contains="handbook")
    await slack.admin.say("ada", "general", "@Ben Baker does that work for you?", thread_ts=ts)
    await slack.admin.call(
        "POST", "messages/edit", user="ada", channel="general", ts=ts, text="@Lorebot edited"
    )
    await slack.admin.call(
        "POST",
        "messages/delete",
        user="ben",
        channel="general",
        ts=await slack.admin.say("ben", "general", "never mind"),
    )
    last = await slack.admin.say("ada", "app", "the last question")
    await slack.admin.wait("app", user="ada", thread_ts=last, contains="handbook")
    await eventually(partial(finished, pool, count=2))
    assert assistant.questions == ["the only question", "the last question"]


async def test_a_redelivered_event_gives_no_second_answer(
    slack: RunningSlack, assistant: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """Slack delivers again when an acknowledgement was lost."""
    ts = await slack.admin.say("ada", "app", "only once")
    await slack.admin.wait("app", user="ada", thread_ts=ts, contains="handbook")
    await slack.admin.call("POST", "redeliver")
    next_ts = await slack.admin.say("ada", "app", "the next")
    await slack.admin.wait("app", user="ada", thread_ts=next_ts, contains="handbook")
    await eventually(partial(finished, pool, count=2))
    assert assistant.questions == ["only once", "the next"]


async def test_messages_of_one_thread_are_answered_in_order_and_other_threads_do_not_wait(
    slack: RunningSlack, assistant: Any
) -> None:
    """The second message waits for the first one's answer."""
    assistant.gate.clear()
    ts = await slack.admin.say("ada", "app", "first")
    await slack.admin.wait("app", user="ada", thread_ts=ts, contains="Searching")
    await slack.admin.say("ada", "app", "second", thread_ts=ts)
    other = await slack.admin.say("ben", "general", "@Lorebot elsewhere")
    await slack.admin.wait("general", thread_ts=other, contains="Searching")
    await assistant.was_asked(2)
    assert assistant.questions == ["first", "elsewhere"]
    assistant.gate.set()
    answers = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About second")
    assert ["About first" in texts(answers[0]), "About second" in texts(answers[1])] == [True, True]


async def test_steps_are_shown_while_the_person_waits(slack: RunningSlack, assistant: Any) -> None:
    """The first sign of life is a message that changes into the answer."""
    assistant.steps = ("Searching Confluence and Jira",)
    assistant.gate.clear()
    ts = await slack.admin.say("ada", "app", "slow question")
    [step] = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="Confluence and Jira")
    assistant.gate.set()
    [answer] = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About slow question")
    assert answer["ts"] == step["ts"]


async def test_a_mention_without_a_question_gets_help(slack: RunningSlack, assistant: Any) -> None:
    """The assistant is not bothered."""
    ts = await slack.admin.say("ada", "general", "@Lorebot")
    [answer] = await slack.admin.wait("general", thread_ts=ts)
    assert "Ask me a question" in texts(answer)
    assert assistant.asked == []


async def test_a_message_of_a_hundred_thousand_characters_gets_one_clear_line(
    slack: RunningSlack, assistant: Any
) -> None:
    """The length and the limit are named."""
    ts = await slack.admin.say("ada", "app", "word " * 20_000)
    [answer] = await slack.admin.wait("app", user="ada", thread_ts=ts)
    assert "questions of up to 8,000" in answer["text"]
    assert assistant.asked == []


async def test_a_channel_shared_with_another_company_gets_one_polite_refusal(
    slack: RunningSlack, assistant: Any
) -> None:
    """Whoever asks there."""
    ts = await slack.admin.say("ada", "vendor", "@Lorebot what is the plan?")
    [answer] = await slack.admin.wait("vendor", thread_ts=ts, contains="outside the company")
    assert assistant.asked == []
    assert "message me directly" in answer["text"]


async def test_a_channel_with_a_stranger_in_it_is_refused_as_well(
    slack: RunningSlack, assistant: Any
) -> None:
    """Even when Slack does not mark the channel as shared."""
    ts = await slack.admin.say("ada", "quiet", "@Lorebot what is the plan?")
    await slack.admin.wait("quiet", thread_ts=ts, contains="outside the company")
    assert assistant.asked == []


async def test_a_stranger_is_not_answered_directly(slack: RunningSlack, assistant: Any) -> None:
    """Slack Connect lets people of other companies write to the app."""
    ts = await slack.admin.say("eve", "app", "what is the plan?")
    await slack.admin.wait("app", user="eve", thread_ts=ts, contains="only answer people of this company")
    assert assistant.asked == []


async def test_nothing_found_in_a_channel_points_to_direct_messages(
    slack: RunningSlack, assistant: Any
) -> None:
    """Always the same words; in a direct message they make no sense."""
    assistant.reply = lambda question: Answer(
        text="I do not know.", found=False, citations=(), model="extractive"
    )
    ts = await slack.admin.say("ada", "general", "@Lorebot unheard of")
    [answer] = await slack.admin.wait("general", thread_ts=ts, contains="I do not know")
    assert CHANNEL_HINT in texts(answer)
    direct = await slack.admin.say("ada", "app", "unheard of")
    [answer] = await slack.admin.wait("app", user="ada", thread_ts=direct, contains="I do not know")
    assert CHANNEL_HINT not in texts(answer)


async def test_an_error_of_the_model_is_told_in_its_own_words(
    slack: RunningSlack, assistant: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """In the thread, in place of the placeholder."""

    def refuse(question: str) -> Answer:
        raise ModelUnavailableError("The model does not answer just now; please try again in a minute.")

    assistant.reply = refuse
    ts = await slack.admin.say("ada", "app", "hello?")
    [answer] = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="does not answer just now")
    await eventually(partial(finished, pool, count=1))
    assert len(assistant.asked) == 1
    assert answer["text"].startswith("The model does not answer")


async def test_a_long_answer_goes_on_in_further_messages(slack: RunningSlack, assistant: Any) -> None:
    """Nothing is lost, and the sources stand at the end."""
    words = [f"word{number}" for number in range(4_000)]
    text = "\n\n".join(" ".join(words[start : start + 100]) for start in range(0, 4_000, 100))
    usual = assistant.reply("")
    assistant.reply = lambda question: replace(usual, text=text)
    ts = await slack.admin.say("ada", "app", "everything, please")
    messages = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="handbook")
    told = " ".join(
        block["text"] for message in messages for block in message["blocks"] if block["type"] == "markdown"
    )
    assert told.split() == words
    assert "handbook" in texts(messages[-1])
    assert len(messages) > 1


async def test_a_channel_with_more_people_than_a_page_is_read_to_the_end(
    slack: RunningSlack, assistant: Any
) -> None:
    """Members and people come in pages."""
    channel = slack.sandbox.workspace.channels["C1"]
    for number in range(450):
        user = User(
            id=f"U9{number:04d}", name=f"p{number}", real_name=f"P {number}", email=f"p{number}@example.com"
        )
        slack.sandbox.workspace.users[user.id] = user
        channel.members.append(user.id)
    ts = await slack.admin.say("ada", "general", "@Lorebot who reads this?")
    await slack.admin.wait("general", thread_ts=ts, contains="handbook")
    assert len(assistant.asked[0].audience.emails) == 453
    assert slack.sandbox.calls.counts["users.info"] < 20


async def test_the_home_tab_tells_how_to_ask(slack: RunningSlack, eventually: Any) -> None:
    """It is published when somebody opens it."""
    await slack.admin.call("POST", "home", user="ada", tab="home")
    home = await eventually(lambda: slack.sandbox.views.homes.get("U1"))
    assert "Ask me a question" in str(home.content["blocks"])
