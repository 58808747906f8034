"""What an answer looks like."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views import notices
from bot.views.answer import CHANNEL_HINT, answer_messages, first_sentence, source_line
from bot.views.messages import Message
from bot.views.status import Overview, progress_message, sources_message, status_message
from indexer.passes import EVERYTHING
from indexer.runs import Run, RunState
from indexer.status import SourceStatus
from inference.answers import Answer, Citation
from sandbox.slack.blocks import check_blocks

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAGE = Citation(
    number=1,
    title="VPN <handbook> | 2026",
    url="https://wiki.example.com/pages/1?x=1&y=2#setup",
    external_id="1",
    kind="section",
    place="IT",
    heading="Setup › Laptop",
    updated=NOW - timedelta(days=22),
    author="Ada",
)
COMMENT = Citation(
    number=2,
    title="VPN drops",
    url="https://jira.example.com/browse/OPS-9?focusedCommentId=5",
    external_id="OPS-9",
    kind="comment",
    place="OPS",
    updated=NOW - timedelta(hours=3),
    author="Ben",
    status="Done",
)
ANSWER = Answer(
    text="Use the **client** [1]. It may drop [2].", found=True, citations=(PAGE, COMMENT), model="m"
)


def context(text: str) -> dict[str, Any]:
    """A small line."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def fits(message: Message) -> bool:
    """Whether Slack takes the message; raises what it would say."""
    check_blocks([dict(block) for block in message.blocks])
    return 0 < len(message.text) <= 4_000


def test_an_answer_is_its_text_and_then_its_sources() -> None:
    """Number, linked title, place, part, age and status."""
    [message] = answer_messages(ANSWER, in_channel=True, now=NOW)
    assert message == Message(
        text="Use the client.",
        blocks=(
            {"type": "markdown", "text": "Use the **client** [1]. It may drop [2]."},
            context("*Sources*"),
            context(
                "*[1]* <https://wiki.example.com/pages/1?x=1&amp;y=2#setup|VPN &lt;handbook&gt; ¦ 2026>"
                " · IT · Setup › Laptop · updated 3 weeks ago"
            ),
            context(
                "*[2]* <https://jira.example.com/browse/OPS-9?focusedCommentId=5|VPN drops>"
                " · OPS · comment by Ben · updated today · Done"
            ),
        ),
    )
    assert fits(message)


def test_a_quoted_answer_says_so() -> None:
    """When no model has written it."""
    [message] = answer_messages(replace(ANSWER, model="extractive"), in_channel=False, now=NOW)
    assert message.blocks[1] == context("Quoted directly from the sources; no language model wrote this.")


def test_nothing_found_offers_the_nearest_sources() -> None:
    """Without numbers, for nothing cites them; in a channel with a hint that is always the same."""
    lost = Answer(text="I do not know.", found=False, citations=(), nearest=(COMMENT,), model="extractive")
    [direct] = answer_messages(lost, in_channel=False, now=NOW)
    assert direct.blocks[1] == context("*The nearest that I found*")
    assert direct.blocks[2]["elements"][0]["text"].startswith("• <https://jira.example.com")
    [shared] = answer_messages(lost, in_channel=True, now=NOW)
    assert shared.blocks == (*direct.blocks, context(CHANNEL_HINT))


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        (0, "today"),
        (1, "yesterday"),
        (2, "2 days ago"),
        (7, "1 week ago"),
        (29, "4 weeks ago"),
        (40, "1 month ago"),
        (800, "2 years ago"),
        (-3, "today"),
    ],
)
def test_the_age_of_a_source_is_in_words(days: int, shown: str) -> None:
    """A clock that is ahead makes no negative age."""
    line = source_line(replace(PAGE, updated=NOW - timedelta(days=days)), numbered=True, now=NOW)
    assert line.endswith(f" · updated {shown}")


@pytest.mark.parametrize(
    ("markdown", "sentence"),
    [
        ("Use the client [1][2]. Then log in.", "Use the client."),
        ("## Setup\n\nFirst do this.", "Setup"),
        ("- **Install** the `client`\n- Log in", "Install the client"),
        ("See [the guide](https://x.example/a.b) first. Then go.", "See the guide first."),
        ("Ask <!channel> now.", "Ask &lt;!channel&gt; now."),
        ("", "Here is what I found."),
        ("word " * 100, ("word " * 39).strip() + "…"),
    ],
)
def test_the_notification_is_the_first_sentence(markdown: str, sentence: str) -> None:
    """Plain and escaped: it is read on telephones and by screen readers."""
    assert first_sentence(markdown) == sentence


CITATIONS = st.builds(
    Citation,
    number=st.integers(1, 99),
    title=st.text(max_size=400),
    url=st.one_of(
        st.text(max_size=60),
        st.just("https://x.example/" + "a" * 5_000),
        st.just("https://x.example/?a=<b>|"),
    ),
    external_id=st.just("X-1"),
    kind=st.sampled_from(["section", "comment", "solution"]),
    place=st.text(max_size=300),
    heading=st.text(max_size=300),
    author=st.one_of(st.none(), st.text(max_size=300)),
    status=st.one_of(st.none(), st.text(max_size=300)),
)
TEXTS = st.one_of(
    st.text(max_size=300),
    st.builds(
        lambda piece, count: piece * count,
        st.text("<@U1! `\n.a[](http://x", min_size=1, max_size=30),
        st.integers(1, 2_000),
    ),
)


@given(TEXTS, st.lists(CITATIONS, max_size=60), st.booleans())
def test_whatever_is_answered_slack_takes_it(text: str, citations: list[Citation], found: bool) -> None:
    """Length of blocks and messages, number of blocks, no empty text."""
    answer = Answer(
        text=text or "x",
        found=found,
        citations=tuple(citations) if found else (),
        nearest=() if found else tuple(citations),
        model="m",
    )
    messages = answer_messages(answer, in_channel=True, now=NOW)
    assert all(fits(message) for message in messages)
    lines = sum(1 for message in messages for block in message.blocks if block["type"] == "context")
    assert lines >= len(citations)


@pytest.mark.parametrize(
    "message",
    [
        notices.searching(),
        notices.step("Searching <!channel>"),
        notices.help_message(),
        notices.too_long(100_000),
        notices.shared_channel(),
        notices.external_asker(),
        notices.failure("abc123"),
    ],
    ids=lambda message: message.text[:20],
)
def test_what_lorebot_says_of_itself_fits(message: Message) -> None:
    """And notifies nobody."""
    assert fits(message)
    assert "<!" not in str(message)


def a_run(state: RunState, **changes: Any) -> Run:
    """A run of the wiki."""
    run = Run(
        id=1,
        source="wiki",
        passes=EVERYTHING,
        full=False,
        requested_by="U1",
        state=state,
        phase=None,
        done=None,
        total=None,
        report=None,
        error=None,
        requested_at=NOW,
        started_at=None,
        finished_at=None,
    )
    return replace(run, **changes)


@pytest.mark.parametrize(
    ("run", "shown"),
    [
        (a_run(RunState.WAITING), "*wiki* waits for a worker"),
        (a_run(RunState.RUNNING), "*wiki* starting"),
        (a_run(RunState.RUNNING, phase="embedding", done=5), "*wiki* embedding 5"),
        (
            a_run(RunState.RUNNING, phase="embedding", done=1_500, total=2_000),
            "*wiki* embedding 1,500 of 2,000",
        ),
        (
            a_run(RunState.DONE, report={"documents": 7, "seconds": 1.25}),
            "7 documents (nothing changed) in 1.2 s",
        ),
        (a_run(RunState.FAILED, error="Jira <refused>."), "*wiki* failed: Jira &lt;refused&gt;."),
    ],
)
def test_a_refresh_tells_how_far_it_is(run: Run, shown: str) -> None:
    """From waiting to its figures."""
    message = progress_message([run], admin="U1")
    assert fits(message)
    assert shown in str(message.blocks)


def test_hundreds_of_sources_fit_into_one_status() -> None:
    """With an error each."""
    names = [f"source-{number}" for number in range(300)]
    statuses = [
        SourceStatus(
            name=name,
            documents=10,
            chunks=20,
            embedded=20,
            failed=1,
            last_started=NOW,
            last_finished=NOW - timedelta(minutes=5),
            last_error="x" * 500,
            watermark=NOW,
            waiting=3,
            last_changes=NOW,
            last_sweep=None,
            last_permissions=NOW,
            refused=["refusing to delete 43 % of ENG"],
        )
        for name in names
    ]
    overview = Overview(sources=statuses, runs=[], configured=names, open_questions=1, model="m")
    assert fits(status_message(overview, figures=True, now=NOW))
    assert fits(sources_message(overview, figures=True))
    assert "*1* question in the queue" in str(status_message(overview, figures=True, now=NOW).blocks)
