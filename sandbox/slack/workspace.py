"""The workspace itself: who is there, what was said, and who is told about each change. No network here."""

from __future__ import annotations

import itertools
import secrets as random_secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.manifest import AppManifest, parse_manifest
from sandbox.slack.models import AppSecrets, Change, Channel, Json, Listener, Message, Timing, User

TEAM_ID = "T0SANDBOX"
APP_ID = "A0SANDBOX"
BOT_ID = "B0SANDBOX"
BOT_USER_ID = "U0SANDBOXAPP"

DEFAULT_SITE: Json = {
    "users": [
        {"id": "U0000001", "name": "ada", "real_name": "Ada Abbot", "email": "ada@example.com"},
        {"id": "U0000002", "name": "ben", "real_name": "Ben Baker", "email": "ben@example.com"},
        {"id": "U0000003", "name": "cara", "real_name": "Cara Cedar", "email": "cara@example.com"},
    ],
    "channels": [{"id": "C0000001", "name": "general", "members": ["U0000001", "U0000002", "U0000003"]}],
}


class Workspace:
    """People, channels and messages of one team with one app installed;
    every change is told to the listeners.
    """

    def __init__(
        self,
        *,
        users: Iterable[User],
        channels: Iterable[Channel],
        manifest: AppManifest,
        secrets: AppSecrets,
        timing: Timing | None = None,
        name: str = "Sandbox",
    ) -> None:
        self.name = name
        self.team_id = TEAM_ID
        self.app_id = APP_ID
        self.manifest = manifest
        self.secrets = secrets
        self.timing = timing or Timing()
        self.bot = User(
            id=BOT_USER_ID,
            name=manifest.bot_name.lower().replace(" ", "-"),
            real_name=manifest.name,
            is_bot=True,
            bot_id=BOT_ID,
            app_id=APP_ID,
        )
        self.users = {user.id: user for user in users} | {self.bot.id: self.bot}
        self.channels = {channel.id: channel for channel in channels}
        for channel in self.channels.values():
            if self.bot.id not in channel.members:
                channel.members.append(self.bot.id)
        self.messages: dict[str, dict[str, Message]] = {channel_id: {} for channel_id in self.channels}
        self.ephemerals: dict[str, dict[str, Message]] = {channel_id: {} for channel_id in self.channels}
        self._listeners: list[Listener] = []
        self._direct_numbers = itertools.count(1)
        self._last_microseconds = 0

    # --- listeners -----------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change from now on; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(
        self,
        kind: str,
        *,
        channel: str | None = None,
        only_for: str | None = None,
        message: Message | None = None,
        **body: Any,
    ) -> None:
        """Tell every listener about one change."""
        change = Change(kind=kind, channel=channel, only_for=only_for, body=body, message=message)
        for listener in list(self._listeners):
            listener(change)

    # --- looking things up ---------------------------------------------------------------------------------

    def user(self, user_id: str) -> User:
        """The user with this id. Raises `SlackError` user_not_found."""
        if user_id not in self.users:
            raise SlackError("user_not_found")
        return self.users[user_id]

    def find_user(self, reference: str) -> User:
        """A user by id, e-mail, login or full name. Raises `SlackError` user_not_found."""
        if reference in self.users:
            return self.users[reference]
        wanted = reference.lower().lstrip("@")
        for user in self.users.values():
            if wanted in ((user.email or "").lower(), user.name.lower(), user.real_name.lower()):
                return user
        raise SlackError("user_not_found")

    def channel(self, channel_id: str, *, seen_by: str | None = None) -> Channel:
        """The channel with this id; private ones do not exist for outsiders. Raises channel_not_found."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise SlackError("channel_not_found")
        hidden = channel.channel_type != "channel"
        if seen_by and hidden and seen_by not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    def find_channel(self, reference: str, *, seen_by: str) -> Channel:
        """A channel by id or ``#name``, or the person's direct conversation with the app for ``app``."""
        if reference == "app":
            return self.open_direct([seen_by, self.bot.id])
        wanted = reference.lstrip("#")
        named = (each.id for each in self.channels.values() if each.name == wanted)
        return self.channel(next(named, wanted), seen_by=seen_by)

    def require_member(self, channel: Channel, user_id: str) -> None:
        """Raises `SlackError` not_in_channel when the user is not a member, is_archived when nobody may
        write.
        """
        if channel.is_archived:
            raise SlackError("is_archived")
        if user_id not in channel.members:
            raise SlackError("not_in_channel")

    def message(self, channel_id: str, ts: str, *, error: str = "message_not_found") -> Message:
        """A visible message. Raises `SlackError` with `error` when there is none."""
        message = self.messages.get(channel_id, {}).get(ts)
        if message is None:
            raise SlackError(error)
        return message

    def any_message(self, channel_id: str, ts: str) -> Message:
        """A visible or an ephemeral message. Raises `SlackError` message_not_found."""
        ephemeral = self.ephemerals.get(channel_id, {}).get(ts)
        return ephemeral or self.message(channel_id, ts)

    def top_level(self, channel_id: str) -> list[Message]:
        """What stands in the channel itself: everything but replies that were not broadcast; oldest first."""
        return [
            message
            for message in self.messages[channel_id].values()
            if message.thread_ts in (None, message.ts) or message.broadcast
        ]

    def thread(self, channel_id: str, thread_ts: str) -> list[Message]:
        """The parent and its replies, oldest first. Raises `SlackError` thread_not_found."""
        parent = self.message(channel_id, thread_ts, error="thread_not_found")
        replies = (each for each in self.messages[channel_id].values() if each.thread_ts == thread_ts)
        return [parent, *(reply for reply in replies if reply.ts != thread_ts)]

    def to_json(self, message: Message) -> Json:
        """The message's wire form; a thread's parent also carries its counters."""
        body = message.to_json(team=self.team_id)
        if message.bot_id:
            body["bot_profile"] = {
                "id": message.bot_id,
                "name": self.bot.real_name,
                "app_id": self.app_id,
                "team_id": self.team_id,
                "deleted": False,
            }
        if message.thread_ts and message.thread_ts != message.ts:
            parent = self.messages[message.channel].get(message.thread_ts)
            body["parent_user_id"] = parent.user if parent else None
        elif message.thread_ts == message.ts and not message.only_for:
            replies = self.thread(message.channel, message.ts)[1:]
            people = list(dict.fromkeys(reply.user for reply in replies))
            body.update(
                reply_count=len(replies),
                reply_users=people,
                reply_users_count=len(people),
                latest_reply=replies[-1].ts if replies else message.ts,
                subscribed=False,
            )
        return body

    # --- changing things -----------------------------------------------------------------------------------

    def next_ts(self) -> str:
        """A new message id: the time in seconds with six digits, never the same twice."""
        self._last_microseconds = max(time.time_ns() // 1000, self._last_microseconds + 1)
        seconds, rest = divmod(self._last_microseconds, 1_000_000)
        return f"{seconds}.{rest:06d}"

    def post(
        self, *, channel: Channel, user: User, text: str, thread_ts: str | None = None, **fields: Any
    ) -> Message:
        """Add a message (see `Message` for `fields`) and tell everybody.

        Raises `SlackError` thread_not_found.
        """
        if thread_ts:
            parent = self.message(channel.id, thread_ts, error="thread_not_found")
            thread_ts = parent.thread_ts or parent.ts  # a reply to a reply belongs to the same thread
            self.messages[channel.id][thread_ts].thread_ts = thread_ts
        message = Message(
            channel=channel.id,
            ts=self.next_ts(),
            user=user.id,
            text=text,
            thread_ts=thread_ts,
            bot_id=user.bot_id,
            app_id=user.app_id,
            client_msg_id=None if user.is_bot else random_secrets.token_hex(16),
            **fields,
        )
        self.messages[channel.id][message.ts] = message
        self.tell("message", channel=channel.id, message=message)
        return message

    def post_ephemeral(
        self, *, channel: Channel, to: User, text: str, thread_ts: str | None = None, **fields: Any
    ) -> Message:
        """Show the app's message to one person only;
        it is kept for that person's page, never in the history.
        """
        message = Message(
            channel=channel.id,
            ts=self.next_ts(),
            user=self.bot.id,
            text=text,
            thread_ts=thread_ts,
            bot_id=self.bot.bot_id,
            app_id=self.app_id,
            only_for=to.id,
            **fields,
        )
        self.ephemerals[channel.id][message.ts] = message
        self.tell("message", channel=channel.id, only_for=to.id, message=message)
        return message

    def edit(self, message: Message, *, editor: str, previous: Json | None = None, **fields: Any) -> None:
        """Set the given fields of a message, mark it as edited, and tell everybody the old and the new
        form.
        """
        previous = previous or self.to_json(message)
        for name, value in fields.items():
            setattr(message, name, value)
        if not message.only_for:
            message.edited = {"user": editor, "ts": self.next_ts()}
        self.touch(message, previous=previous)

    def touch(self, message: Message, *, previous: Json | None = None) -> None:
        """Tell that a message looks different now;
        without `previous` only the page hears of it, not the app.
        """
        self.tell(
            "message_changed",
            channel=message.channel,
            only_for=message.only_for,
            message=message,
            previous=previous,
        )

    def delete(self, message: Message) -> None:
        """Remove a message, ephemeral or not, and tell everybody."""
        previous = self.to_json(message)
        store = self.ephemerals if message.only_for else self.messages
        del store[message.channel][message.ts]
        self.tell(
            "message_deleted",
            channel=message.channel,
            only_for=message.only_for,
            message=message,
            previous=previous,
        )

    def react(self, message: Message, *, user: User, name: str) -> None:
        """Add a reaction. Raises `SlackError` already_reacted."""
        people = message.reactions.setdefault(name, [])
        if user.id in people:
            raise SlackError("already_reacted")
        people.append(user.id)
        self.tell("reaction_added", channel=message.channel, message=message, user=user.id, reaction=name)

    def unreact(self, message: Message, *, user: User, name: str) -> None:
        """Take a reaction back. Raises `SlackError` no_reaction."""
        people = message.reactions.get(name, [])
        if user.id not in people:
            raise SlackError("no_reaction")
        people.remove(user.id)
        if not people:
            del message.reactions[name]
        self.tell("reaction_removed", channel=message.channel, message=message, user=user.id, reaction=name)

    def join(self, channel: Channel, user: User, *, inviter: str | None = None) -> None:
        """Make the user a member; nothing happens when they are one."""
        if user.id not in channel.members:
            channel.members.append(user.id)
            self.tell("member_joined", channel=channel.id, user=user.id, inviter=inviter)

    def leave(self, channel: Channel, user: User) -> None:
        """End the user's membership. Raises `SlackError` not_in_channel."""
        if user.id not in channel.members:
            raise SlackError("not_in_channel")
        channel.members.remove(user.id)
        self.tell("member_left", channel=channel.id, user=user.id)

    def open_direct(self, user_ids: Sequence[str]) -> Channel:
        """The direct conversation of exactly these people (two: im, more: mpim); made at first use."""
        members = sorted(self.user(user_id).id for user_id in dict.fromkeys(user_ids))
        for channel in self.channels.values():
            if channel.channel_type in ("im", "mpim") and sorted(channel.members) == members:
                return channel
        group = len(members) > 2
        channel = Channel(
            id=f"{'G' if group else 'D'}{next(self._direct_numbers):08d}",
            name="mpdm-" + "--".join(self.users[each].name for each in members) if group else "",
            members=members,
            is_im=not group,
            is_mpim=group,
            is_private=True,
        )
        self.channels[channel.id] = channel
        self.messages[channel.id] = {}
        self.ephemerals[channel.id] = {}
        self.tell("conversation_opened", channel=channel.id)
        return channel


def load_workspace(
    slack_json: Mapping[str, Any] | None,
    people: Sequence[Mapping[str, Any]] = (),
    *,
    manifest: Mapping[str, Any],
    secrets: AppSecrets,
    timing: Timing | None = None,
) -> Workspace:
    """Build a workspace from ``site.json["slack"]``: ``users`` and ``channels`` as in Slack's own objects.

    Without users, `people` (``{"name", "email", "login"?}``) become the users and members of #general;
    without
    either, three sample people do.
    """
    site = dict(slack_json or {})
    if not site.get("users"):
        site["users"] = [_user_from_person(number, person) for number, person in enumerate(people, start=1)]
    if not site["users"]:
        site = DEFAULT_SITE
    if not site.get("channels"):
        everybody = [user["id"] for user in site["users"]]
        site["channels"] = [{"id": "C0000001", "name": "general", "members": everybody}]
    return Workspace(
        users=[User(**_known(User, user)) for user in site["users"]],
        channels=[_channel(entry) for entry in site["channels"]],
        manifest=parse_manifest(manifest),
        secrets=secrets,
        timing=timing,
    )


def _channel(entry: Mapping[str, Any]) -> Channel:
    fields = _known(Channel, entry)
    for key in ("topic", "purpose"):
        if isinstance(fields.get(key), Mapping):  # Slack's own objects wrap the text
            fields[key] = fields[key].get("value", "")
    return Channel(**{**fields, "members": list(entry.get("members") or ())})


def _known(kind: type, entry: Mapping[str, Any]) -> Json:
    return {key: value for key, value in entry.items() if key in kind.__dataclass_fields__}  # type: ignore[attr-defined]


def _user_from_person(number: int, person: Mapping[str, Any]) -> Json:
    name = person.get("name") or person["email"]
    login = person.get("login") or str(person["email"]).partition("@")[0]
    return {"id": f"U{number:07d}", "name": login, "real_name": name, "email": person.get("email")}
