"""Splits long Markdown into pieces that Slack takes, losing nothing."""

from __future__ import annotations

from bot.views.escaping import FENCE


def split_markdown(text: str, limit: int) -> list[str]:
    """Pieces of at most ``limit`` characters, cut between lines where possible.

    A code fence that is cut is closed at the end of its piece and opened again in the next one; the limit
    must leave room for that: 200 or more.
    """
    pieces: list[str] = []
    lines: list[str] = []
    opening = ""
    size = 0
    for line in _short_lines(text, limit - 100):
        closing = _closing(opening)
        if lines and size + len(line) + len(closing) > limit:
            pieces.append("".join(lines) + closing)
            lines = [opening] if opening else []
            size = len(opening)
        lines.append(line)
        size += len(line)
        opening = _after(opening, line)
    if lines:
        pieces.append("".join(lines))
    return [piece for piece in pieces if piece.strip()]


def _short_lines(text: str, limit: int) -> list[str]:
    short: list[str] = []
    for line in text.splitlines(keepends=True):
        rest = line
        while len(rest) > limit:
            space = rest.rfind(" ", limit // 2, limit)
            cut = space + 1 if space >= 0 else limit
            short.append(rest[:cut])
            rest = rest[cut:]
        short.append(rest)
    return short


def _after(opening: str, line: str) -> str:
    """The line that opened the code fence we are in after this line, "" outside of one."""
    mark = FENCE.fullmatch(line.rstrip("\n"))
    if not opening:
        # A fence with a long info line is opened again without it.
        return (line if len(line) < 50 else f"{mark[1][:3]}\n") if mark else ""
    fence = _fence_of(opening)
    closes = line.strip().startswith(fence) and not line.strip().strip(fence[0])
    return "" if closes else opening


def _closing(opening: str) -> str:
    return f"\n{_fence_of(opening)}\n" if opening else ""


def _fence_of(opening: str) -> str:
    mark = FENCE.fullmatch(opening.rstrip("\n"))
    return mark[1] if mark else ""
