"""Turns changes of the workspace into the Events API payloads that the app's manifest subscribes to."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator

from sandbox.slack.models import Change, Channel, Json, Message
from sandbox.slack.workspace import Workspace

MESSAGE_EVENTS = {
    "channel": "message.channels",
    "group": "message.groups",
    "im": "message.im",
    "mpim": "message.mpim",
}


class EventRouter:
    """Listens to the workspace and hands each subscribed event, in its envelope, to `send`."""

    def __init__(self, workspace: Workspace, send: Callable[[Json], None]) -> None:
        self._workspace = workspace
        self._send = send
        workspace.listen(self.on_change)

    def on_change(self, change: Change) -> None:
        """Send the events of one change; ephemeral messages and other people's direct messages have none."""
        if change.only_for or change.channel is None:
            return
        channel = self._workspace.channels[change.channel]
        was_member = change.kind == "member_left" and change.body["user"] == self._workspace.bot.id
        if self._workspace.bot.id not in channel.members and not was_member:
            return
        for event in self._events_of(change, channel):
            self.emit(event, channel=channel)

    def emit(self, event: Json, *, channel: Channel | None = None) -> None:
        """Send one event when the manifest subscribes to it."""
        name = event["type"]
        if name == "message" and channel is not None:
            name = MESSAGE_EVENTS[channel.channel_type]
        if name in self._workspace.manifest.bot_events:
            self._send(self._envelope(event, channel))

    def _events_of(self, change: Change, channel: Channel) -> Iterator[Json]:
        handlers = {
            "message": self._posted,
            "message_changed": self._changed,
            "message_deleted": self._deleted,
            "reaction_added": self._reaction,
            "reaction_removed": self._reaction,
            "member_joined": self._membership,
            "member_left": self._membership,
        }
        handler = handlers.get(change.kind)
        return handler(change, channel) if handler else iter(())

    def _posted(self, change: Change, channel: Channel) -> Iterator[Json]:
        message = _message_of(change)
        event = {**self._workspace.to_json(message), "channel": channel.id, "event_ts": message.ts}
        for counter in ("reply_count", "reply_users", "reply_users_count", "latest_reply", "subscribed"):
            event.pop(counter, None)
        mentions_app = re.search(rf"<@{self._workspace.bot.id}(\|[^>]*)?>", message.text)
        if mentions_app and not channel.is_im and message.user != self._workspace.bot.id:
            yield {**event, "type": "app_mention"}
        yield {**event, "channel_type": channel.channel_type}

    def _changed(self, change: Change, channel: Channel) -> Iterator[Json]:
        previous = change.body.get("previous")
        if previous is None:
            return
        ts = self._workspace.next_ts()
        yield {
            "type": "message",
            "subtype": "message_changed",
            "channel": channel.id,
            "channel_type": channel.channel_type,
            "hidden": True,
            "message": self._workspace.to_json(_message_of(change)),
            "previous_message": previous,
            "ts": ts,
            "event_ts": ts,
        }

    def _deleted(self, change: Change, channel: Channel) -> Iterator[Json]:
        ts = self._workspace.next_ts()
        yield {
            "type": "message",
            "subtype": "message_deleted",
            "channel": channel.id,
            "channel_type": channel.channel_type,
            "hidden": True,
            "deleted_ts": _message_of(change).ts,
            "previous_message": change.body["previous"],
            "ts": ts,
            "event_ts": ts,
        }

    def _reaction(self, change: Change, channel: Channel) -> Iterator[Json]:
        message = _message_of(change)
        yield {
            "type": change.kind,
            "user": change.body["user"],
            "reaction": change.body["reaction"],
            "item_user": message.user,
            "item": {"type": "message", "channel": channel.id, "ts": message.ts},
            "event_ts": self._workspace.next_ts(),
        }

    def _membership(self, change: Change, channel: Channel) -> Iterator[Json]:
        event = {
            "type": f"{change.kind}_channel",
            "user": change.body["user"],
            "channel": channel.id,
            "channel_type": "G" if channel.is_private else "C",
            "team": self._workspace.team_id,
            "event_ts": self._workspace.next_ts(),
        }
        if change.body.get("inviter"):
            event["inviter"] = change.body["inviter"]
        yield event

    def _envelope(self, event: Json, channel: Channel | None) -> Json:
        workspace = self._workspace
        return {
            "token": "sandbox-verification-token",
            "team_id": workspace.team_id,
            "context_team_id": workspace.team_id,
            "context_enterprise_id": None,
            "api_app_id": workspace.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(6).upper()}",
            "event_time": int(time.time()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": workspace.team_id,
                    "user_id": workspace.bot.id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": bool(channel and channel.is_ext_shared),
            "event_context": f"4-{secrets.token_hex(12)}",
        }


def _message_of(change: Change) -> Message:
    assert change.message is not None, "every change of a message carries it"
    return change.message
