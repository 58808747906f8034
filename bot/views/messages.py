"""Messages in Slack's limits (https://docs.slack.dev/reference/block-kit/blocks)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bot.views import escaping

Block = dict[str, Any]

MAX_MARKDOWN = 12_000
#: Slack takes 50; some are left for what other views add.
MAX_BLOCKS = 45
#: All text of a message's blocks together; the live service was seen to refuse more than 13,200.
MAX_TEXT = 12_900
MAX_CONTEXT = 2_000
#: Of the notification; a telephone shows less.
MAX_NOTIFICATION = 300


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message: what the notification says, and what stands in the thread."""

    #: mrkdwn, escaped.
    text: str
    blocks: tuple[Block, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Arguments of chat.postMessage and chat.update."""
        return {"text": self.text, "blocks": list(self.blocks)}


def notice(text: str) -> Message:
    """A message of one plain sentence of ours, or of an error."""
    safe = escaping.mrkdwn(escaping.shorten(text, 2_500))
    return Message(text=safe, blocks=(section(safe),))


def section(mrkdwn: str) -> Block:
    """A paragraph of mrkdwn that is escaped already; at most 3,000 characters."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn, "verbatim": True}}


def context(mrkdwn: str) -> Block:
    """A small line of mrkdwn that is escaped already; at most 2,000 characters."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn, "verbatim": True}]}


def pack(blocks: Iterable[Block], *, notification: str) -> list[Message]:
    """As few messages as hold all blocks, in order; the notification goes with the first one."""
    messages: list[Message] = []
    for group in _groups(blocks):
        text = notification if not messages else f"{notification} (continued)"
        messages.append(Message(text=text, blocks=tuple(group)))
    return messages


def _groups(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    size = 0
    for block in blocks:
        length = text_length(block)
        if group and (len(group) >= MAX_BLOCKS or size + length > MAX_TEXT):
            yield group
            group, size = [], 0
        group.append(block)
        size += length
    if group:
        yield group


def text_length(value: Any) -> int:
    """Characters of all texts in a block, as Slack counts them together."""
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(text_length(inner) for key, inner in value.items() if not isinstance(inner, str))
    if isinstance(value, list | tuple):
        return sum(text_length(inner) for inner in value)
    return 0
