"""The Web API as slack_sdk's own client sees it: answers, limits, errors, paging, streams, planned failures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.models.messages.chunk import MarkdownTextChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.models import AppSecrets, Timing
from sandbox.slack.serving import AdminError, RunningSlack, serve_slack
from sandbox.slack.workspace import load_workspace

SECRETS = AppSecrets(bot_token="xoxb-test", app_token="xapp-test", signing_secret="test-secret")
MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Atlas"},
    "settings": {"socket_mode_enabled": True},
}
SITE = {
    "users": [
        {
            "id": f"U{number}",
            "name": f"p{number}",
            "real_name": f"Person {number}",
            "email": f"p{number}@x.example",
        }
        for number in range(1, 6)
    ],
    "channels": [
        {"id": "C1", "name": "general", "members": ["U1", "U2", "U3", "U4", "U5"], "topic": "All of us"},
        {"id": "C2", "name": "secret", "members": ["U1"], "is_private": True},
    ],
}


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    """A sandbox whose streams live for five minutes, as on Slack."""
    async with serve_slack(load_workspace(SITE, manifest=MANIFEST, secrets=SECRETS)) as running:
        yield running


@pytest.fixture
def client(slack: RunningSlack) -> AsyncWebClient:
    """slack_sdk's client with the bot token."""
    return AsyncWebClient(token=SECRETS.bot_token, base_url=slack.api_url)


async def refused(call: Any) -> dict[str, Any]:
    """The answer of a call that Slack refuses."""
    with pytest.raises(SlackApiError) as caught:
        await call
    answer: dict[str, Any] = caught.value.response.data
    return answer


def section(text: str) -> dict[str, Any]:
    """A section block."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(value: str = "") -> dict[str, Any]:
    """A button."""
    return {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "value": value}


async def test_tokens_are_checked(slack: RunningSlack) -> None:
    """No token, a wrong one, and the app token where the bot's is needed."""
    for token, error in (
        ("", "not_authed"),
        ("xoxb-other", "invalid_auth"),
        ("xapp-test", "not_allowed_token_type"),
    ):
        answer = await refused(AsyncWebClient(token=token, base_url=slack.api_url).auth_test())
        assert answer["error"] == error
    bot = AsyncWebClient(token="xoxb-test", base_url=slack.api_url)
    assert (await refused(bot.apps_connections_open(app_token="xoxb-test")))[
        "error"
    ] == "not_allowed_token_type"


async def test_auth_test_names_the_bot(client: AsyncWebClient) -> None:
    """bot_id and user_id are those of the messages that the app posts."""
    who = await client.auth_test()
    posted = await client.chat_postMessage(channel="C1", text="hi")
    assert posted["message"]["user"] == who["user_id"]
    assert posted["message"]["bot_id"] == who["bot_id"]
    assert (await client.users_info(user=who["user_id"]))["user"]["is_bot"] is True


async def test_a_missing_scope_is_refused_with_its_name() -> None:
    """With scopes in the manifest, a method without its scope answers missing_scope, and e-mails are left out."""
    manifest = {**MANIFEST, "oauth_config": {"scopes": {"bot": ["users:read"]}}}
    async with serve_slack(load_workspace(SITE, manifest=manifest, secrets=SECRETS)) as slack:
        client = AsyncWebClient(token=SECRETS.bot_token, base_url=slack.api_url)
        answer = await refused(client.chat_postMessage(channel="C1", text="hi"))
        assert (answer["error"], answer["needed"], answer["provided"]) == (
            "missing_scope",
            "chat:write",
            "users:read",
        )
        assert "email" not in (await client.users_info(user="U1"))["user"]["profile"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C9", "text": "x"}, "channel_not_found"),
        ({"channel": "C1"}, "no_text"),
        ({"channel": "C1", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"channel": "C1", "markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"channel": "C1", "text": "x", "blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"channel": "C1", "text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"channel": "C1", "text": "x", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"channel": "C1", "text": "x", "blocks": [section("x" * 2700)] * 5}, "msg_blocks_too_long"),
        (
            {
                "channel": "C1",
                "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
            },
            "invalid_blocks",
        ),
        (
            {
                "channel": "C1",
                "blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
            },
            "invalid_blocks",
        ),
        ({"channel": "C1", "blocks": [{"type": "actions", "elements": [button()] * 26}]}, "invalid_blocks"),
        (
            {"channel": "C1", "blocks": [{"type": "actions", "elements": [button("x" * 2001)]}]},
            "invalid_blocks",
        ),
    ],
)
async def test_what_slack_refuses_is_refused(
    client: AsyncWebClient, arguments: dict[str, Any], error: str
) -> None:
    """Each limit has its error code."""
    assert (await refused(client.chat_postMessage(**arguments)))["error"] == error


async def test_invalid_blocks_say_where_and_why(client: AsyncWebClient) -> None:
    """response_metadata carries a JSON pointer."""
    answer = await refused(client.chat_postMessage(channel="C1", text="x", blocks=[section("x" * 3001)]))
    [line] = answer["response_metadata"]["messages"]
    assert line == "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"


async def test_what_fits_exactly_is_taken(client: AsyncWebClient) -> None:
    """The limits themselves are allowed."""
    blocks = [section("x" * 3000), *[{"type": "divider"}] * 49]
    posted = await client.chat_postMessage(channel="C1", text="x" * 40_001, blocks=blocks)
    assert len(posted["message"]["text"]) == 40_000
    assert len(posted["message"]["blocks"]) == 50
    assert all(block["block_id"] for block in posted["message"]["blocks"])


async def test_a_channel_without_the_app_refuses_its_messages(
    slack: RunningSlack, client: AsyncWebClient
) -> None:
    """A public one with not_in_channel; a private one does not exist for it any more."""
    for channel in ("general", "secret"):
        await slack.admin.call("DELETE", f"channels/{channel}/members/app")
    assert (await refused(client.chat_postMessage(channel="C1", text="x")))["error"] == "not_in_channel"
    assert (await refused(client.chat_postMessage(channel="C2", text="x")))["error"] == "channel_not_found"
    assert [each["id"] for each in (await client.conversations_list())["channels"]] == ["C1"]


async def test_updates_keep_what_is_not_sent_and_only_own_messages_change(
    slack: RunningSlack, client: AsyncWebClient
) -> None:
    """chat.update, chat.delete and the link to a reply."""
    ts = await slack.admin.say("U1", "general", "question")
    assert (await refused(client.chat_update(channel="C1", ts=ts, text="x")))[
        "error"
    ] == "cant_update_message"
    reply = await client.chat_postMessage(channel="C1", thread_ts=ts, text="one", blocks=[section("one")])
    await client.chat_update(channel="C1", ts=reply["ts"], text="two")
    [_, changed] = (await client.conversations_replies(channel="C1", ts=ts))["messages"]
    assert (changed["text"], changed["blocks"][0]["text"]["text"]) == ("two", "one")
    assert changed["edited"]["user"] == changed["user"]
    link = (await client.chat_getPermalink(channel="C1", message_ts=reply["ts"]))["permalink"]
    assert link.endswith(f"/archives/C1/p{reply['ts'].replace('.', '')}?thread_ts={ts}&cid=C1")
    async with aiohttp.ClientSession() as session, session.get(link, allow_redirects=False) as response:
        assert response.headers["Location"] == f"/#C1/{ts}/{reply['ts']}"
    await client.chat_delete(channel="C1", ts=reply["ts"])
    assert (await refused(client.chat_update(channel="C1", ts=reply["ts"], text="x")))[
        "error"
    ] == "message_not_found"


async def test_histories_threads_and_lists_are_paged(slack: RunningSlack, client: AsyncWebClient) -> None:
    """slack_sdk's cursor loop sees everything once; history is newest first, a thread oldest first."""
    parent = await slack.admin.say("U1", "general", "parent")
    for number in range(5):
        await slack.admin.say("U2", "general", f"reply {number}", thread_ts=parent)
    for number in range(3):
        await slack.admin.say("U3", "general", f"top {number}")
    history = [
        message["text"]
        async for page in await client.conversations_history(channel="C1", limit=2)
        for message in page["messages"]
    ]
    assert history == ["top 2", "top 1", "top 0", "parent"]
    pages = [
        page["messages"]
        async for page in await client.conversations_replies(channel="C1", ts=parent, limit=4)
    ]
    texts = [message["text"] for page in pages for message in page]
    assert texts == ["parent", *[f"reply {number}" for number in range(5)]]
    assert pages[0][0]["reply_count"] == 5
    members = [
        each
        async for page in await client.conversations_members(channel="C1", limit=2)
        for each in page["members"]
    ]
    assert members[:5] == ["U1", "U2", "U3", "U4", "U5"]
    assert len(members) == 6
    people = [each["id"] async for page in await client.users_list(limit=4) for each in page["members"]]
    assert len(people) == len(set(people)) == 6
    answer = await refused(client.users_list(cursor="not base64!"))
    assert answer["error"] == "invalid_cursor"


async def test_people_are_found_by_id_and_email(client: AsyncWebClient) -> None:
    """users.info and users.lookupByEmail, with their errors."""
    assert (await client.users_lookupByEmail(email="P2@x.example"))["user"]["id"] == "U2"
    assert (await client.users_info(user="U2"))["user"]["profile"]["email"] == "p2@x.example"
    assert (await refused(client.users_info(user="U99")))["error"] == "user_not_found"
    assert (await refused(client.users_lookupByEmail(email="no@x.example")))["error"] == "users_not_found"


async def test_channels_are_listed_by_type(client: AsyncWebClient) -> None:
    """Public ones by default, private ones on request, and those of one person."""
    assert [each["name"] for each in (await client.conversations_list())["channels"]] == ["general"]
    private = await client.conversations_list(types="public_channel,private_channel")
    assert [each["is_private"] for each in private["channels"]] == [False, True]
    own = await client.users_conversations(user="U2", types="public_channel,private_channel")
    assert [each["id"] for each in own["channels"]] == ["C1"]
    assert (await refused(client.conversations_list(types="nonsense")))["error"] == "invalid_types"


async def test_direct_conversations_open_once(client: AsyncWebClient) -> None:
    """conversations.open and posting to a user id mean the same conversation."""
    opened = (await client.conversations_open(users="U1"))["channel"]["id"]
    posted = await client.chat_postMessage(channel="U1", text="hello")
    assert posted["channel"] == opened
    info = (await client.conversations_info(channel=opened))["channel"]
    assert (info["is_im"], info["user"]) == (True, "U1")


async def test_ephemeral_messages_reach_members_only(slack: RunningSlack, client: AsyncWebClient) -> None:
    """They are in nobody's history; a stranger to the channel is refused."""
    await client.chat_postEphemeral(channel="C2", user="U1", text="for one")
    assert (await client.conversations_history(channel="C2"))["messages"] == []
    assert [each["text"] for each in await slack.admin.messages("secret", user="U1")] == ["for one"]
    answer = await refused(client.chat_postEphemeral(channel="C2", user="U2", text="x"))
    assert answer["error"] == "user_not_in_channel"


async def test_a_stream_grows_and_stops(slack: RunningSlack, client: AsyncWebClient) -> None:
    """Text, tasks that change in place, final blocks; afterwards the stream is closed for good."""
    ts = await slack.admin.say("U1", "general", "question")
    stream = await client.chat_stream(
        channel="C1", thread_ts=ts, recipient_team_id="T0SANDBOX", recipient_user_id="U1", buffer_size=1
    )
    await stream.append(chunks=[TaskUpdateChunk(id="s", title="Search", status="in_progress")])
    await stream.append(markdown_text="Hello ")
    with pytest.raises(AdminError, match="timeout"):
        await slack.admin.wait("general", thread_ts=ts, timeout=0.05)
    await stream.append(chunks=[TaskUpdateChunk(id="s", title="Searched", status="complete")])
    await stream.append(chunks=[MarkdownTextChunk(text="**world**")])
    await stream.stop(
        blocks=[section("Sources")], metadata={"event_type": "answer", "event_payload": {"id": "7"}}
    )
    [message] = await slack.admin.wait("general", thread_ts=ts)
    assert message["text"] == "Hello **world**"
    assert [block["type"] for block in message["blocks"]] == ["task_card", "markdown", "section"]
    assert (message["blocks"][0]["title"], message["blocks"][0]["status"]) == ("Searched", "complete")
    assert message["metadata"]["event_payload"] == {"id": "7"}
    assert stream.ts is not None
    for late in (
        client.chat_appendStream(channel="C1", ts=stream.ts, markdown_text="x"),
        client.chat_stopStream(channel="C1", ts=stream.ts),
    ):
        assert (await refused(late))["error"] == "message_not_in_streaming_state"
    await client.chat_update(channel="C1", ts=stream.ts, text="Replaced")
    [message] = await slack.admin.wait("general", thread_ts=ts, contains="Replaced")
    assert "blocks" not in message


async def test_an_old_stream_dies_and_can_still_be_updated() -> None:
    """After its lifetime append and stop are refused; chat.update on its ts works."""
    timing = replace(Timing(), stream_lifetime=0.0)
    async with serve_slack(load_workspace(SITE, manifest=MANIFEST, secrets=SECRETS, timing=timing)) as slack:
        client = AsyncWebClient(token=SECRETS.bot_token, base_url=slack.api_url)
        ts = await slack.admin.say("U1", "general", "question")
        started = await client.chat_startStream(
            channel="C1",
            thread_ts=ts,
            recipient_team_id="T0SANDBOX",
            recipient_user_id="U1",
            markdown_text="a",
        )
        answer = await refused(client.chat_appendStream(channel="C1", ts=started["ts"], markdown_text="b"))
        assert answer["error"] == "message_not_in_streaming_state"
        await client.chat_update(channel="C1", ts=started["ts"], text="whole answer")
        [message] = await slack.admin.wait("general", thread_ts=ts)
        assert message["text"] == "whole answer"


async def test_a_stream_needs_a_recipient_in_channels_and_has_a_limit(
    slack: RunningSlack, client: AsyncWebClient
) -> None:
    """missing_recipient_… in channels; 12,000 characters at most."""
    ts = await slack.admin.say("U1", "general", "question")
    answer = await refused(client.chat_startStream(channel="C1", thread_ts=ts))
    assert answer["error"] == "missing_recipient_team_id"
    direct = await slack.admin.say("U1", "app", "question")
    channel = (await client.conversations_open(users="U1"))["channel"]["id"]
    started = await client.chat_startStream(channel=channel, thread_ts=direct, markdown_text="x" * 12_000)
    answer = await refused(client.chat_appendStream(channel=channel, ts=started["ts"], markdown_text="x"))
    assert answer["error"] == "msg_too_long"


async def test_the_status_ends_with_the_answer(slack: RunningSlack, client: AsyncWebClient) -> None:
    """assistant.threads.setStatus, setTitle and setSuggestedPrompts are kept; a post in the thread ends the status."""
    ts = await slack.admin.say("U1", "general", "question")
    await client.assistant_threads_setStatus(
        channel_id="C1", thread_ts=ts, status="is searching", loading_messages=["Reading pages"]
    )
    prompts = [{"title": "VPN", "message": "How do I get VPN?"}]
    await client.assistant_threads_setSuggestedPrompts(channel_id="C1", thread_ts=ts, prompts=prompts)
    await client.agents_sessions_setStatus(
        channel_id="C1", thread_ts=ts, status="processing", title="VPN question"
    )
    state = await slack.admin.call("GET", "agent", channel="general", thread_ts=ts)
    assert state["status"] == {"status": "is searching", "loading_messages": ["Reading pages"]}
    assert (state["title"], state["session"]) == ("VPN question", "processing")
    assert state["prompts"]["prompts"] == prompts
    await client.chat_postMessage(channel="C1", thread_ts=ts, text="answer")
    assert (await slack.admin.call("GET", "agent", channel="general", thread_ts=ts))["status"] is None


async def test_reactions_are_added_once(slack: RunningSlack, client: AsyncWebClient) -> None:
    """reactions.add, get, remove with their errors."""
    ts = await slack.admin.say("U1", "general", "question")
    await client.reactions_add(channel="C1", timestamp=ts, name="eyes")
    answer = await refused(client.reactions_add(channel="C1", timestamp=ts, name="eyes"))
    assert answer["error"] == "already_reacted"
    [reaction] = (await client.reactions_get(channel="C1", timestamp=ts))["message"]["reactions"]
    assert (reaction["name"], reaction["count"]) == ("eyes", 1)
    await client.reactions_remove(channel="C1", timestamp=ts, name="eyes")
    answer = await refused(client.reactions_remove(channel="C1", timestamp=ts, name="eyes"))
    assert answer["error"] == "no_reaction"


async def test_a_modal_needs_a_fresh_trigger(client: AsyncWebClient) -> None:
    """views.open with a made-up trigger_id is refused."""
    view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}
    assert (await refused(client.views_open(trigger_id="1.2", view=view)))["error"] == "invalid_trigger_id"


async def test_rate_limits_are_planned_and_the_client_retries(slack: RunningSlack) -> None:
    """A planned 429 with Retry-After: slack_sdk waits and succeeds, and the calls are counted."""
    await slack.admin.call(
        "POST", "faults", method="chat.postMessage", status=429, headers={"Retry-After": "0"}, times=2
    )
    client = AsyncWebClient(token=SECRETS.bot_token, base_url=slack.api_url)
    answer = await refused(client.chat_postMessage(channel="C1", text="first"))
    assert answer["error"] == "ratelimited"
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
    await client.chat_postMessage(channel="C1", text="second")
    record = await slack.admin.call("GET", "requests", method="chat.postMessage")
    assert record["counts"]["chat.postMessage"] == 3
    assert [call["args"]["text"] for call in record["calls"]] == ["first", "second", "second"]
    await slack.admin.call("POST", "faults", method="*", status=500)
    await slack.admin.call("DELETE", "faults")
    assert (await client.api_test(foo="1"))["args"]["foo"] == "1"


async def test_unknown_methods_and_bad_arguments_have_slacks_errors(client: AsyncWebClient) -> None:
    """unknown_method, invalid_arguments, and blocks.validate."""
    assert (await refused(client.api_call("no.such")))["error"] == "unknown_method"
    assert (await refused(client.api_call("users.info")))["error"] == "invalid_arguments"
    assert (await client.blocks_validate(blocks=[section("x")]))["ok"] is True
    assert (await refused(client.blocks_validate(blocks=[section("")])))["error"] == "invalid_blocks"
