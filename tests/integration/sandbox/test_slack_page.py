"""The page: it is served with its scripts, acts for the chosen person, and its live feed shows only their share."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.app import PAGE_FOLDER
from sandbox.slack.models import AppSecrets
from sandbox.slack.serving import RunningSlack, serve_slack
from sandbox.slack.workspace import load_workspace

SECRETS = AppSecrets(bot_token="xoxb-test", app_token="xapp-test", signing_secret="test-secret")
MANIFEST = {"display_information": {"name": "Atlas"}, "settings": {"socket_mode_enabled": True}}
SITE = {
    "users": [
        {"id": "U1", "name": "ada", "real_name": "Ada Abbot", "email": "ada@example.com"},
        {"id": "U2", "name": "ben", "real_name": "Ben Baker", "email": "ben@example.com"},
    ],
    "channels": [
        {"id": "C1", "name": "general", "members": ["U1", "U2"]},
        {"id": "C2", "name": "secret", "members": ["U1"], "is_private": True},
        {"id": "C3", "name": "open", "members": ["U2"]},
    ],
}


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    """A sandbox with two people."""
    async with serve_slack(load_workspace(SITE, manifest=MANIFEST, secrets=SECRETS)) as running:
        yield running


@pytest.fixture
async def browser(slack: RunningSlack) -> AsyncIterator[aiohttp.ClientSession]:
    """What a browser would send."""
    async with aiohttp.ClientSession(base_url=slack.base_url) as session:
        yield session


async def test_the_page_and_everything_it_loads_is_served_from_here(browser: aiohttp.ClientSession) -> None:
    """Every script and style exists, imports included, and nothing names another host."""
    async with browser.get("/") as response:
        page = await response.text()
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    wanted = set(re.findall(r'(?:href|src)="(/page/[^"]+)"', page))
    wanted |= {
        f"/page/{name}"
        for script in PAGE_FOLDER.glob("*.js")
        for name in re.findall(r'from "\./([^"]+)"', script.read_text())
    }
    assert len(wanted) > 10
    for path in sorted(wanted):
        async with browser.get(path) as response:
            assert response.status == 200, path
    for file in PAGE_FOLDER.iterdir():
        assert "innerHTML" not in file.read_text(), file.name


async def test_one_sees_own_conversations_and_public_channels(browser: aiohttp.ClientSession) -> None:
    """A private channel of others does not exist; a public one is offered to join; the app has a direct one."""
    async with browser.get("/_page/conversations", params={"user": "U2"}) as response:
        found = {each["name"] or "direct": each for each in (await response.json())["conversations"]}
    assert set(found) == {"general", "open", "direct"}
    async with browser.get("/_page/messages", params={"user": "U2", "channel": "C2"}) as response:
        assert (response.status, (await response.json())["error"]) == (400, "channel_not_found")
    async with browser.post("/_page/messages", json={"user": "U1", "channel": "C3", "text": "x"}) as response:
        assert (await response.json())["error"] == "not_in_channel"
    async with browser.post("/_page/join", json={"user": "U1", "channel": "C3"}) as response:
        assert response.status == 200
    async with browser.post("/_page/messages", json={"user": "U1", "channel": "C3", "text": "x"}) as response:
        assert response.status == 200


async def test_forms_of_other_sites_are_not_taken(browser: aiohttp.ClientSession) -> None:
    """Only application/json is, which another site cannot send without being asked for permission."""
    async with browser.post("/_page/messages", data={"user": "U1", "channel": "C1", "text": "x"}) as response:
        assert (response.status, (await response.json())["error"]) == (400, "invalid_post_type")


async def test_the_feed_shows_each_person_their_share(
    slack: RunningSlack, browser: aiohttp.ClientSession
) -> None:
    """Ben gets the channel's messages, but neither Ada's ephemeral ones nor those of her private channel."""
    client = AsyncWebClient(token=SECRETS.bot_token, base_url=slack.api_url)
    async with browser.get("/_page/feed", params={"user": "U2"}) as feed:
        await feed.content.readuntil(b"\n\n")
        await client.chat_postEphemeral(channel="C1", user="U1", text="for Ada")
        await slack.admin.say("ada", "secret", "hidden")
        await slack.admin.say("ada", "general", "for all <3")
        change = await read_change(feed)
    assert (change["kind"], change["message"]["text"]) == ("message", "for all &lt;3")


async def test_a_streamed_answer_arrives_piece_by_piece(
    slack: RunningSlack, browser: aiohttp.ClientSession
) -> None:
    """Every append is a change of the same message on the page, while the app's own events stay quiet."""
    client = AsyncWebClient(token=SECRETS.bot_token, base_url=slack.api_url)
    ts = await slack.admin.say("ada", "general", "question")
    async with browser.get("/_page/feed", params={"user": "U2"}) as feed:
        await feed.content.readuntil(b"\n\n")
        stream = await client.chat_startStream(
            channel="C1",
            thread_ts=ts,
            recipient_team_id="T0SANDBOX",
            recipient_user_id="U1",
            markdown_text="one",
        )
        await client.chat_appendStream(channel="C1", ts=stream["ts"], markdown_text=" two")
        await client.chat_stopStream(channel="C1", ts=stream["ts"])
        changes = [await read_change(feed) for _ in range(3)]
    assert [change["message"]["text"] for change in changes] == ["one", "one two", "one two"]
    states = [change["message"]["streaming_state"] for change in changes]
    assert states == ["in_progress", "in_progress", "completed"]
    assert changes[0]["parent"]["reply_count"] == 1


async def read_change(feed: aiohttp.ClientResponse) -> dict[str, Any]:
    """The next change of the feed."""
    line = await asyncio.wait_for(feed.content.readuntil(b"\n\n"), 5)
    change: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return change
