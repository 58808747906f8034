"""What stands in a line of Jira wiki markup: emphasis, links, mentions, images, monospace."""

from __future__ import annotations

import re
from collections.abc import Callable

#: What is taken whole, first match first. Every repetition is bounded, so that dirt costs linear time.
_TOKEN = re.compile(  # each alternative starts with its character, so that the search can jump from one to the next
    r"""
    \{\{(?P<mono>[^\n]{1,300}?)\}\}
  | \[~(?P<user>[^\[\]\n]{1,200})\]
  | \[(?P<link>[^\[\]\n]{1,2000})\]
  | !(?<![\w!]!)(?P<image>[^\s!|][^!|\n]{0,300})(?:\|[^!\n]{0,200})?!(?![\w!])
  | \{(?P<macro>(?:color|anchor)(?::[^}\n]{0,200})?)\}
  | \\(?P<break>\\(?=\s|$))
  | \\(?P<escaped>[-*_{}\[\]!|#+^~])
    """,
    re.VERBOSE,
)
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}:|\#|/)", re.IGNORECASE)
_ATTACHED = re.compile(r"\^(?:.{1,300}\.\w{1,8}$|https?:)")
_BOLD = re.compile(r"\*(?<![\w*]\*)(?=[^\s*])([^*\n]{1,500})(?<=[^\s*])\*(?![\w*])")
_ITALIC = re.compile(r"_(?<![\w_]_)(?=[^\s_])([^_\n]{1,500})(?<=[^\s_])_(?![\w_])")


def inline(markup: str, user_name: Callable[[str], str | None]) -> str:
    """One run of text, line breaks kept."""
    parts, position, last = list[str](), 0, ""
    for token in _TOKEN.finditer(markup):
        before = _emphasised(markup[position : token.start()])
        written = _token(token, user_name)
        last = before[-1:] or last
        if token["link"] and last.isalnum() and written[:1].isalnum():
            before += " "  # a URL must not grow into the word before it
        parts += [before, written]
        last = written[-1:] or last
        position = token.end()
        if token["user"] and markup[position : position + 1].isalnum():
            parts.append(" ")  # people go on without a space after a mention
    parts.append(_emphasised(markup[position:]))
    return "".join(parts).strip()


def _emphasised(markup: str) -> str:
    return _ITALIC.sub(r"*\1*", _BOLD.sub(r"**\1**", markup))


def _token(token: re.Match[str], user_name: Callable[[str], str | None]) -> str:
    kind = token.lastgroup
    content = token[kind] if kind else ""
    if kind == "mono":
        return f"`{content}`"
    if kind == "user":
        return "@" + (user_name(content.removeprefix("accountid:")) or content.removeprefix("accountid:"))
    if kind == "link":
        return _link(content)
    if kind == "image":
        return f"![{content.rpartition('/')[2] or content}]({content})"
    if kind == "break":
        return "\n"
    return content if kind == "escaped" else ""


def _link(content: str) -> str:
    """``[text|url]``, ``[url]`` and ``[^file.txt]``; brackets around anything else are a person's own."""
    text, bar, url = content.rpartition("|")
    if bar and url.strip() in {"smart-link", "smart-card", "smart-embed"}:
        text, bar, url = text.rpartition("|")
    text, url = text.strip(), url.strip()
    if _ATTACHED.match(url):
        url = url[1:]
    elif not _URL.match(url):
        return f"[{content}]" if not bar else f"[{text}]({url})"
    return f"[{text}]({url})" if text and text != url else url
