"""The durable inbox: every message to Lorebot is a row here before anything else happens.

A message that arrives twice (Slack delivers again; a mention is also a message) is one row. A row is claimed
by one process for the time of a lease; when that process dies, the lease ends and another one goes on with it.
Messages of one thread are claimed in the order in which they were written. A process that was suspended for
longer than its lease learns at its next write that the message is no longer its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from bot.errors import ClaimLostError
from bot.replies import Reply
from indexer import statements


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A message to Lorebot, as it arrived."""

    team: str
    channel: str
    #: Slack's id of the message within its channel.
    ts: str
    #: The thread that the answer goes to.
    thread_ts: str
    event_id: str
    #: The asker's Slack user id.
    user: str
    #: As Slack sent it, entities and mentions included.
    text: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """A message that this process has claimed."""

    id: int
    team: str
    channel: str
    ts: str
    thread_ts: str
    user: str
    text: str
    #: 1 at the first attempt; what a stopping process gives back does not count.
    attempts: int
    #: 1 at the first claim of all; tells this claim from every other one.
    claims: int
    #: Slack ids of our messages that belong to it, first the placeholder.
    posted: list[str]
    #: What is to be delivered, when an earlier attempt got so far: ``{"text", "blocks"}`` for each message.
    reply: list[dict[str, Any]] | None
    #: Whom that was made for (see ``bot.replies``), and how many seconds ago.
    reply_readers: str | None
    reply_age: float | None

    @property
    def thread(self) -> str:
        """The thread's key for the assistant."""
        return f"slack:{self.team}:{self.channel}:{self.thread_ts}"

    @property
    def is_direct(self) -> bool:
        """In a conversation with one person alone; Slack's ids of those start with D."""
        return self.channel.startswith("D")


class Inbox:
    """The table ``inbox``. Methods block for one round trip; thread-safe."""

    def __init__(self, pool: ConnectionPool, *, lease_seconds: float) -> None:
        self._pool = pool
        self._lease_seconds = lease_seconds

    def store(self, message: Incoming) -> bool:
        """Keep a message; False when it is there already."""
        return self._run("store", asdict(message)) == 1

    def claim(self) -> Item | None:
        """The next message to answer, ours until the lease ends; None when there is none."""
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Item)) as cursor:
            return cursor.execute(_sql("claim"), {"lease": self._lease_seconds}).fetchone()

    def renew(self, item: Item) -> None:
        """Prolong the lease. This and the following ones raise ClaimLostError when the item is another's."""
        self._write("renew", item, lease=self._lease_seconds)

    def set_posted(self, item: Item, posted: list[str]) -> None:
        """Remember our messages, so that another attempt edits them."""
        self._write("post", item, posted=posted)

    def set_reply(self, item: Item, reply: Reply, *, reference: str | None = None) -> None:
        """Keep what is to be delivered; a reference marks it as the notice of a failure."""
        self._write("reply", item, reply=Jsonb(reply.messages), readers=reply.readers, reference=reference)

    def finish(self, item: Item) -> None:
        """The reply is delivered."""
        self._write("finish", item)

    def drop(self, item: Item, *, reference: str) -> None:
        """Nothing can be delivered: Slack refuses the conversation."""
        self._write("drop", item, reference=reference)

    def retry(self, item: Item, *, seconds: float) -> None:
        """Try again after so many seconds."""
        self._write("retry", item, seconds=seconds)

    def release(self, items: Collection[Item]) -> None:
        """Give items back at once, without counting the attempt; those that others have taken stay theirs."""
        self._run("release", {"ids": [item.id for item in items], "claims": [item.claims for item in items]})

    def posted(self, item: Item) -> list[str]:
        """Our messages that belong to it, those posted since it was claimed included."""
        with self._pool.connection() as connection:
            row = connection.execute(_sql("posted"), {"id": item.id}).fetchone()
        return [] if row is None else list(row[0])

    def has_joined(self, *, team: str, channel: str, thread_ts: str) -> bool:
        """Whether somebody has spoken to Lorebot in this thread."""
        parameters = {"team": team, "channel": channel, "thread_ts": thread_ts}
        with self._pool.connection() as connection:
            row = connection.execute(_sql("joined"), parameters).fetchone()
        return row is not None and bool(row[0])

    def open_count(self) -> int:
        """How many messages wait or are being answered."""
        with self._pool.connection() as connection:
            row = connection.execute(_sql("open")).fetchone()
        return 0 if row is None else int(row[0])

    def purge(self, *, days: int) -> int:
        """Forget messages that ended more than so many days ago; returns how many."""
        return self._run("purge", {"days": days})

    def _write(self, name: str, item: Item, **values: Any) -> None:
        if self._run(name, {"id": item.id, "claims": item.claims, **values}) == 0:
            raise ClaimLostError(item.id)

    def _run(self, name: str, parameters: dict[str, Any]) -> int:
        with self._pool.connection() as connection:
            return connection.execute(_sql(name), parameters).rowcount


def _sql(name: str) -> Any:
    return statements.load("bot", "inbox.sql")[name]
