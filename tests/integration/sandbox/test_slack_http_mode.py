"""The same app over HTTP: Bolt verifies the sandbox's signatures; retries carry Slack's headers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.models import AppSecrets, Timing
from sandbox.slack.serving import RunningSlack, serve_slack
from sandbox.slack.workspace import load_workspace

SECRETS = AppSecrets(bot_token="xoxb-test", app_token="xapp-test", signing_secret="test-secret")
MANIFEST = {
    "display_information": {"name": "Atlas"},
    "features": {"slash_commands": [{"command": "/ask"}]},
    "settings": {"socket_mode_enabled": False, "event_subscriptions": {"bot_events": ["app_mention"]}},
}
FAST = Timing(ack_timeout=0.5, retry_delays=(0.02, 0.02, 0.02))


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    """A sandbox in HTTP mode with its three sample people."""
    async with serve_slack(load_workspace(None, manifest=MANIFEST, secrets=SECRETS, timing=FAST)) as running:
        yield running


async def serve_bolt(slack: RunningSlack, app: AsyncApp, received: asyncio.Queue[web.Request]) -> TestServer:
    """Serve the Bolt app and make it the sandbox's request URL."""

    async def handle(request: web.Request) -> web.Response:
        response = await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))
        received.put_nowait((request.headers, response.status))
        return response

    application = web.Application()
    application.router.add_post("/slack/events", handle)
    server = TestServer(application)
    await server.start_server()
    await slack.admin.call("POST", "events_url", url=str(server.make_url("/slack/events")))
    return server


def bolt(slack: RunningSlack, *, secret: str = SECRETS.signing_secret) -> AsyncApp:
    """A Bolt app that checks signatures with this secret."""
    client = AsyncWebClient(token=SECRETS.bot_token, base_url=slack.api_url)
    return AsyncApp(client=client, signing_secret=secret)


async def test_events_are_signed_and_the_url_is_verified_first(slack: RunningSlack) -> None:
    """Bolt answers the url_verification challenge and accepts the signature of the event."""
    app, received = bolt(slack), asyncio.Queue[Any]()

    @app.event("app_mention")
    async def on_mention(event: dict[str, Any], say: Any) -> None:
        await say(text=f"You said {event['text'][-2:]}", thread_ts=event["ts"])

    server = await serve_bolt(slack, app, received)
    ts = await slack.admin.say("ada", "general", "@Atlas hi")
    [answer] = await slack.admin.wait("general", thread_ts=ts)
    assert answer["text"] == "You said hi"
    assert [(await received.get())[1] for _ in range(2)] == [200, 200]
    await server.close()


async def test_a_wrong_signing_secret_is_refused_and_retried(slack: RunningSlack) -> None:
    """Bolt answers 401, so the url is never verified and all three retries are in vain."""
    app, received = bolt(slack, secret="another"), asyncio.Queue[Any]()
    server = await serve_bolt(slack, app, received)
    await slack.admin.say("ada", "general", "@Atlas hi")
    statuses = [(await asyncio.wait_for(received.get(), 5))[1] for _ in range(4)]
    assert statuses == [401, 401, 401, 401]
    await server.close()


async def test_retries_carry_slacks_headers(slack: RunningSlack) -> None:
    """An event without a listener is answered 404 and comes again three times, numbered, with the reason."""
    app, received = bolt(slack), asyncio.Queue[Any]()
    server = await serve_bolt(slack, app, received)
    await slack.admin.say("ada", "general", "@Atlas hi")
    seen = [await asyncio.wait_for(received.get(), 5) for _ in range(5)]
    numbers = [headers.get("X-Slack-Retry-Num") for headers, _ in seen[1:]]
    assert numbers == [None, "1", "2", "3"]
    assert seen[-1][0]["X-Slack-Retry-Reason"] == "http_error"
    await server.close()


async def test_commands_are_posted_as_forms_and_answered_in_the_response(slack: RunningSlack) -> None:
    """The acknowledgement's text is shown to the person; respond() works on top."""
    app, received = bolt(slack), asyncio.Queue[Any]()

    @app.command("/ask")
    async def on_ask(ack: Any, respond: Any, command: dict[str, Any]) -> None:
        await ack(f"Looking for {command['text']}")
        await respond("found it")

    server = await serve_bolt(slack, app, received)
    result = await slack.admin.command("ben@example.com", "general", "/ask", "R&D + <b>")
    assert result["message"]["text"] == "Looking for R&D + <b>"
    found = await slack.admin.wait("general", user="ben", count=2, after_ts=result["after_ts"])
    assert "found it" in [message["text"] for message in found]
    await server.close()


async def test_a_command_without_an_app_fails_with_dispatch_failed(slack: RunningSlack) -> None:
    """Nobody listens at the request URL."""
    await slack.admin.call("POST", "events_url", url="http://127.0.0.1:9/slack/events")
    result = await slack.admin.command("ada", "general", "/ask", "x")
    assert (result["acknowledged"], result["error"]) == (False, "dispatch_failed")


async def test_an_app_can_ask_for_no_retry(slack: RunningSlack) -> None:
    """X-Slack-No-Retry: 1 on a refusal ends the repetitions of that event."""
    bodies: asyncio.Queue[Any] = asyncio.Queue()

    async def handle(request: web.Request) -> web.Response:
        body = await request.json()
        if body["type"] == "url_verification":
            return web.json_response({"challenge": body["challenge"]})
        bodies.put_nowait(body["event"]["text"].split()[-1])
        status = 500 if bodies.qsize() == 1 else 200
        return web.Response(status=status, headers={"X-Slack-No-Retry": "1"})

    application = web.Application()
    application.router.add_post("/slack/events", handle)
    server = TestServer(application)
    await server.start_server()
    await slack.admin.call("POST", "events_url", url=str(server.make_url("/slack/events")))
    await slack.admin.say("ada", "general", "@Atlas first")
    assert await asyncio.wait_for(bodies.get(), 5) == "first"
    await asyncio.gather(*slack.sandbox.delivery.pending())
    assert bodies.empty()
    await server.close()
