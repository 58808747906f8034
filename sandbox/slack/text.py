"""What people type, turned into what Slack stores:
entities escaped, mentions, channels and links in angle brackets.
"""

from __future__ import annotations

import re
from functools import partial

from sandbox.slack.workspace import Workspace

_URL = re.compile(r"https?://[^\s<>|]+[^\s<>|.,;:!?)\]'\"]")
_ALREADY_ENCODED = re.compile(r"<(?:@[UW][A-Z0-9]+|#C[A-Z0-9]+(?:\|[^<>]*)?)>")


def escape(text: str) -> str:
    """Escape the three characters that Slack reserves (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def encode_typed_text(workspace: Workspace, text: str) -> str:
    """``@Ada see #general & https://x.example`` becomes ``<@U1> see <#C1|general> &amp; <https://x.example>``.

    A mention or channel that is written in Slack's own form already is kept.
    """
    pieces: list[str] = []
    position = 0
    for match in _ALREADY_ENCODED.finditer(text):
        pieces += [_encode_plain(workspace, text[position : match.start()]), match.group()]
        position = match.end()
    return "".join([*pieces, _encode_plain(workspace, text[position:])])


def _encode_plain(workspace: Workspace, text: str) -> str:
    pieces: list[str] = []
    position = 0
    for match in _URL.finditer(text):
        pieces += [_encode_names(workspace, text[position : match.start()]), f"<{escape(match.group())}>"]
        position = match.end()
    return "".join([*pieces, _encode_names(workspace, text[position:])])


def _encode_names(workspace: Workspace, text: str) -> str:
    text = escape(text)
    if "@" in text:
        people = {
            name.lower(): user.id for user in workspace.users.values() for name in (user.real_name, user.name)
        }
        people[workspace.manifest.bot_name.lower()] = workspace.bot.id
        people[workspace.bot.real_name.lower()] = workspace.bot.id
        text = _names_after("@", people).sub(partial(_mention, people), text)
    if "#" in text:
        channels = {channel.name: channel.id for channel in workspace.channels.values() if channel.name}
        text = _names_after("#", channels).sub(partial(_channel_link, channels), text)
    return text


def _names_after(sign: str, names: dict[str, str]) -> re.Pattern[str]:
    longest_first = sorted((escape(name) for name in names), key=len, reverse=True)
    return re.compile(
        rf"(?<![\w@#]){sign}({'|'.join(map(re.escape, longest_first))})(?![\w-])", re.IGNORECASE
    )


def _mention(people: dict[str, str], match: re.Match[str]) -> str:
    return f"<@{people[_unescape(match.group(1)).lower()]}>"


def _channel_link(channels: dict[str, str], match: re.Match[str]) -> str:
    name = _unescape(match.group(1)).lower()
    return f"<#{channels[name]}|{name}>" if name in channels else match.group()


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
