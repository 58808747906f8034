"""response_url: addresses that let an app answer an interaction (https://docs.slack.dev/interactivity/handling-user-interaction)."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from sandbox.slack.blocks import check_blocks
from sandbox.slack.errors import SlackError
from sandbox.slack.models import Channel, Json, Message, User
from sandbox.slack.workspace import Workspace

MAX_USES = 5


@dataclass(kw_only=True)
class _Grant:
    user: User
    channel: Channel
    original: Message | None
    made: float
    uses: int = 0


class ResponseUrls:
    """Hands out addresses, each good for five answers within half an hour, and carries the answers out."""

    def __init__(self, workspace: Workspace, *, base_url: str) -> None:
        self._workspace = workspace
        self._base_url = base_url.rstrip("/")
        self._grants: dict[str, _Grant] = {}

    def new(self, *, user: User, channel: Channel, original: Message | None = None) -> str:
        """An address for the answers to one interaction; `original` is the message it came from."""
        key = secrets.token_urlsafe(16)
        self._grants[key] = _Grant(user=user, channel=channel, original=original, made=time.monotonic())
        return f"{self._base_url}/_response/{key}"

    def answer(self, key: str, body: Json) -> Message | None:
        """Do what a POST to the address asks for. Raises `SlackError` expired_url, used_url, no_text, …"""
        grant = self._grants.get(key)
        if grant is None or time.monotonic() - grant.made > self._workspace.timing.response_url_lifetime:
            raise SlackError("expired_url")
        if grant.uses >= MAX_USES:
            raise SlackError("used_url")
        message = self.respond(body, user=grant.user, channel=grant.channel, original=grant.original)
        grant.uses += 1
        return message

    def respond(
        self, body: Json, *, user: User, channel: Channel, original: Message | None = None
    ) -> Message | None:
        """Post, replace or delete; the same for a response_url and for an acknowledgement with a payload."""
        workspace = self._workspace
        if body.get("delete_original"):
            if original:
                workspace.delete(original)
            return None
        blocks = check_blocks(body["blocks"]) if body.get("blocks") else None
        text = body.get("text") or ""
        if not text and not blocks and not body.get("attachments"):
            raise SlackError("no_text")
        content: Json = {"text": text, "blocks": blocks, "attachments": body.get("attachments")}
        if body.get("replace_original") and original:
            workspace.edit(original, editor=workspace.bot.id, stream=None, **content)
            return original
        thread_ts = body.get("thread_ts") or (original.thread_ts if original else None)
        if body.get("response_type") == "in_channel":
            return workspace.post(channel=channel, user=workspace.bot, thread_ts=thread_ts, **content)
        return workspace.post_ephemeral(channel=channel, to=user, thread_ts=thread_ts, **content)
