"""An answer as messages: its text, then its sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from bot.views import escaping
from bot.views.messages import MAX_CONTEXT, MAX_MARKDOWN, MAX_NOTIFICATION, Block, Message, context, pack
from bot.views.splitting import split_markdown
from inference.answers import Answer, Citation

#: Always the same words, so that they say nothing about what the asker alone could have found.
CHANNEL_HINT = (
    "I can only use what everyone in this channel may read; "
    "message me directly to search everything that you may read."
)
_QUOTED = "Quoted directly from the sources; no language model wrote this."
#: Where a first sentence is looked for.
_BEGINNING = 2_000
_NO_WORDS = "Here is what I found."
#: Room for what making a piece harmless adds to it.
_PIECE = 10_000

_MARKS = re.compile(r"(?:\s*\[\d+\])+")
_LINK_SYNTAX = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_DECORATION = re.compile(r"^\s*(?:#{1,6}\s+|[-*+>]\s+|\d+[.)]\s+)|[*_`~]{1,3}", re.MULTILINE)
_SENTENCE = re.compile(r"(.+?[.!?…])(?=\s|$)", re.DOTALL)

_AGES = ((365, "year"), (30, "month"), (7, "week"), (1, "day"))


def answer_messages(answer: Answer, *, in_channel: bool, now: datetime) -> list[Message]:
    """The messages of an answer; more than one when it is long, and nothing is left out.

    Args:
        answer: from the assistant.
        in_channel: others read it too; then "nothing found" comes with a hint to ask directly.
        now: for how long ago a source was changed.
    """
    sources = answer.citations if answer.found else answer.nearest
    links = {citation.url for citation in sources}
    pieces = list(_pieces(answer.text, links, _PIECE)) or [_NO_WORDS]
    blocks: list[Block] = [{"type": "markdown", "text": piece} for piece in pieces]
    if answer.found and answer.model == "extractive":
        blocks.append(context(_QUOTED))
    if sources:
        blocks.append(context("*Sources*" if answer.found else "*The nearest that I found*"))
        blocks += [context(source_line(citation, numbered=answer.found, now=now)) for citation in sources]
    if in_channel and not answer.found:
        blocks.append(context(escaping.mrkdwn(CHANNEL_HINT)))
    return pack(blocks, notification=first_sentence(answer.text))


def source_line(citation: Citation, *, numbered: bool, now: datetime) -> str:
    """One source in mrkdwn: number, linked title, where it is, what part, how old, which status."""
    title = escaping.shorten(citation.title, 150) or citation.external_id
    link = escaping.mrkdwn_link(citation.url, title)
    details = [
        escaping.mrkdwn(escaping.shorten(detail, 120))
        for detail in (citation.place, _part(citation), _age(citation.updated, now), citation.status or "")
        if detail
    ]
    lead = f"*[{citation.number}]* " if numbered else "• "
    line = lead + " · ".join([link, *details])
    # An address may be thousands of characters long; without it the source can still be found.
    return line if len(line) <= MAX_CONTEXT else lead + " · ".join([escaping.mrkdwn(title), *details])


def first_sentence(markdown: str) -> str:
    """What a notification says: the first sentence, without marks and decoration, escaped."""
    text = _MARKS.sub("", _LINK_SYNTAX.sub(r"\1", markdown[:_BEGINNING]))
    text = _DECORATION.sub("", text).strip()
    found = _SENTENCE.match(text.split("\n\n", 1)[0].strip() or text)
    sentence = found[1] if found else text.split("\n", 1)[0]
    return escaping.mrkdwn(escaping.shorten(sentence, MAX_NOTIFICATION - 100)) or _NO_WORDS


def _pieces(text: str, links: set[str], limit: int) -> Iterator[str]:
    for raw in split_markdown(text, limit):
        piece = escaping.markdown(raw, links=links)
        if len(piece) > MAX_MARKDOWN:
            yield from _pieces(raw, links, limit // 2)
        elif piece.strip():
            yield piece


def _part(citation: Citation) -> str:
    if citation.kind == "comment":
        return f"comment by {citation.author}" if citation.author else "comment"
    if citation.heading:
        return citation.heading
    return "" if citation.kind == "section" else citation.kind


def _age(updated: datetime | None, now: datetime) -> str:
    if updated is None:
        return ""
    changed = updated if updated.tzinfo else updated.replace(tzinfo=UTC)
    days = (now - changed).days
    for length, unit in _AGES:
        if days >= length:
            count = days // length
            return (
                "updated yesterday" if days == 1 else f"updated {count} {unit}{'s' if count > 1 else ''} ago"
            )
    return "updated today"
