"""Follows a refresh that an admin asked for, in one direct message that is edited until it is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from psycopg_pool import ConnectionPool
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery import SLACK_ERRORS, error_code
from bot.views.status import progress_message
from indexer import runs
from indexer.runs import RunTicket

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
#: Slack takes about one edit a second per channel; answers need some of that.
EDIT_SECONDS = 2.0
#: After this nobody looks at the message any more.
_LONGEST_SECONDS = 12 * 3600.0


class ProgressMessages:
    """The messages that are being kept up to date."""

    def __init__(self, *, client: AsyncWebClient, pool: ConnectionPool) -> None:
        self._client = client
        self._pool = pool
        self._following: set[asyncio.Task[None]] = set()

    def follow(self, tickets: Sequence[RunTicket], *, admin: str) -> None:
        """Post a message to the admin directly, for its figures are not for everybody, and keep it up to date."""
        task = asyncio.create_task(self._follow([ticket.id for ticket in tickets], admin))
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def stop(self) -> None:
        """Leave the messages as they are."""
        following = list(self._following)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)

    async def _follow(self, ids: Sequence[int], admin: str) -> None:
        try:
            state = await asyncio.to_thread(runs.read, self._pool, ids)
            channel, ts = await self._post(progress_message(state, admin=admin).to_json(), admin)
            await self._keep_up(ids, state, channel, ts, admin)
        except (*SLACK_ERRORS, psycopg.Error) as error:
            log.warning("progress_not_shown", runs=list(ids), reason=error_code(error))

    async def _post(self, message: dict[str, Any], admin: str) -> tuple[str, str]:
        direct = (await self._client.conversations_open(users=[admin]))["channel"]["id"]
        answer = await self._client.chat_postMessage(channel=direct, **message)
        return answer["channel"], answer["ts"]

    async def _keep_up(
        self, ids: Sequence[int], shown: Sequence[runs.Run], channel: str, ts: str, admin: str
    ) -> None:
        edited = started = time.monotonic()
        while time.monotonic() - started < _LONGEST_SECONDS:
            await asyncio.sleep(POLL_SECONDS)
            state = await asyncio.to_thread(runs.read, self._pool, ids)
            finished = all(run.finished for run in state)
            if state == shown or (time.monotonic() - edited < EDIT_SECONDS and not finished):
                continue
            await self._edit(channel, ts, progress_message(state, admin=admin).to_json(), last=finished)
            shown, edited = state, time.monotonic()
            if finished:
                return

    async def _edit(self, channel: str, ts: str, message: dict[str, Any], *, last: bool) -> None:
        try:
            await self._client.chat_update(channel=channel, ts=ts, **message)
        except SLACK_ERRORS as error:
            # The next one may get through; only the last one matters.
            if last:
                raise
            log.info("progress_not_shown", reason=error_code(error))
