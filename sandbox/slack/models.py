"""What a workspace holds: people, channels, messages, views, and the changes that its listeners hear of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class AppSecrets:
    """The three secrets that a real app gets from Slack's settings pages."""

    bot_token: str = "xoxb-sandbox-bot-token"  # noqa: S105 - made up, opens nothing but the sandbox
    app_token: str = "xapp-sandbox-app-token"  # noqa: S105
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Slack's clocks in seconds; the defaults are the real ones, tests set shorter ones."""

    ack_timeout: float = 3.0
    retry_delays: tuple[float, ...] = (0.5, 60.0, 300.0)
    queue_without_socket: float = 30.0
    stream_lifetime: float = 300.0
    trigger_lifetime: float = 3.0
    response_url_lifetime: float = 1800.0


@dataclass(kw_only=True)
class User:
    """A person or a bot; ``is_stranger`` comes from another company through Slack Connect."""

    id: str
    name: str
    real_name: str
    email: str | None = None
    title: str = ""
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False
    bot_id: str | None = None
    app_id: str | None = None


@dataclass(kw_only=True)
class Channel:
    """A public or private channel, or a direct conversation (``is_im``, ``is_mpim``);
    members in order of joining.
    """

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    is_private: bool = False
    is_im: bool = False
    is_mpim: bool = False
    is_ext_shared: bool = False
    is_archived: bool = False
    topic: str = ""
    purpose: str = ""
    created: int = 1_600_000_000

    @property
    def channel_type(self) -> str:
        """The ``channel_type`` of message events."""
        if self.is_im:
            return "im"
        if self.is_mpim:
            return "mpim"
        return "group" if self.is_private else "channel"


@dataclass(kw_only=True)
class Stream:
    """The parts of a streamed message in order: texts, tasks, blocks; ``display`` is timeline or plan."""

    started: float
    display: str = "timeline"
    title: str | None = None
    parts: list[Json] = field(default_factory=list)
    open: bool = True


@dataclass(kw_only=True)
class Message:
    """One message; ``only_for`` makes it ephemeral. `to_json` gives the shape of conversations.history."""

    channel: str
    ts: str
    user: str
    text: str
    thread_ts: str | None = None
    subtype: str | None = None
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    bot_id: str | None = None
    app_id: str | None = None
    username: str | None = None
    client_msg_id: str | None = None
    edited: Json | None = None
    only_for: str | None = None
    broadcast: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    stream: Stream | None = None

    def to_json(self, *, team: str) -> Json:
        """The message as the Web API and the events carry it."""
        body: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": team}
        optional = {
            "subtype": self.subtype,
            "client_msg_id": self.client_msg_id,
            "blocks": self.blocks,
            "attachments": self.attachments,
            "metadata": self.metadata,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "username": self.username,
            "thread_ts": self.thread_ts,
            "edited": self.edited,
        }
        body.update({key: value for key, value in optional.items() if value})
        if self.reactions:
            body["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)}
                for name, users in self.reactions.items()
            ]
        if self.only_for:
            body["is_ephemeral"] = True
        if self.stream:
            body["streaming_state"] = "in_progress" if self.stream.open else "completed"
        return body


@dataclass(kw_only=True)
class View:
    """A modal or a Home tab; ``content`` is what the app sent, ``state`` what the person has filled in."""

    id: str
    user: str
    content: Json
    root_id: str
    previous_id: str | None = None
    state: Json = field(default_factory=dict)
    version: int = 0

    @property
    def hash(self) -> str:
        """Changes with every update; `views.update` may name the one that it expects."""
        return f"{self.version}.{hashlib.sha256(self.id.encode()).hexdigest()[:8]}"

    def to_json(self, *, team: str, app_id: str, bot_id: str) -> Json:
        """The view as views.* answers and interaction payloads carry it."""
        defaults: Json = {
            "callback_id": "",
            "private_metadata": "",
            "external_id": "",
            "title": None,
            "submit": None,
            "close": None,
            "clear_on_close": False,
            "notify_on_close": False,
        }
        return {
            **defaults,
            **self.content,
            "id": self.id,
            "team_id": team,
            "app_id": app_id,
            "app_installed_team_id": team,
            "bot_id": bot_id,
            "hash": self.hash,
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id,
            "state": {"values": self.state},
        }


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something happened in the workspace. ``only_for`` is the one person who may see it, None:
    the members.
    """

    kind: str
    channel: str | None = None
    only_for: str | None = None
    body: Json = field(default_factory=dict)
    message: Message | None = None


Listener = Callable[[Change], None]
