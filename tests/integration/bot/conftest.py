"""A bot in the sandbox's Slack, over the real socket, with a real inbox; only the assistant is scripted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg_pool import ConnectionPool

from bot.app import Bot, create_bot
from bot.config import SlackConfig
from indexer import runs
from indexer.audience import Audience
from indexer.runs import RunTicket
from inference.answers import Answer, Citation
from sandbox.slack.models import AppSecrets, Timing
from sandbox.slack.serving import RunningSlack, serve_slack
from sandbox.slack.workspace import load_workspace

SECRETS = AppSecrets(bot_token="xoxb-test", app_token="xapp-test", signing_secret="test-secret")
MANIFEST = yaml.safe_load((Path(__file__).parents[3] / "bot" / "manifest.yaml").read_text("utf-8"))
SITE = {
    "users": [
        {"id": "U1", "name": "ada", "real_name": "Ada Abbot", "email": "ada@example.com"},
        {"id": "U2", "name": "ben", "real_name": "Ben Baker", "email": "Ben@example.com"},
        {
            "id": "U3",
            "name": "eve",
            "real_name": "Eve Elm",
            "email": "eve@other.example",
            "is_stranger": True,
        },
        {"id": "U4", "name": "tick", "real_name": "Ticker", "is_bot": True, "bot_id": "B4"},
        {"id": "U5", "name": "dan", "real_name": "Dan Drum"},
        {
            "id": "U6",
            "name": "gus",
            "real_name": "Gus Guest",
            "email": "gus@agency.example",
            "is_restricted": True,
        },
    ],
    "channels": [
        {"id": "C1", "name": "general", "members": ["U1", "U2", "U4", "U5"]},
        {"id": "C2", "name": "secret", "members": ["U1", "U2"], "is_private": True},
        {"id": "C3", "name": "vendor", "members": ["U1", "U3"], "is_ext_shared": True},
        {"id": "C4", "name": "quiet", "members": ["U1", "U3"]},
    ],
}
FAST = Timing(ack_timeout=1.0, retry_delays=(0.2, 0.5, 1.0), queue_without_socket=5)

CITATION = Citation(
    number=1,
    title="VPN handbook",
    url="https://wiki.example.com/pages/1#setup",
    external_id="1",
    kind="section",
    place="IT",
    heading="Setup",
)


async def eventually(look: Callable[[], Any]) -> Any:
    """Look, in a thread, until there is something to see; returns it."""
    async with asyncio.timeout(15):
        while not (seen := await asyncio.to_thread(look)):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.03)
    return seen


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call of the assistant."""

    question: str
    thread: str | None
    audience: Audience


@dataclass
class ScriptedAssistant:
    """Answers as told; what it is asked can be read afterwards."""

    reply: Callable[[str], Answer] = field(default=lambda question: found(f"About {question}: use it [1]."))
    steps: tuple[str, ...] = ()
    #: When closed, an answer waits here.
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    def ask(
        self,
        question: str,
        *,
        thread: str | None,
        audience: Audience,
        on_step: Callable[[str], None] | None = None,
    ) -> Answer:
        self.asked.append(Asked(question=question, thread=thread, audience=audience))
        for step in self.steps:
            if on_step:
                on_step(step)
        assert self.gate.wait(20), "the test has forgotten to open the gate"
        return self.reply(question)

    async def was_asked(self, count: int) -> None:
        """Wait until it has been asked so often."""
        await eventually(lambda: len(self.asked) >= count)

    @property
    def questions(self) -> list[str]:
        return [asked.question for asked in self.asked]


def found(text: str, **changes: Any) -> Answer:
    """An answer with one citation."""
    return replace(Answer(text=text, found=True, citations=(CITATION,), model="extractive"), **changes)


@pytest.fixture
def timing() -> Timing:
    """Slack's clocks, with short waits."""
    return FAST


@pytest.fixture
async def slack(timing: Timing) -> AsyncIterator[RunningSlack]:
    """The workspace with the bot's own manifest."""
    workspace = load_workspace(SITE, manifest=MANIFEST, secrets=SECRETS, timing=timing)
    async with serve_slack(workspace) as running:
        yield running


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[[Callable[[], Any]], Awaitable[Any]]:
    """Waits for what the database or the sandbox will hold."""
    return eventually


@pytest.fixture
def assistant() -> ScriptedAssistant:
    """The scripted assistant of the bot."""
    return ScriptedAssistant()


@pytest.fixture
def config(slack: RunningSlack) -> SlackConfig:
    """The bot's configuration, with short waits."""
    return SlackConfig(
        bot_token=SECRETS.bot_token,
        app_token=SECRETS.app_token,
        base_url=slack.api_url,
        admins=frozenset({"U1", "BEN@example.com"}),
        polling_seconds=0.2,
        grace_seconds=3.0,
        retry_seconds=0.1,
    )


@pytest.fixture
async def reindexing() -> asyncio.Event:
    """When cleared, a refresh that is asked for waits here."""
    event = asyncio.Event()
    event.set()
    return event


StartBot = Callable[..., Awaitable[Bot]]


@pytest.fixture
async def start_bot(
    config: SlackConfig, pool: ConnectionPool, assistant: ScriptedAssistant, reindexing: asyncio.Event
) -> AsyncIterator[StartBot]:
    """Starts bots and stops them in the end; arguments change the configuration."""

    async def reindex(source: str | None, full: bool, requested_by: str) -> list[RunTicket]:
        await reindexing.wait()
        with pool.connection() as connection:
            return [
                runs.request(connection, name, full=full, requested_by=requested_by)
                for name in ([source] if source else ["wiki", "tickets"])
            ]

    async with AsyncExitStack() as closing:

        async def start(**changes: Any) -> Bot:
            bot = create_bot(
                replace(config, **changes),
                pool=pool,
                assistant=assistant,
                reindex=reindex,
                source_names=["wiki", "tickets"],
                model="extractive",
            )
            await bot.start()
            closing.push_async_callback(bot.stop)
            return bot

        yield start
        assistant.gate.set()


@pytest.fixture
async def bot(start_bot: StartBot) -> Bot:
    """A running bot."""
    return await start_bot()
