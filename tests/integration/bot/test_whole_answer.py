"""From a question in Slack to a cited answer and a follow-up: the real assistant on a real index."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from bot.app import Bot, create_bot
from bot.config import SlackConfig
from connectors.collection import CollectionConnector
from indexer.embedding import Embedder
from indexer.refresh import refresh
from inference.assistant import Assistant
from sandbox.slack.serving import RunningSlack

PAGES = [
    (
        "1",
        "Remote access",
        "To get VPN access, order the role `vpn-user` in the identity portal. It takes one day.",
    ),
    (
        "2",
        "Coffee machine",
        "The coffee machine on the third floor is descaled every Friday by the kitchen team.",
    ),
    ("3", "Expenses", "Hand in travel expenses within thirty days. Receipts are attached as photographs."),
]


@pytest.fixture
async def real_bot(
    config: SlackConfig, pool: ConnectionPool, embedder: Embedder, tmp_path: Path
) -> AsyncIterator[Bot]:
    """A bot whose assistant reads three pages that everybody may read."""
    lines = [json.dumps({"_id": page, "title": title, "text": text}) for page, title, text in PAGES]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines), "utf-8")
    refresh(
        pool,
        CollectionConnector(name="wiki", folder=tmp_path),
        embedder,
        full=True,
        mode="eager",
        progress=lambda progress: None,
    )
    bot = create_bot(
        config,
        pool=pool,
        assistant=Assistant(pool=pool, embedder=embedder, model=None),
        reindex=None,  # type: ignore[arg-type]
        source_names=["wiki"],
        model="extractive",
    )
    await bot.start()
    yield bot
    await bot.stop()


@pytest.mark.usefixtures("real_bot")
async def test_a_question_and_its_follow_up_are_answered_from_the_index(slack: RunningSlack) -> None:
    """Cited in the thread; what nothing answers is said so; the status counts the pages."""
    ts = await slack.admin.say("ada", "general", "@Lorebot how do I get VPN access?")
    [answer] = await slack.admin.wait("general", thread_ts=ts, contains="Sources", timeout=60)
    shown: Any = str(answer["blocks"])
    assert "vpn-user" in shown
    assert "Remote access" in shown
    await slack.admin.say("ben", "general", "how long does VPN access take?", thread_ts=ts)
    messages = await slack.admin.wait("general", thread_ts=ts, contains="Sources", count=2, timeout=60)
    assert len(messages) == 2
    unknown = await slack.admin.say(
        "ada", "general", "@Lorebot who won the chess world championship in 1972?"
    )
    await slack.admin.wait("general", thread_ts=unknown, contains="everyone in this channel", timeout=60)
    status = await slack.admin.command("ada", "general", "/lore", "status")
    assert "*wiki* · 3 documents, 3 of 3 chunks embedded" in str(status["message"]["blocks"])
