"""From Slack's events to messages that are meant for Lorebot. Pure functions.

Event shapes: https://docs.slack.dev/reference/events/message and …/app_mention
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.inbox import Incoming

#: Messages that people write; every other subtype is an edit, a deletion or a notice of Slack's own.
_WRITTEN = frozenset({None, "file_share", "thread_broadcast", "me_message"})

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_SPECIAL = re.compile(r"<!(?:subteam\^\w+|[\w^]+)(?:\|([^>]*))?>")
_CHANNEL = re.compile(r"<#[CGD][A-Z0-9]+(?:\|([^>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto|tel)[^|>]+)(?:\|([^>]*))?>")
_COURTESY = re.compile(
    r"(?:(?:many |a lot|so much|very much|thanks|thank you|thx|ty|great|perfect|cool|nice|awesome|ok|okay|got it"
    r"|that helps|it works?|works|works now|done|danke|merci|:[\w+-]+:)[\s.,!]*)+",
    re.IGNORECASE,
)
_SPACES = re.compile(r"[ \t]{2,}")


def read_message(body: Mapping[str, Any], *, bot_user: str) -> Incoming | None:
    """The message that a person wrote, from the body of a message or app_mention event; None for all else."""
    event = body.get("event") or {}
    written = (
        event.get("subtype") in _WRITTEN
        and not event.get("bot_id")
        and not event.get("hidden")
        and event.get("user") not in (None, bot_user, "USLACKBOT")
        and event.get("channel")
        and event.get("ts")
    )
    if not written:
        return None
    return Incoming(
        team=body.get("team_id") or event.get("team") or "",
        channel=event["channel"],
        ts=event["ts"],
        thread_ts=event.get("thread_ts") or event["ts"],
        event_id=body.get("event_id") or "",
        user=event["user"],
        # Postgres cannot store NUL.
        text=(event.get("text") or "").replace("\x00", ""),
    )


def is_addressed(event: Mapping[str, Any], *, bot_user: str) -> bool:
    """Whether a message speaks to Lorebot by itself: written to it directly, or mentioning it."""
    return (
        event.get("type") == "app_mention"
        or event.get("channel_type") == "im"
        or bot_user in _MENTION.findall(event.get("text") or "")
    )


def is_follow_up(message: Incoming) -> bool:
    """Whether it may continue a conversation.

    Not what begins by addressing somebody else, and not a mere "thanks": nobody wants an answer to that.
    """
    text = message.text.strip()
    return message.thread_ts != message.ts and not _MENTION.match(text) and not _COURTESY.fullmatch(text)


def question_of(text: str, *, bot_user: str) -> str:
    """The question as the person reads it: without the mention of Lorebot, links and entities resolved."""
    text = _MENTION.sub(lambda match: "" if match[1] == bot_user else "@someone", text)
    text = _SPECIAL.sub(lambda match: match[1] or "", text)
    text = _CHANNEL.sub(lambda match: f"#{match[1]}" if match[1] else "", text)
    text = _LINK.sub(lambda match: _link_text(match[1], match[2]), text)
    # Slack escapes exactly these three.
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return _SPACES.sub(" ", text).strip()


def _link_text(url: str, label: str | None) -> str:
    address = url.removeprefix("mailto:").removeprefix("tel:")
    return f"{label} {address}" if label and label not in address else address
