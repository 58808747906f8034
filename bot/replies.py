"""What is to be delivered for a question, and for whom it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.people import Readers
from bot.views.messages import Message


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The messages of one reply."""

    #: ``{"text", "blocks"}`` of each, as Slack takes them.
    messages: list[dict[str, Any]]
    #: The digest of the readers whom it was made for; None when it holds nothing but sentences of ours.
    readers: str | None


def reply_of(messages: Sequence[Message], *, readers: Readers | None = None) -> Reply:
    """A reply of these messages."""
    return Reply(
        messages=[message.to_json() for message in messages], readers=digest(readers) if readers else None
    )


def digest(readers: Readers) -> str:
    """The same for the same people, and telling nothing about them."""
    lines = "\n".join(sorted(readers.audience.emails or ()))
    return hashlib.sha256(lines.encode()).hexdigest()
