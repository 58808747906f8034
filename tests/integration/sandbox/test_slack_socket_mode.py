"""A real Bolt app lives in the sandbox over Socket Mode: events, commands, buttons, modals, redelivery."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.models import AppSecrets, Timing
from sandbox.slack.serving import RunningSlack, serve_slack
from sandbox.slack.workspace import load_workspace

SECRETS = AppSecrets(bot_token="xoxb-test", app_token="xapp-test", signing_secret="test-secret")
MANIFEST = {
    "display_information": {"name": "Atlas"},
    "features": {
        "bot_user": {"display_name": "atlas"},
        "app_home": {"home_tab_enabled": True},
        "slash_commands": [{"command": "/ask"}, {"command": "/slow"}],
        "shortcuts": [{"name": "Ask about this", "type": "message", "callback_id": "ask_message"}],
    },
    "settings": {
        "socket_mode_enabled": True,
        "event_subscriptions": {
            "bot_events": [
                "app_mention",
                "message.channels",
                "message.groups",
                "message.im",
                "app_home_opened",
                "member_joined_channel",
                "member_left_channel",
                "reaction_added",
                "agent_session_stopped",
            ]
        },
    },
}
SITE = {
    "users": [
        {"id": "U1", "name": "ada", "real_name": "Ada Abbot", "email": "ada@example.com"},
        {"id": "U2", "name": "ben", "real_name": "Ben Baker", "email": "ben@example.com"},
        {
            "id": "U3",
            "name": "eve",
            "real_name": "Eve Elm",
            "email": "eve@other.example",
            "is_stranger": True,
        },
    ],
    "channels": [
        {"id": "C1", "name": "general", "members": ["U1", "U2"]},
        {"id": "C2", "name": "secret", "members": ["U1"], "is_private": True},
        {"id": "C3", "name": "vendor", "members": ["U1", "U3"], "is_ext_shared": True},
    ],
}
FAST = Timing(ack_timeout=0.3, retry_delays=(0.05, 0.05, 0.05), queue_without_socket=5)

Connect = Callable[[AsyncApp], Awaitable[AsyncSocketModeHandler]]


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    """A sandbox with fast clocks."""
    async with serve_slack(load_workspace(SITE, manifest=MANIFEST, secrets=SECRETS, timing=FAST)) as running:
        yield running


@pytest.fixture
def bolt(slack: RunningSlack) -> AsyncApp:
    """A Bolt app whose client talks to the sandbox."""
    return AsyncApp(client=AsyncWebClient(token=SECRETS.bot_token, base_url=slack.api_url))


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects apps over Socket Mode and closes them in the end."""
    async with AsyncExitStack() as closing:

        async def start(app: AsyncApp) -> AsyncSocketModeHandler:
            handler = AsyncSocketModeHandler(app, SECRETS.app_token)
            await handler.connect_async()
            closing.push_async_callback(handler.close_async)
            return handler

        yield start


class Seen:
    """Collects what listeners receive; `next` waits for one."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def next(self) -> Any:
        """The next thing received, within five seconds."""
        return await asyncio.wait_for(self.queue.get(), 5)


async def test_a_mention_arrives_as_app_mention_and_as_message(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """Both carry the encoded text, the same ts and an envelope of their own."""
    seen = Seen()

    @bolt.event("app_mention")
    async def on_mention(body: dict[str, Any], say: Any) -> None:
        seen.queue.put_nowait(body)
        await say(text="Hello", thread_ts=body["event"]["ts"])

    @bolt.event("message")
    async def on_message(body: dict[str, Any]) -> None:
        seen.queue.put_nowait(body)

    await connect(bolt)
    ts = await slack.admin.say("ada@example.com", "general", "@Atlas is 1 < 2 & who is @Ben Baker?")
    bodies = [await seen.next(), await seen.next()]
    assert {body["event"]["type"] for body in bodies} == {"app_mention", "message"}
    assert len({body["event_id"] for body in bodies}) == 2
    for body in bodies:
        bot = body["authorizations"][0]["user_id"]
        assert body["event"]["text"] == f"<@{bot}> is 1 &lt; 2 &amp; who is <@U2>?"
        assert (body["event"]["ts"], body["event"]["user"], body["event"]["channel"]) == (ts, "U1", "C1")
        assert body["event"]["client_msg_id"]
        assert body["is_ext_shared_channel"] is False
    assert next(b["event"] for b in bodies if b["event"]["type"] == "message")["channel_type"] == "channel"
    [answer] = await slack.admin.wait("general", thread_ts=ts)
    assert (answer["text"], answer["thread_ts"]) == ("Hello", ts)


async def test_a_direct_message_arrives_as_message_im_only(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """Naming the app in a direct message makes no app_mention."""
    seen = Seen()

    @bolt.event("app_mention")
    @bolt.event("message")
    async def on_any(event: dict[str, Any]) -> None:
        seen.queue.put_nowait(event)

    await connect(bolt)
    await slack.admin.say("Ada Abbot", "app", "@Atlas hi")
    event = await seen.next()
    assert (event["type"], event["channel_type"]) == ("message", "im")
    assert event["channel"].startswith("D")
    assert len((await slack.admin.call("GET", "events"))["events"]) == 1


async def test_edits_deletions_and_memberships_are_told(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """message_changed, message_deleted, reaction_added and the membership events reach the app."""
    seen = Seen()

    for name in ("message", "member_joined_channel", "member_left_channel", "reaction_added"):

        @bolt.event(name)
        async def on_event(event: dict[str, Any]) -> None:
            seen.queue.put_nowait(event)

    await connect(bolt)
    ts = await slack.admin.say("ada", "general", "first")
    assert (await seen.next())["text"] == "first"
    await slack.admin.call("POST", "messages/edit", user="ada", channel="general", ts=ts, text="second")
    changed = await seen.next()
    assert changed["subtype"] == "message_changed"
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("second", "first")
    assert changed["message"]["edited"]["user"] == "U1"
    await slack.admin.call("POST", "reactions", user="ben", channel="general", ts=ts, name="eyes")
    assert (await seen.next())["item"] == {"type": "message", "channel": "C1", "ts": ts}
    await slack.admin.call("POST", "messages/delete", user="ada", channel="general", ts=ts)
    assert (await seen.next())["deleted_ts"] == ts
    await slack.admin.call("POST", "channels/general/members", users=["U3"], inviter="U1")
    joined = await seen.next()
    assert (joined["type"], joined["user"], joined["inviter"]) == ("member_joined_channel", "U3", "U1")
    await slack.admin.call("DELETE", "channels/general/members/U3")
    assert (await seen.next())["type"] == "member_left_channel"


async def test_an_event_without_acknowledgement_comes_again_with_the_reason(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """Bolt answers 404 for an event without listener, so the sandbox repeats it three times and gives up."""
    seen = Seen()

    @bolt.middleware
    async def note(req: Any, body: dict[str, Any], next_: Callable[[], Awaitable[None]]) -> None:
        number = req.headers.get("x-slack-retry-num", ["0"])[0]
        reason = req.headers.get("x-slack-retry-reason", [""])[0]
        seen.queue.put_nowait((body["event_id"], number, reason))
        await next_()

    await connect(bolt)
    await slack.admin.say("ada", "general", "nobody listens")
    deliveries = [await seen.next() for _ in range(4)]
    assert len({event_id for event_id, _, _ in deliveries}) == 1
    assert [(number, reason) for _, number, reason in deliveries] == [
        ("0", ""),
        ("1", "timeout"),
        ("2", "timeout"),
        ("3", "timeout"),
    ]


async def test_an_acknowledged_event_can_be_delivered_again_on_purpose(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """The repeated event has the same event_id."""
    seen = Seen()

    @bolt.event("message")
    async def on_message(body: dict[str, Any]) -> None:
        seen.queue.put_nowait(body["event_id"])

    await connect(bolt)
    await slack.admin.say("ada", "general", "once")
    first = await seen.next()
    assert (await slack.admin.call("POST", "redeliver"))["event_id"] == first
    assert await seen.next() == first


async def test_events_wait_for_a_socket_and_go_to_one_of_several(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """Written before any app is connected, read once one is; later ones are shared out."""
    first, second = Seen(), Seen()
    other = AsyncApp(client=AsyncWebClient(token=SECRETS.bot_token, base_url=slack.api_url))

    @bolt.event("message")
    async def on_first(event: dict[str, Any]) -> None:
        first.queue.put_nowait(event["text"])

    @other.event("message")
    async def on_second(event: dict[str, Any]) -> None:
        second.queue.put_nowait(event["text"])

    await slack.admin.say("ada", "general", "early")
    await connect(bolt)
    assert await first.next() == "early"
    await connect(other)
    for number in range(4):
        await slack.admin.say("ada", "general", f"m{number}")
    texts = [await first.next(), await first.next(), await second.next(), await second.next()]
    assert sorted(texts) == ["m0", "m1", "m2", "m3"]


async def test_the_app_reconnects_after_a_disconnect_frame(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """slack_sdk asks for a new connection and goes on receiving."""
    seen = Seen()

    @bolt.event("message")
    async def on_message(event: dict[str, Any]) -> None:
        seen.queue.put_nowait(event["text"])

    await connect(bolt)
    assert (await slack.admin.call("POST", "disconnect", reason="refresh_requested"))["sockets"] == 1
    await slack.admin.say("ada", "general", "after")
    assert await seen.next() == "after"
    assert slack.sandbox.calls.counts["apps.connections.open"] == 2


async def test_a_command_shows_the_acknowledgement_and_later_answers_to_its_person_only(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """The payload of the acknowledgement is ephemeral; response_url can also post for everybody."""

    @bolt.command("/ask")
    async def on_ask(ack: Any, respond: Any, command: dict[str, Any]) -> None:
        await ack(f"Searching for {command['text']}")
        await respond("for you")
        await respond(text="for all", response_type="in_channel")

    await connect(bolt)
    result = await slack.admin.command("ada", "general", "/ask", "vpn")
    assert result["acknowledged"]
    assert result["message"]["text"] == "Searching for vpn"
    found = await slack.admin.wait("general", user="ada", count=3, after_ts=result["after_ts"])
    assert {message["text"] for message in found} == {"Searching for vpn", "for you", "for all"}
    assert [message["text"] for message in await slack.admin.messages("general", user="ben")] == ["for all"]


async def test_a_command_that_is_not_acknowledged_fails_with_a_timeout(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """As the person would see it in Slack: operation_timeout."""
    release = asyncio.Event()

    @bolt.command("/slow")
    async def on_slow(ack: Any) -> None:
        await release.wait()
        await ack()

    await connect(bolt)
    result = await slack.admin.command("ada", "general", "/slow")
    release.set()
    assert (result["acknowledged"], result["error"]) == (False, "operation_timeout")


async def test_buttons_and_feedback_reach_the_app_and_can_replace_their_message(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """A button of an ephemeral message replaces it by response_url;
    feedback carries the chosen side's value.
    """
    seen = Seen()

    @bolt.action("share")
    async def on_share(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        seen.queue.put_nowait(body)
        await respond(text="Shared", replace_original=True)

    @bolt.action("rate")
    async def on_rate(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        seen.queue.put_nowait(body)

    await connect(bolt)
    button = {
        "type": "button",
        "action_id": "share",
        "value": "42",
        "text": {"type": "plain_text", "text": "Share"},
    }
    sides = {
        f"{side}_button": {"text": {"type": "plain_text", "text": side}, "value": f"{side}-7"}
        for side in ("positive", "negative")
    }
    posted = await bolt.client.chat_postEphemeral(
        channel="C1", user="U1", text="only you", blocks=[{"type": "actions", "elements": [button]}]
    )
    await slack.admin.act("ada", "general", posted["message_ts"], "share")
    body = await seen.next()
    assert body["actions"][0]["value"] == "42"
    assert body["container"]["is_ephemeral"] is True
    assert "message" not in body
    [replaced] = await slack.admin.wait("general", user="ada", contains="Shared")
    assert replaced["ts"] == posted["message_ts"]

    feedback = {"type": "feedback_buttons", "action_id": "rate", **sides}
    public = await bolt.client.chat_postMessage(
        channel="C1", text="answer", blocks=[{"type": "context_actions", "elements": [feedback]}]
    )
    await slack.admin.act("ben", "general", public["ts"], "rate", "negative")
    body = await seen.next()
    assert (body["actions"][0]["type"], body["actions"][0]["value"]) == ("feedback_buttons", "negative-7")
    assert body["message"]["ts"] == public["ts"]
    assert body["user"]["id"] == "U2"


async def test_a_modal_opens_reports_errors_and_closes(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """Shortcut -> views.open -> submission with an error -> corrected submission."""
    seen = Seen()
    modal = {
        "type": "modal",
        "callback_id": "reason",
        "private_metadata": "m1",
        "title": {"type": "plain_text", "text": "What was wrong?"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [
            {
                "type": "input",
                "block_id": "why",
                "label": {"type": "plain_text", "text": "Why"},
                "element": {"type": "plain_text_input", "action_id": "text"},
            },
            {
                "type": "input",
                "block_id": "kind",
                "label": {"type": "plain_text", "text": "Kind"},
                "element": {
                    "type": "static_select",
                    "action_id": "choice",
                    "options": [
                        {"text": {"type": "plain_text", "text": each}, "value": each} for each in "ab"
                    ],
                },
            },
        ],
    }

    @bolt.shortcut("ask_message")
    async def on_shortcut(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal)
        seen.queue.put_nowait(body["message"]["text"])

    @bolt.view("reason")
    async def on_submit(ack: Any, view: dict[str, Any]) -> None:
        values = view["state"]["values"]
        if values["why"]["text"]["value"] == "bad":
            await ack(response_action="errors", errors={"why": "Say more"})
            return
        await ack()
        seen.queue.put_nowait((view["private_metadata"], values))

    await connect(bolt)
    ts = await slack.admin.say("ada", "secret", "look at this")
    await slack.admin.call(
        "POST", "shortcuts", user="ada", callback_id="ask_message", channel="secret", message_ts=ts
    )
    assert await seen.next() == "look at this"
    assert len((await slack.admin.call("GET", "views", user="ada", timeout=5))["views"]) == 1
    refused = await slack.admin.call("POST", "views/submit", user="ada", values={"why": "bad", "kind": "b"})
    assert refused["errors"] == {"why": "Say more"}
    assert len((await slack.admin.call("GET", "views", user="ada"))["views"]) == 1
    await slack.admin.call("POST", "views/submit", user="ada", values={"why": "outdated", "kind": "b"})
    metadata, values = await seen.next()
    assert metadata == "m1"
    assert values["why"]["text"] == {"type": "plain_text_input", "value": "outdated"}
    assert values["kind"]["choice"]["selected_option"]["value"] == "b"
    assert (await slack.admin.call("GET", "views", user="ada"))["views"] == []


async def test_the_home_tab_is_published_when_it_is_opened(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """app_home_opened -> views.publish, and the next opening carries the view."""
    seen = Seen()

    @bolt.event("app_home_opened")
    async def on_home(event: dict[str, Any], client: AsyncWebClient) -> None:
        if event["tab"] == "home":
            await client.views_publish(
                user_id=event["user"],
                view={"type": "home", "blocks": [{"type": "divider"}]},
            )
        seen.queue.put_nowait(event)

    await connect(bolt)
    await slack.admin.call("POST", "home", user="ada", tab="home")
    assert "view" not in await seen.next()
    await slack.admin.call("POST", "home", user="ada", tab="home")
    assert (await seen.next())["view"]["type"] == "home"
    assert (await slack.admin.call("GET", "views", user="ada"))["home"]["blocks"][0]["type"] == "divider"


async def test_the_stop_button_names_the_messages_that_are_being_streamed(
    slack: RunningSlack, bolt: AsyncApp, connect: Connect
) -> None:
    """agent_session_stopped carries the open streams of the thread."""
    seen = Seen()

    @bolt.event("agent_session_stopped")
    async def on_stop(event: dict[str, Any]) -> None:
        seen.queue.put_nowait(event)

    @bolt.event("message")
    async def on_message() -> None:
        """Only acknowledges."""

    await connect(bolt)
    ts = await slack.admin.say("ada", "general", "long question")
    stream = await bolt.client.chat_startStream(
        channel="C1", thread_ts=ts, recipient_user_id="U1", recipient_team_id="T0SANDBOX", markdown_text="a"
    )
    await slack.admin.call("POST", "stop", user="ada", channel="general", thread_ts=ts)
    assert (await seen.next())["streaming_message_ts"] == [stream["ts"]]
