"""The slash command ``/lore``: help, status, sources, reindex. Answers are seen by the caller alone."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from psycopg_pool import ConnectionPool
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot import audit
from bot.config import SlackConfig
from bot.delivery import error_code
from bot.inbox import Inbox
from bot.people import People
from bot.reindexing import ProgressMessages
from bot.views import notices
from bot.views.messages import Message, notice, section
from bot.views.status import Overview, sources_message, status_message
from indexer import runs, status
from indexer.runs import RunTicket

log = structlog.get_logger(__name__)

COMMAND = "/lore"

#: Asks for refreshes: a source's name or None for all, whether in full, and who asks (a Slack user id).
Reindex = Callable[[str | None, bool, str], Awaitable[list[RunTicket]]]

_HELP = (
    f"• `{COMMAND} help` shows this\n"
    f"• `{COMMAND} sources` lists what I read\n"
    f"• `{COMMAND} status` tells how fresh and how complete it is\n"
    f"• `{COMMAND} reindex [source] [--full]` reads a source again, or all of them (admins)"
)
#: Slack wants the answer to a command within three seconds.
_ANSWER_SECONDS = 2.5
#: Of that, how long the start of a refresh is waited for.
_START_SECONDS = 1.5


class Commands:
    """Answers ``/lore``."""

    def __init__(
        self,
        *,
        config: SlackConfig,
        pool: ConnectionPool,
        inbox: Inbox,
        people: People,
        progress: ProgressMessages,
        reindex: Reindex,
        source_names: Sequence[str],
        model: str,
    ) -> None:
        self._admins = frozenset(admin.strip().lower() for admin in config.admins)
        self._pool = pool
        self._inbox = inbox
        self._people = people
        self._progress = progress
        self._reindex = reindex
        self._source_names = tuple(source_names)
        self._model = model
        self._starting: set[asyncio.Task[list[RunTicket]]] = set()

    def register(self, app: AsyncApp) -> None:
        """Tell Bolt about the command."""
        app.command(COMMAND)(self.on_command)

    async def on_command(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        """Answer within Slack's time, whatever happens."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                message = await self._answer(command)
        except Exception as error:
            reference = secrets.token_hex(3)
            log.exception("command_failed", reference=reference, error=error_code(error))
            message = notices.failure(reference)
        await ack(response_type="ephemeral", text=message.text, blocks=list(message.blocks))

    async def stop(self) -> None:
        """Give the refreshes that are being asked for a moment; end what takes longer."""
        starting = list(self._starting)
        if starting:
            await asyncio.wait(starting, timeout=_START_SECONDS)
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)

    async def _answer(self, command: dict[str, Any]) -> Message:
        name, *arguments = (command.get("text") or "").split() or ["help"]
        user = command["user_id"]
        log.info("command_received", command=name[:20], user=user)
        match name.lower():
            case "status" | "sources" as what:
                return await self._tell(what, user)
            case "reindex":
                return await self._start_reindex(arguments, user)
            case _:
                return Message(text="What I can do", blocks=(section(_HELP),))

    async def _tell(self, what: str, user: str) -> Message:
        admin = await self._is_admin(user)
        if not admin and await self._is_outsider(user):
            return notices.outsider()
        overview = await asyncio.to_thread(self._overview)
        if what == "sources":
            return sources_message(overview, figures=admin)
        return status_message(overview, figures=admin, now=datetime.now(UTC))

    async def _start_reindex(self, arguments: Sequence[str], user: str) -> Message:
        # Telephones turn two hyphens into a dash.
        full = any(argument in ("--full", "—full", "–full") for argument in arguments)
        names = [argument for argument in arguments if argument.lstrip("-—–") != "full" or argument == "full"]
        if not await self._is_admin(user):
            await self._audit(user, allowed=False, arguments=arguments)
            if await self._is_outsider(user):
                return notices.outsider()
            return notice(
                "Only Lorebot's admins may reindex. Ask one of them, or wait for the next scheduled refresh."
            )
        known = ", ".join(self._source_names) or "none is configured"
        if len(names) > 1:
            return notice(f"Name one source, or none for all of them. The sources are: {known}.")
        if names and names[0] not in self._source_names:
            return notice(f"There is no source {names[0]!r}. The sources are: {known}.")
        if not self._source_names:
            return notice("There is no source to refresh: add one to the configuration.")
        await self._audit(user, allowed=True, arguments=arguments)
        return await self._begin(names[0] if names else None, full=full, user=user)

    async def _begin(self, source: str | None, *, full: bool, user: str) -> Message:
        # A task of its own: Slack's time for the answer must not end what has begun, nor the report on it.
        task = asyncio.create_task(self._reindex_and_follow(source, full=full, user=user))
        self._starting.add(task)
        task.add_done_callback(self._started)
        done, _ = await asyncio.wait({task}, timeout=_START_SECONDS)
        if not done:
            return notice(
                "The refresh takes longer than usual to start; then I report on it directly to you."
            )
        return notice(_confirmation(task.result(), full=full))

    async def _reindex_and_follow(self, source: str | None, *, full: bool, user: str) -> list[RunTicket]:
        tickets = await self._reindex(source, full, user)
        self._progress.follow(tickets, admin=user)
        return tickets

    def _started(self, task: asyncio.Task[list[RunTicket]]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("reindex_failed", error=error_code(error))

    async def _is_admin(self, user: str) -> bool:
        if user.lower() in self._admins:
            return True
        if not any("@" in admin for admin in self._admins):
            return False
        person = await self._people.person(user)
        return not person.is_external and (person.email or "").lower() in self._admins

    async def _is_outsider(self, user: str) -> bool:
        person = await self._people.person(user)
        return person.is_external or person.is_guest

    async def _audit(self, user: str, *, allowed: bool, arguments: Sequence[str]) -> None:
        shortened = [argument[:100] for argument in arguments[:5]]
        await asyncio.to_thread(
            audit.record, self._pool, actor=user, action="reindex", allowed=allowed, arguments=shortened
        )

    def _overview(self) -> Overview:
        return Overview(
            sources=status.sources(self._pool),
            runs=runs.latest(self._pool),
            configured=self._source_names,
            open_questions=self._inbox.open_count(),
            model=self._model,
        )


def _confirmation(tickets: Sequence[RunTicket], *, full: bool) -> str:
    new = [ticket.source for ticket in tickets if ticket.created]
    waiting = [ticket.source for ticket in tickets if not ticket.created]
    parts = []
    if new:
        parts.append(f"Refreshing {', '.join(new)}{' in full' if full else ''}.")
    if waiting:
        parts.append(f"A refresh of {', '.join(waiting)} is waiting already; it will do.")
    return " ".join([*parts, "I report on it directly to you."])
