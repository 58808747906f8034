"""Starts a Slack sandbox on a free port, and a client that acts as its people; for tests and scripts."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.slack.app import SANDBOX, create_slack_app
from sandbox.slack.models import Json
from sandbox.slack.runtime import SlackSandbox
from sandbox.slack.workspace import Workspace


class AdminError(Exception):
    """The admin API refused; `code` is its error, `answer` the whole body."""

    def __init__(self, answer: Json) -> None:
        super().__init__(answer.get("error"))
        self.code = answer.get("error")
        self.answer = answer


class SlackAdmin:
    """Client of ``/_admin/slack/*``; see `admin_api` for what each path takes."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def call(self, verb: str, path: str, **values: Any) -> Json:
        """One request; for GET the values are the query. Raises `AdminError`."""
        given = {key: value for key, value in values.items() if value is not None}
        sent: Json = {"params": given} if verb == "GET" else {"json": given}
        async with self._session.request(verb, f"{self._base_url}/_admin/slack/{path}", **sent) as response:
            answer: Json = await response.json()
        if not answer.get("ok"):
            raise AdminError(answer)
        return answer

    async def say(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> str:
        """A person writes; returns the message's ts."""
        answer = await self.call(
            "POST", "messages", user=user, channel=channel, text=text, thread_ts=thread_ts
        )
        return str(answer["ts"])

    async def wait(self, channel: str, **values: Any) -> list[Json]:
        """The app's finished messages (thread_ts, user, count, after_ts, contains, timeout narrow them)."""
        messages: list[Json] = (await self.call("GET", "wait", channel=channel, **values))["messages"]
        return messages

    async def messages(self, channel: str, **values: Any) -> list[Json]:
        """Everybody's messages of a channel or thread, with `user`'s ephemeral ones."""
        messages: list[Json] = (await self.call("GET", "messages", channel=channel, **values))["messages"]
        return messages

    async def command(self, user: str, channel: str, command: str, text: str = "") -> Json:
        """A person types a slash command."""
        return await self.call("POST", "commands", user=user, channel=channel, command=command, text=text)

    async def act(self, user: str, channel: str, message_ts: str, action_id: str, value: Any = None) -> Json:
        """A person uses an element of a message."""
        return await self.call(
            "POST",
            "actions",
            user=user,
            channel=channel,
            message_ts=message_ts,
            action_id=action_id,
            value=value,
        )


@dataclass(frozen=True, kw_only=True)
class RunningSlack:
    """A sandbox that serves: `api_url` is the base_url for slack_sdk's clients."""

    base_url: str
    sandbox: SlackSandbox
    admin: SlackAdmin

    @property
    def api_url(self) -> str:
        """Where slack_sdk sends its calls."""
        return f"{self.base_url}/api/"


@asynccontextmanager
async def serve_slack(
    workspace: Workspace, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RunningSlack]:
    """Serve a workspace until the block ends; port 0 takes a free one."""
    listener = socket.create_server((host, port))
    base_url = f"http://{host}:{listener.getsockname()[1]}"
    app = create_slack_app(workspace, base_url=base_url)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=150)) as session:
            yield RunningSlack(base_url=base_url, sandbox=app[SANDBOX], admin=SlackAdmin(session, base_url))
    finally:
        await runner.cleanup()
