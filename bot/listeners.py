"""What Lorebot hears: Slack's events go into the inbox, and are acknowledged only when they are there."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import SlackConfig
from bot.delivery import SLACK_ERRORS, error_code
from bot.dispatcher import Dispatcher
from bot.inbox import Inbox, Incoming
from bot.incoming import is_addressed, is_follow_up, read_message
from bot.views import notices

log = structlog.get_logger(__name__)


class Listeners:
    """The listeners for events; the Bolt app must run them before it acknowledges."""

    def __init__(self, *, config: SlackConfig, inbox: Inbox, dispatcher: Dispatcher, bot_user: str) -> None:
        self._config = config
        self._inbox = inbox
        self._dispatcher = dispatcher
        self._bot_user = bot_user

    def register(self, app: AsyncApp) -> None:
        """Tell Bolt about them; the last one takes all else, for what is not acknowledged comes again."""
        app.event("app_mention")(self.on_message)
        app.event("message")(self.on_message)
        app.event("app_home_opened")(self.on_home_opened)
        app.event(re.compile(".*"))(self.on_anything)

    async def on_message(self, body: dict[str, Any]) -> None:
        """Keep what is meant for Lorebot; after an error it is not acknowledged, so Slack delivers it again."""
        message = read_message(body, bot_user=self._bot_user)
        if message is None or not await self._is_for_us(message, body["event"]):
            return
        stored = await asyncio.to_thread(self._inbox.store, message)
        log.info(
            "message_received", channel=message.channel, ts=message.ts, event_id=message.event_id, new=stored
        )
        if stored:
            self._dispatcher.wake()

    async def on_home_opened(self, event: dict[str, Any], client: AsyncWebClient) -> None:
        """Show the App Home."""
        if event.get("tab") != "home":
            return
        try:
            await client.views_publish(user_id=event["user"], view=notices.home())
        except SLACK_ERRORS as error:
            log.warning("home_not_shown", reason=error_code(error))

    async def on_anything(self, event: dict[str, Any]) -> None:
        """Nothing to do; acknowledged so that Slack does not deliver it again."""
        log.debug("event_ignored", type=event.get("type"))

    async def _is_for_us(self, message: Incoming, event: dict[str, Any]) -> bool:
        policy = self._config.policy(message.channel)
        if not policy.enabled:
            return False
        if is_addressed(event, bot_user=self._bot_user):
            return True
        if not policy.follow_ups or not is_follow_up(message):
            return False
        return await asyncio.to_thread(
            self._inbox.has_joined, team=message.team, channel=message.channel, thread_ts=message.thread_ts
        )
