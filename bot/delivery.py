"""Getting messages into a thread, once each, through retries and crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import UndeliverableError
from bot.inbox import Inbox, Item
from bot.views.messages import Message

log = structlog.get_logger(__name__)

#: Marks our messages; the metadata can be read by everybody in the workspace, so it holds nothing else.
_EVENT_TYPE = "lorebot_reply"

#: What a call of the Web API raises.
SLACK_ERRORS = (SlackApiError, aiohttp.ClientError, TimeoutError)

#: Our message is gone or can no longer be edited: post it again.
_POST_AGAIN = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
#: No attempt will ever succeed.
_HOPELESS = frozenset(
    {
        "account_inactive",
        "channel_not_found",
        "invalid_auth",
        "is_archived",
        "missing_scope",
        "not_in_channel",
        "restricted_action",
        "team_access_not_granted",
        "thread_not_found",
        "token_revoked",
    }
)


@dataclass(frozen=True, kw_only=True)
class Clients:
    """Slack's Web API, tried in three ways."""

    #: Repeats what failed for the moment; for calls that may happen twice.
    patient: AsyncWebClient
    #: Repeats only what Slack has certainly not done (rate limits); for posting.
    posting: AsyncWebClient
    #: Repeats nothing; for what is stale a second later.
    impatient: AsyncWebClient


def is_hopeless(error: BaseException) -> bool:
    """Whether another attempt would meet the same refusal."""
    return error_code(error) in _HOPELESS


@contextmanager
def _undeliverable() -> Iterator[None]:
    """Posting and editing: here alone a refusal means that nobody can be told anything."""
    try:
        yield
    except SlackApiError as error:
        if is_hopeless(error):
            raise UndeliverableError(error_code(error)) from error
        raise


def error_code(error: BaseException) -> str:
    """Slack's word for what is wrong, or the kind of error; safe to log."""
    if isinstance(error, UndeliverableError):
        return error.code
    if isinstance(error, SlackApiError) and isinstance(error.response.data, dict):
        return str(error.response.data.get("error", "unknown"))
    return type(error).__name__


class Delivery:
    """Posts and edits the messages of one item. Calls raise what ``SLACK_ERRORS`` names, and ClaimLostError.

    Slack has no idempotency key for posting, so a post whose outcome is unknown (a crash, a lost connection, a 500)
    is never repeated blindly: each message carries the item and its place in the metadata, and a later attempt looks
    in the thread for what arrived.
    """

    def __init__(self, clients: Clients, inbox: Inbox, item: Item) -> None:
        self._clients = clients
        self._inbox = inbox
        self._item = item
        self._posted = list(item.posted)

    async def recover(self) -> None:
        """Find out what earlier claims have posted; before the first one nothing can have been."""
        if self._item.claims == 1:
            return
        found: dict[int, str] = {}
        pages = await self._clients.patient.conversations_replies(
            channel=self._item.channel,
            ts=self._item.thread_ts,
            oldest=self._item.ts,
            include_all_metadata=True,
            limit=200,
        )
        async for page in pages:
            for message in page["messages"]:
                metadata = message.get("metadata") or {}
                payload = metadata.get("event_payload") or {}
                if metadata.get("event_type") == _EVENT_TYPE and payload.get("item") == self._item.id:
                    found[payload["place"]] = message["ts"]
        for place in sorted(found):
            if place == len(self._posted):
                log.info("reply_recovered", item=self._item.id, place=place)
                self._posted.append(found[place])

    async def placeholder(self, message: Message) -> None:
        """The first sign of life; nothing when an earlier attempt has posted one.

        Raises UndeliverableError when Slack will never take it.
        """
        if not self._posted:
            with _undeliverable():
                await self._post(message.to_json())

    async def step(self, message: Message) -> None:
        """Change the placeholder, without retries: a step must not hold up the answer."""
        if self._posted:
            await self._edit(self._clients.impatient, self._posted[0], message.to_json())

    async def deliver(self, messages: Sequence[dict[str, Any]]) -> None:
        """Put these messages there; those that an earlier attempt posted are edited, or deleted if too many.

        Raises UndeliverableError when Slack will never take them.
        """
        with _undeliverable():
            for index, message in enumerate(messages):
                await self._put(index, message)
        for ts in self._posted[len(messages) :]:
            await self._delete(ts)

    async def _put(self, index: int, message: dict[str, Any]) -> None:
        if index >= len(self._posted):
            await self._post(message)
            return
        try:
            await self._edit(self._clients.patient, self._posted[index], message)
        except SlackApiError as error:
            if error_code(error) not in _POST_AGAIN:
                raise
            log.info("reply_posted_again", item=self._item.id, reason=error_code(error))
            await self._post(message, index=index)

    async def _post(self, message: dict[str, Any], *, index: int | None = None) -> None:
        place = len(self._posted) if index is None else index
        await self._hold()
        answer = await self._clients.posting.chat_postMessage(
            channel=self._item.channel,
            thread_ts=self._item.thread_ts,
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": _EVENT_TYPE, "event_payload": {"item": self._item.id, "place": place}},
            **message,
        )
        if index is None:
            self._posted.append(answer["ts"])
        else:
            self._posted[index] = answer["ts"]
        await asyncio.to_thread(self._inbox.set_posted, self._item, self._posted)

    async def _edit(self, client: AsyncWebClient, ts: str, message: dict[str, Any]) -> None:
        await self._hold()
        await client.chat_update(
            channel=self._item.channel, ts=ts, unfurl_links=False, unfurl_media=False, **message
        )

    async def _delete(self, ts: str) -> None:
        await self._hold()
        try:
            await self._clients.patient.chat_delete(channel=self._item.channel, ts=ts)
        except SlackApiError as error:
            if error_code(error) != "message_not_found":
                raise

    async def _hold(self) -> None:
        """Make sure that the item is still ours, and for long enough to write to Slack."""
        await asyncio.to_thread(self._inbox.renew, self._item)
