"""Who is asking, and who will see the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from indexer.audience import Audience

#: E-mail addresses seldom change; who is in a channel is asked for every question.
PERSON_SECONDS = 600.0
#: users.info calls at a time.
_PARALLEL = 5
#: With more unknown people than this the whole list is read: it has up to 200 people a call.
_FEW = 20


@dataclass(frozen=True, kw_only=True)
class Person:
    """A member of the workspace, or a visitor from another one."""

    id: str
    #: None for bots and for people whose address Slack does not show.
    email: str | None
    is_bot: bool
    #: From another company, through Slack Connect.
    is_external: bool
    #: Invited into some channels only.
    is_guest: bool


@dataclass(frozen=True, kw_only=True)
class Readers:
    """The people who will see an answer."""

    audience: Audience
    #: True when people of another company are among them: then nothing may be answered.
    external: bool


class People:
    """Looks people up in Slack; remembers them for a while.

    Every method raises SlackApiError, aiohttp.ClientError or TimeoutError when Slack cannot tell: then there is
    no audience, and so no answer.
    """

    def __init__(self, client: AsyncWebClient, *, team: str, enterprise: str | None = None) -> None:
        self._client = client
        self._team = team
        self._enterprise = enterprise
        self._known: dict[str, tuple[Person, float]] = {}
        self._gate = asyncio.Semaphore(_PARALLEL)

    async def person(self, user: str) -> Person:
        """One person, from memory if asked lately."""
        known = self._remembered(user)
        if known is not None:
            return known
        async with self._gate:
            answer = await self._client.users_info(user=user)
        return self._remember(answer["user"])

    async def readers(self, channel: str, *, asker: str) -> Readers:
        """Who sees an answer in this conversation: the asker alone in a direct one, else every member."""
        info = (await self._client.conversations_info(channel=channel))["channel"]
        shared = bool(info.get("is_ext_shared") or info.get("is_pending_ext_shared"))
        ids = {asker} if info.get("is_im") else {asker, *await self._members(channel)}
        people = await self._persons(ids)
        humans = [person for person in people if not person.is_bot]
        return Readers(
            audience=Audience.of(person.email for person in humans),
            external=shared or any(person.is_external for person in humans),
        )

    async def _members(self, channel: str) -> set[str]:
        members: set[str] = set()
        async for page in await self._client.conversations_members(channel=channel, limit=200):
            members.update(page["members"])
        return members

    async def _persons(self, ids: set[str]) -> list[Person]:
        unknown = [user for user in ids if self._remembered(user) is None]
        if len(unknown) > _FEW:
            async for page in await self._client.users_list(limit=200):
                for user in page["members"]:
                    self._remember(user)
        return list(await asyncio.gather(*(self.person(user) for user in ids)))

    def _remembered(self, user: str) -> Person | None:
        person, until = self._known.get(user, (None, 0.0))
        return person if time.monotonic() < until else None

    def _remember(self, user: Mapping[str, Any]) -> Person:
        home = user.get("team_id") or self._team
        # The workspaces of one company (Enterprise Grid) belong together.
        enterprise = (user.get("enterprise_user") or {}).get("enterprise_id")
        ours = home == self._team or (self._enterprise is not None and enterprise == self._enterprise)
        person = Person(
            id=user["id"],
            email=(user.get("profile") or {}).get("email"),
            is_bot=bool(user.get("is_bot")) or user["id"] == "USLACKBOT",
            is_external=bool(user.get("is_stranger")) or not ours,
            is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        )
        self._known[person.id] = (person, time.monotonic() + PERSON_SECONDS)
        return person
