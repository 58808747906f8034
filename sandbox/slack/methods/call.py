"""One call of a Web API method: its arguments, whatever way they came, and helpers to read and page them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.slack.errors import SlackError
from sandbox.slack.models import Channel, Json
from sandbox.slack.runtime import SlackSandbox
from sandbox.slack.workspace import Workspace

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Call:
    """The arguments as sent: form and query values are strings, JSON values are typed."""

    sandbox: SlackSandbox
    args: Json

    @property
    def workspace(self) -> Workspace:
        """The state that the method works on."""
        return self.sandbox.workspace

    def text(self, name: str) -> str:
        """A required string. Raises `SlackError` invalid_arguments."""
        value = self.args.get(name)
        if value in (None, ""):
            message = f"[ERROR] missing required field: {name}"
            raise SlackError("invalid_arguments", response_metadata={"messages": [message]})
        return str(value)

    def optional(self, name: str) -> str | None:
        """A string, or None when it is absent or empty."""
        value = self.args.get(name)
        return None if value in (None, "") else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean; Slack's clients send ``1``, ``true`` or JSON's true."""
        value = self.args.get(name)
        return default if value is None else str(value).lower() in ("1", "true")

    def number(self, name: str, *, default: int, most: int) -> int:
        """A whole number from 1 to `most`. Raises `SlackError` invalid_limit."""
        try:
            value = int(self.args.get(name) or default)
        except ValueError as exc:
            raise SlackError("invalid_limit") from exc
        if value < 1:
            raise SlackError("invalid_limit")
        return min(value, most)

    def structure(self, name: str) -> Any:
        """A JSON value, sent as such or as a string. Raises `SlackError` invalid_arguments."""
        value = self.args.get(name)
        if not isinstance(value, str) or value == "":
            return value or None
        try:
            return json.loads(value)
        except ValueError as exc:
            raise SlackError("invalid_arguments") from exc

    def names(self, name: str) -> list[str]:
        """A list of strings, sent as JSON or separated by commas."""
        value = self.args.get(name) or []
        if isinstance(value, str):
            value = json.loads(value) if value.startswith("[") else value.split(",")
        return [str(each).strip() for each in value]

    def channel(self, name: str = "channel") -> Channel:
        """The named conversation, as far as the app can see it;
        a user id means the direct one with that user.
        """
        reference = self.text(name)
        bot = self.workspace.bot.id
        if reference in self.workspace.users and reference != bot:
            return self.workspace.open_direct([reference, bot])
        return self.workspace.find_channel(reference, seen_by=bot)

    def joined_channel(self, name: str = "channel") -> Channel:
        """Like `channel`. Raises `SlackError` not_in_channel when the app is not a member."""
        channel = self.channel(name)
        self.workspace.require_member(channel, self.workspace.bot.id)
        return channel

    def page(self, items: Sequence[Item], *, default: int, most: int = 1000) -> tuple[Sequence[Item], str]:
        """The asked-for slice and the cursor of the next one ("" at the end).

        Raises `SlackError` invalid_cursor.
        """
        limit = self.number("limit", default=default, most=most)
        start = _decode_cursor(self.optional("cursor"))
        following = start + limit
        return items[start:following], _encode_cursor(following) if following < len(items) else ""


Handler = Callable[[Call], Json]


def _encode_cursor(offset: int) -> str:
    return base64.b64encode(f"offset:{offset}".encode()).decode()


def _decode_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("offset:"))
    except (binascii.Error, ValueError) as exc:
        raise SlackError("invalid_cursor") from exc
