"""What a person sees when Slack, the model, the process or the network fails: an answer, or an honest line."""

from __future__ import annotations

import asyncio
import socket
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from psycopg_pool import ConnectionPool

from bot.app import create_bot
from bot.config import SlackConfig
from bot.errors import BotError, SlackRefusedError
from inference.answers import Answer
from sandbox.slack.serving import RunningSlack, serve_slack
from sandbox.slack.workspace import load_workspace


async def fault(slack: RunningSlack, method: str, **values: Any) -> None:
    await slack.admin.call("POST", "faults", method=method, **values)


def row(pool: ConnectionPool) -> dict[str, Any]:
    """The only message of the inbox."""
    with pool.connection() as connection:
        [found] = connection.execute(
            "select state, attempts, reference, reply, posted, lease_until from inbox"
        ).fetchall()
    return dict(zip(("state", "attempts", "reference", "reply", "posted", "lease_until"), found, strict=True))


def in_state(pool: ConnectionPool, state: str) -> dict[str, Any] | None:
    """The only message of the inbox, when it is in this state."""
    with pool.connection() as connection:
        stored = connection.execute("select from inbox where state = %s", [state]).fetchone()
    return row(pool) if stored is not None else None


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 429, "headers": {"Retry-After": "1"}, "body": {"ok": False, "error": "ratelimited"}},
        {"status": 500, "body": {"ok": False, "error": "internal_error"}},
    ],
    ids=["rate limit", "server error"],
)
async def test_an_edit_that_slack_refuses_for_the_moment_is_repeated(
    slack: RunningSlack,
    start_bot: Any,
    assistant: Any,
    pool: ConnectionPool,
    failure: dict[str, Any],
    eventually: Any,
) -> None:
    """The answer arrives, once."""
    await start_bot()
    await fault(slack, "chat.update", times=1, **failure)
    ts = await slack.admin.say("ada", "app", "patience")
    messages = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About patience")
    assert len(messages) == 1
    assert (await eventually(partial(in_state, pool, "answered")))["attempts"] == 1


async def test_an_answer_that_could_not_be_delivered_is_delivered_later_without_asking_again(
    slack: RunningSlack, start_bot: Any, assistant: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """Every retry of the first attempt meets a 500; the second attempt edits the same placeholder."""
    await start_bot()
    await fault(slack, "chat.update", status=500, body={"ok": False, "error": "internal_error"}, times=3)
    ts = await slack.admin.say("ada", "app", "later")
    messages = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About later", timeout=20)
    assert len(messages) == 1
    assert (await eventually(partial(in_state, pool, "answered")))["attempts"] == 2
    assert assistant.questions == ["later"]


async def test_the_unexpected_is_told_with_a_reference_that_the_log_holds(
    slack: RunningSlack, start_bot: Any, assistant: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """After three attempts; the exception's words stay in the log."""

    def explode(question: str) -> Answer:
        raise RuntimeError("the secret word")

    assistant.reply = explode
    with structlog.testing.capture_logs() as logs:
        await start_bot()
        ts = await slack.admin.say("ada", "app", "hello?")
        [message] = await slack.admin.wait(
            "app", user="ada", thread_ts=ts, contains="Something went wrong on my side", timeout=20
        )
        failed = await eventually(partial(in_state, pool, "failed"))
    assert f"reference {failed['reference']}" in message["text"]
    assert "secret word" not in str(message)
    assert failed["reference"] in [
        line.get("reference") for line in logs if line["event"] == "answer_given_up"
    ]
    assert len(assistant.asked) == 3


async def test_a_deleted_placeholder_is_posted_again(
    slack: RunningSlack, start_bot: Any, assistant: Any
) -> None:
    """Somebody tidied up while the model was thinking."""
    await start_bot()
    assistant.gate.clear()
    ts = await slack.admin.say("ada", "app", "tidy")
    [placeholder] = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="Searching")
    workspace = slack.sandbox.workspace
    workspace.delete(
        next(m[placeholder["ts"]] for m in workspace.messages.values() if placeholder["ts"] in m)
    )
    assistant.gate.set()
    [answer] = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About tidy")
    assert answer["ts"] != placeholder["ts"]


async def test_a_conversation_that_slack_has_closed_is_given_up_at_once(
    slack: RunningSlack, start_bot: Any, assistant: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """Nobody can be told, so the log is."""
    await start_bot()
    await fault(slack, "chat.postMessage", body={"ok": False, "error": "is_archived"}, times=9)
    await slack.admin.say("ada", "app", "anybody?")
    failed = await eventually(partial(in_state, pool, "failed"))
    assert (failed["attempts"], assistant.asked) == (1, [])
    assert failed["reference"]


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("users.info", "missing_scope"),
        ("conversations.info", "channel_not_found"),
        ("conversations.members", "missing_scope"),
    ],
)
async def test_a_look_up_that_slack_refuses_is_apologised_for(
    slack: RunningSlack,
    start_bot: Any,
    assistant: Any,
    pool: ConnectionPool,
    eventually: Any,
    method: str,
    error: str,
) -> None:
    """At once, in place of the placeholder: the conversation itself is open."""
    await start_bot()
    await fault(slack, method, body={"ok": False, "error": error}, times=9)
    ts = await slack.admin.say("ada", "general", "@Lorebot anybody?")
    [message] = await slack.admin.wait("general", thread_ts=ts, contains="Something went wrong on my side")
    failed = await eventually(partial(in_state, pool, "failed"))
    assert f"reference {failed['reference']}" in message["text"]
    assert (failed["attempts"], failed["posted"], assistant.asked) == (1, [message["ts"]], [])


async def test_an_apology_needs_no_look_into_the_thread(
    slack: RunningSlack, start_bot: Any, assistant: Any
) -> None:
    """When reading the thread is refused, what is known to be posted is edited."""

    def explode(question: str) -> Answer:
        raise RuntimeError("no")

    assistant.reply = explode
    await start_bot()
    await fault(slack, "conversations.replies", body={"ok": False, "error": "missing_scope"}, times=9)
    ts = await slack.admin.say("ada", "general", "@Lorebot anybody?")
    await slack.admin.wait("general", thread_ts=ts, contains="Something went wrong on my side")
    assert len(await slack.admin.wait("general", thread_ts=ts)) == 1


async def test_a_message_that_could_not_be_stored_is_delivered_again(
    slack: RunningSlack, start_bot: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """It is acknowledged only when it is in the inbox."""
    await start_bot()
    with pool.connection() as connection:
        connection.execute("alter table inbox rename to inbox_away")
    ts = await slack.admin.say("ada", "app", "hold on")
    await eventually(lambda: slack.sandbox.delivery.events)
    # Long enough for the first delivery to fail, short enough for the next one to come.
    await asyncio.sleep(0.1)
    with pool.connection() as connection:
        connection.execute("alter table inbox_away rename to inbox")
    await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About hold on")
    assert row(pool)["attempts"] == 1


async def test_a_lost_connection_is_made_again(slack: RunningSlack, start_bot: Any) -> None:
    """Slack asks its clients to reconnect about every hour."""
    await start_bot()
    await slack.admin.call("POST", "disconnect")
    ts = await slack.admin.say("ada", "app", "still there?")
    await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About still there", timeout=20)


async def test_stopping_lets_a_running_answer_finish(
    slack: RunningSlack, start_bot: Any, assistant: Any, pool: ConnectionPool
) -> None:
    """Within the grace time."""
    bot = await start_bot()
    assistant.gate.clear()
    ts = await slack.admin.say("ada", "app", "last words")
    await assistant.was_asked(1)
    stopping = asyncio.create_task(bot.stop())
    await asyncio.sleep(0.2)
    assistant.gate.set()
    await stopping
    assert row(pool)["state"] == "answered"
    await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About last words")


async def test_what_does_not_finish_in_the_grace_time_is_left_to_the_next_process(
    slack: RunningSlack, start_bot: Any, assistant: Any, pool: ConnectionPool
) -> None:
    """It does not count as an attempt, and the next process edits the same message."""
    bot = await start_bot(grace_seconds=0.1)
    assistant.gate.clear()
    ts = await slack.admin.say("ada", "app", "handed over")
    await assistant.was_asked(1)
    await bot.stop()
    left = row(pool)
    assert (left["state"], left["attempts"], len(left["posted"])) == ("new", 0, 1)
    assistant.gate.set()
    await start_bot()
    messages = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About handed over")
    assert len(messages) == 1


async def test_a_message_that_was_posted_just_before_a_crash_is_found_again(
    slack: RunningSlack, start_bot: Any, assistant: Any, pool: ConnectionPool
) -> None:
    """Slack took it, and nobody had written that down."""
    ts = await slack.admin.say("ada", "general", "@Lorebot twice?")
    workspace = slack.sandbox.workspace
    with pool.connection() as connection:
        stored = connection.execute(
            "insert into inbox (team, channel, ts, thread_ts, event_id, user_id, text, state, attempts, claims,"
            " lease_until) values (%s, 'C1', %s, %s, 'Ev1', 'U1', 'twice?', 'working', 1, 1,"
            " now() - interval '1 s') returning id",
            [workspace.team_id, ts, ts],
        ).fetchone()
    assert stored is not None
    metadata = {"event_type": "lorebot_reply", "event_payload": {"item": stored[0], "place": 0}}
    orphan = workspace.post(
        channel=workspace.channels["C1"],
        user=workspace.bot,
        text="Searching…",
        thread_ts=ts,
        metadata=metadata,
    )
    await start_bot()
    [answer] = await slack.admin.wait("general", thread_ts=ts, contains="About twice")
    assert answer["ts"] == orphan.ts


async def test_a_post_that_was_under_way_when_the_bot_stopped_is_not_repeated(
    slack: RunningSlack, start_bot: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """The attempt does not count, yet Slack has taken the message."""
    bot = await start_bot(grace_seconds=0.1)
    await fault(slack, "chat.postMessage", delay=3.0)
    ts = await slack.admin.say("ada", "general", "@Lorebot once?")
    await eventually(lambda: slack.sandbox.calls.counts["chat.postMessage"])
    await bot.stop()
    left = row(pool)
    assert (left["state"], left["attempts"], left["posted"]) == ("new", 0, [])
    workspace = slack.sandbox.workspace
    orphan = workspace.post(
        channel=workspace.channels["C1"],
        user=workspace.bot,
        text="Searching…",
        thread_ts=ts,
        metadata={"event_type": "lorebot_reply", "event_payload": {"item": item_id(pool), "place": 0}},
    )
    await start_bot()
    [answer] = await slack.admin.wait("general", thread_ts=ts, contains="About once")
    assert answer["ts"] == orphan.ts
    assert len(await slack.admin.wait("general", thread_ts=ts)) == 1


async def test_a_process_that_slept_through_its_lease_delivers_nothing(
    slack: RunningSlack, start_bot: Any, assistant: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """Its successor does; the one that wakes up neither edits nor apologises."""
    await start_bot()
    assistant.gate.clear()
    ts = await slack.admin.say("ada", "app", "who answers?")
    await assistant.was_asked(1)
    taken_by_another(pool)
    with structlog.testing.capture_logs() as logs:
        assistant.gate.set()
        await eventually(lambda: [line for line in logs if line["event"] == "claim_lost"])
    [message] = await slack.admin.wait("app", user="ada", thread_ts=ts)
    assert "Searching" in message["text"]
    assert (row(pool)["state"], row(pool)["reply"]) == ("working", None)


async def test_a_process_that_lost_its_claim_stops_working_on_it(
    slack: RunningSlack, start_bot: Any, assistant: Any, pool: ConnectionPool, eventually: Any
) -> None:
    """It notices when it renews the lease, while the model is still thinking."""
    await start_bot(lease_seconds=0.9)
    assistant.gate.clear()
    await slack.admin.say("ada", "app", "who answers?")
    await assistant.was_asked(1)
    with structlog.testing.capture_logs() as logs:
        taken_by_another(pool)
        await eventually(lambda: [line for line in logs if line["event"] == "claim_lost"])
    assert row(pool)["state"] == "working"


def item_id(pool: ConnectionPool) -> int:
    """The id of the only message of the inbox."""
    with pool.connection() as connection:
        [(found,)] = connection.execute("select id from inbox").fetchall()
    return int(found)


def taken_by_another(pool: ConnectionPool) -> None:
    """What another process does when the lease is over."""
    with pool.connection() as connection:
        connection.execute(
            "update inbox set claims = claims + 1, attempts = attempts + 1,"
            " lease_until = now() + interval '1 hour'"
        )


async def test_a_post_whose_fate_is_unknown_is_not_repeated_blindly(
    slack: RunningSlack, start_bot: Any, pool: ConnectionPool
) -> None:
    """After a 500 the thread is read before anything is posted again."""
    await start_bot()
    await fault(slack, "chat.postMessage", status=500, body={"ok": False, "error": "internal_error"}, times=1)
    ts = await slack.admin.say("ada", "app", "did it arrive?")
    messages = await slack.admin.wait(
        "app", user="ada", thread_ts=ts, contains="About did it arrive", timeout=20
    )
    assert len(messages) == 1
    calls = [
        name for name, _ in slack.sandbox.calls.calls if name in ("chat.postMessage", "conversations.replies")
    ]
    assert calls == ["chat.postMessage", "conversations.replies", "chat.postMessage"]


DOOMED = """
import asyncio, sys, time
from psycopg_pool import ConnectionPool
from bot.app import create_bot
from bot.config import SlackConfig

class Doomed:
    def ask(self, question, *, thread, audience, on_step=None):
        print("asked", flush=True)
        time.sleep(600)

async def main(database, api):
    with ConnectionPool(database) as pool:
        config = SlackConfig(bot_token="xoxb-test", app_token="xapp-test", base_url=api, lease_seconds=1.0)
        bot = create_bot(config, pool=pool, assistant=Doomed(), reindex=None, source_names=[], model="none")
        await bot.start()
        print("ready", flush=True)
        await asyncio.sleep(600)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_process_loses_no_question_and_answers_none_twice(
    slack: RunningSlack,
    start_bot: Any,
    assistant: Any,
    pool: ConnectionPool,
    database_url: str,
    eventually: Any,
) -> None:
    """kill -9 while the model is thinking: another process goes on when the lease is over."""
    doomed = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DOOMED,
        database_url,
        slack.api_url,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert doomed.stdout is not None
    try:
        await _line(doomed.stdout, "ready")
        ts = await slack.admin.say("ada", "app", "survive")
        await _line(doomed.stdout, "asked")
    finally:
        doomed.kill()
        await doomed.wait()
    assert row(pool)["state"] == "working"
    await start_bot()
    messages = await slack.admin.wait("app", user="ada", thread_ts=ts, contains="About survive", timeout=20)
    assert len(messages) == 1
    assert (await eventually(partial(in_state, pool, "answered")))["attempts"] == 2


async def _line(stream: asyncio.StreamReader, wanted: str) -> None:
    """Read until a line says this; the log's lines are passed over."""
    async with asyncio.timeout(30):
        while line := await stream.readline():
            if line.decode().strip() == wanted:
                return
    raise AssertionError(f"the process ended before it said {wanted!r}")


async def test_a_refused_bot_token_is_explained(
    config: SlackConfig, pool: ConnectionPool, assistant: Any
) -> None:
    """One sentence for the admin, without the token."""
    bot = create_bot(
        replace(config, bot_token="xoxb-wrong"),
        pool=pool,
        assistant=assistant,
        reindex=None,  # type: ignore[arg-type]
        source_names=[],
        model="m",
    )
    with pytest.raises(SlackRefusedError, match=r"slack\.bot_token") as refused:
        await bot.start()
    assert "xoxb-wrong" not in str(refused.value)


async def test_a_refused_app_token_is_explained(start_bot: Any) -> None:
    """It needs another scope than the bot token."""
    with pytest.raises(SlackRefusedError, match="connections:write"):
        await start_bot(app_token="xapp-wrong")


async def test_an_unreachable_slack_is_explained(start_bot: Any) -> None:
    """A wrong base URL, or no network."""
    with pytest.raises(SlackRefusedError, match=r"slack\.base_url"):
        await start_bot(base_url="http://127.0.0.1:9/api/")


async def test_a_bot_without_any_way_to_be_reached_is_refused(start_bot: Any) -> None:
    """Neither Socket Mode nor HTTP."""
    with pytest.raises(BotError, match=r"slack\.signing_secret"):
        await start_bot(app_token=None)


async def test_over_http_signed_events_are_answered_and_others_refused(
    slack: RunningSlack, start_bot: Any, config: SlackConfig
) -> None:
    """Without an app token Slack posts to us."""
    manifest = slack_manifest_over_http()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    secrets = slack.sandbox.workspace.secrets
    site = {"users": [{"id": "U1", "name": "ada", "real_name": "Ada Abbot", "email": "ada@example.com"}]}
    async with serve_slack(load_workspace(site, manifest=manifest, secrets=secrets)) as over_http:
        await start_bot(
            base_url=over_http.api_url,
            app_token=None,
            signing_secret=secrets.signing_secret,
            http_host="127.0.0.1",
            http_port=port,
        )
        url = f"http://127.0.0.1:{port}/slack/events"
        await over_http.admin.call("POST", "events_url", url=url)
        ts = await over_http.admin.say("ada", "app", "over http")
        await over_http.admin.wait("app", user="ada", thread_ts=ts, contains="About over http")
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json={"type": "event_callback", "event": {"type": "message"}}) as response,
        ):
            assert response.status == 401


def slack_manifest_over_http() -> dict[str, Any]:
    """A manifest for HTTP mode."""
    events = {"request_url": "http://127.0.0.1:9/", "bot_events": ["message.im"]}
    return {
        "display_information": {"name": "Lorebot"},
        "settings": {"socket_mode_enabled": False, "event_subscriptions": events},
    }
