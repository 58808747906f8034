"""Answers one message of the inbox: who asks, who reads along, what is the answer, how it looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import structlog

from bot.delivery import SLACK_ERRORS, Clients, Delivery, error_code
from bot.inbox import Inbox, Item
from bot.incoming import question_of
from bot.people import People, Readers
from bot.replies import Reply, digest, reply_of
from bot.steps import Steps
from bot.views import notices
from bot.views.answer import answer_messages
from bot.views.messages import notice
from indexer.audience import Audience
from inference.answers import Answer
from inference.assistant import LONGEST_QUESTION
from inference.errors import InferenceError

log = structlog.get_logger(__name__)

#: A stored reply that is older is made again: permissions and documents may have changed.
_REPLY_SECONDS = 300.0


class Assistant(Protocol):
    """What answers; ``inference.assistant.Assistant``. Blocks and is thread-safe."""

    def ask(
        self,
        question: str,
        *,
        thread: str | None,
        audience: Audience,
        on_step: Callable[[str], None] | None = None,
    ) -> Answer:
        """Answer; raises InferenceError with a sentence for the person."""
        ...


class Responder:
    """Answers messages. Safe to run for several at a time."""

    def __init__(
        self,
        *,
        clients: Clients,
        inbox: Inbox,
        people: People,
        assistant: Assistant,
        executor: Executor,
        bot_user: str,
    ) -> None:
        self._clients = clients
        self._inbox = inbox
        self._people = people
        self._assistant = assistant
        self._executor = executor
        self._bot_user = bot_user

    async def respond(self, item: Item) -> None:
        """Answer an item and mark it as finished.

        Raises what Slack's client raises, or whatever is unexpected; then it can be called again, and goes on
        where it was.
        """
        delivery = Delivery(self._clients, self._inbox, item)
        await delivery.recover()
        reply = await self._stored_reply(item)
        if reply is None:
            made = await self._reply(item, delivery)
            await asyncio.to_thread(self._inbox.set_reply, item, made)
            reply = made.messages
        await delivery.deliver(reply)
        await asyncio.to_thread(self._inbox.finish, item)
        log.info("question_answered", item=item.id, messages=len(reply), attempts=item.attempts)

    async def apologise(self, item: Item, *, reference: str) -> None:
        """Say that it went wrong, in place of an answer."""
        reply = reply_of([notices.failure(reference)])
        await asyncio.to_thread(partial(self._inbox.set_reply, item, reply, reference=reference))
        posted = await asyncio.to_thread(self._inbox.posted, item)
        delivery = Delivery(self._clients, self._inbox, replace(item, posted=posted))
        try:
            await delivery.recover()
        except SLACK_ERRORS as error:
            # Better an apology beside a message that we have forgotten than none at all.
            log.warning("thread_not_read", item=item.id, reference=reference, reason=error_code(error))
        await delivery.deliver(reply.messages)
        await asyncio.to_thread(self._inbox.finish, item)

    async def _stored_reply(self, item: Item) -> list[dict[str, Any]] | None:
        """What an earlier attempt has made, unless it is old, or others read now than those it was made for."""
        if item.reply is None or item.reply_readers is None:
            return item.reply
        if item.reply_age is None or item.reply_age > _REPLY_SECONDS:
            return None
        readers = await self._people.readers(item.channel, asker=item.user)
        fits = not readers.external and digest(readers) == item.reply_readers
        return item.reply if fits else None

    async def _reply(self, item: Item, delivery: Delivery) -> Reply:
        question = question_of(item.text, bot_user=self._bot_user)
        if not question:
            return reply_of([notices.help_message()])
        if len(question) > LONGEST_QUESTION:
            return reply_of([notices.too_long(len(question))])
        await delivery.placeholder(notices.searching())
        asker = await self._people.person(item.user)
        if asker.is_external:
            return reply_of([notices.external_asker()])
        readers = await self._people.readers(item.channel, asker=item.user)
        if readers.external:
            return reply_of([notices.shared_channel()])
        return await self._answer(item, question, readers, delivery)

    async def _answer(self, item: Item, question: str, readers: Readers, delivery: Delivery) -> Reply:
        async def show(text: str) -> None:
            await delivery.step(notices.step(text))

        loop = asyncio.get_running_loop()
        try:
            async with Steps(show) as on_step:
                ask = partial(
                    self._assistant.ask,
                    question,
                    thread=item.thread,
                    audience=readers.audience,
                    on_step=on_step,
                )
                answer = await loop.run_in_executor(self._executor, ask)
        except InferenceError as error:
            log.warning("question_not_answered", item=item.id, error=type(error).__name__)
            return reply_of([notice(str(error))])
        messages = answer_messages(answer, in_channel=not item.is_direct, now=datetime.now(UTC))
        return reply_of(messages, readers=readers)
