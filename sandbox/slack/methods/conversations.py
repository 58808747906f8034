"""conversations.* and reactions.*: channels, members, histories, threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sandbox.slack.errors import SlackError
from sandbox.slack.methods.call import Call, Handler
from sandbox.slack.models import Channel, Json, Message

CHANNEL_TYPES = {"channel": "public_channel", "group": "private_channel", "im": "im", "mpim": "mpim"}


def list_channels(call: Call) -> Json:
    """conversations.list: public channels, and the private ones that the app is in."""
    bot = call.workspace.bot.id
    return _listed(call, lambda channel: channel.channel_type == "channel" or bot in channel.members)


def list_own_channels(call: Call) -> Json:
    """users.conversations: what the user (the app, when none is named) is in, as far as the app can see it."""
    bot = call.workspace.bot.id
    user = call.workspace.user(call.optional("user") or bot)
    return _listed(
        call,
        lambda channel: (
            user.id in channel.members and (channel.channel_type == "channel" or bot in channel.members)
        ),
    )


def _listed(call: Call, wanted: Callable[[Channel], bool]) -> Json:
    types = call.names("types") or ["public_channel"]
    if not set(types) <= set(CHANNEL_TYPES.values()):
        raise SlackError("invalid_types")
    found = [
        channel
        for channel in call.workspace.channels.values()
        if CHANNEL_TYPES[channel.channel_type] in types
        and wanted(channel)
        and not (call.flag("exclude_archived") and channel.is_archived)
    ]
    page, cursor = call.page(found, default=100)
    channels = [channel_to_json(call, channel) for channel in page]
    return {"channels": channels, "response_metadata": {"next_cursor": cursor}}


def info(call: Call) -> Json:
    """conversations.info."""
    channel = call.channel()
    body = channel_to_json(call, channel)
    if not call.flag("include_num_members"):
        body.pop("num_members", None)
    return {"channel": body}


def members(call: Call) -> Json:
    """conversations.members."""
    page, cursor = call.page(call.channel().members, default=100)
    return {"members": list(page), "response_metadata": {"next_cursor": cursor}}


def history(call: Call) -> Json:
    """conversations.history: newest first."""
    channel = call.joined_channel()
    found = [each for each in reversed(call.workspace.top_level(channel.id)) if _within(call, each)]
    page, cursor = call.page(found, default=100, most=999)
    return _messages(call, page, cursor) | {"pin_count": 0}


def replies(call: Call) -> Json:
    """conversations.replies: the parent, then the replies, oldest first."""
    channel = call.joined_channel()
    asked = call.workspace.message(channel.id, call.text("ts"), error="thread_not_found")
    parent, *rest = call.workspace.thread(channel.id, asked.thread_ts or asked.ts)
    found = [parent, *(each for each in rest if _within(call, each))]
    page, cursor = call.page(found, default=1000)
    return _messages(call, page, cursor)


def open_direct(call: Call) -> Json:
    """conversations.open: the direct conversation with these users (or the one named by `channel`)."""
    if call.optional("channel"):
        channel = call.channel()
    else:
        users = call.names("users")
        if not users:
            raise SlackError("users_list_not_supplied")
        channel = call.workspace.open_direct([*users, call.workspace.bot.id])
    full = call.flag("return_im")
    return {"channel": channel_to_json(call, channel) if full else {"id": channel.id}}


def join(call: Call) -> Json:
    """conversations.join: the app joins a public channel."""
    channel = call.channel()
    call.workspace.join(channel, call.workspace.bot)
    return {"channel": channel_to_json(call, channel)}


def leave(call: Call) -> Json:
    """conversations.leave."""
    call.workspace.leave(call.channel(), call.workspace.bot)
    return {}


def add_reaction(call: Call) -> Json:
    """reactions.add."""
    message = call.workspace.message(call.channel().id, call.text("timestamp"))
    call.workspace.react(message, user=call.workspace.bot, name=call.text("name").strip(":"))
    return {}


def remove_reaction(call: Call) -> Json:
    """reactions.remove."""
    message = call.workspace.message(call.channel().id, call.text("timestamp"))
    call.workspace.unreact(message, user=call.workspace.bot, name=call.text("name").strip(":"))
    return {}


def get_reactions(call: Call) -> Json:
    """reactions.get."""
    channel = call.channel()
    message = call.workspace.message(channel.id, call.text("timestamp"))
    return {"type": "message", "channel": channel.id, "message": call.workspace.to_json(message)}


def channel_to_json(call: Call, channel: Channel) -> Json:
    """A conversation in the shape of conversations.info."""
    team, bot = call.workspace.team_id, call.workspace.bot.id
    body: Json = {
        "id": channel.id,
        "created": channel.created,
        "is_channel": channel.channel_type == "channel",
        "is_group": channel.channel_type == "group",
        "is_im": channel.is_im,
        "is_mpim": channel.is_mpim,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_org_shared": False,
        "context_team_id": team,
        "shared_team_ids": [team],
    }
    if channel.is_im:
        other = next((each for each in channel.members if each != bot), bot)
        return body | {"user": other, "is_user_deleted": False, "is_open": True}
    return body | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_general": channel.name == "general",
        "is_member": bot in channel.members,
        "creator": channel.members[0] if channel.members else bot,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
        "num_members": len(channel.members),
    }


def _within(call: Call, message: Message) -> bool:
    """Whether the message lies between ``oldest`` and ``latest``; the ends count only with ``inclusive``."""
    oldest, latest = call.optional("oldest") or "0", call.optional("latest") or "9999999999"
    moment = float(message.ts)
    if call.flag("inclusive") and message.ts in (oldest, latest):
        return True
    return float(oldest) < moment < float(latest)


def _messages(call: Call, page: Sequence[Message], cursor: str) -> Json:
    body: Json = {"messages": [call.workspace.to_json(each) for each in page], "has_more": bool(cursor)}
    if cursor:
        body["response_metadata"] = {"next_cursor": cursor}
    return body


METHODS: dict[str, Handler] = {
    "conversations.list": list_channels,
    "users.conversations": list_own_channels,
    "conversations.info": info,
    "conversations.members": members,
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.open": open_direct,
    "conversations.join": join,
    "conversations.leave": leave,
    "reactions.add": add_reaction,
    "reactions.remove": remove_reaction,
    "reactions.get": get_reactions,
}
