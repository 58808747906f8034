"""Makes text from documents, people and the model harmless in Slack.

Nothing that was not written by us may notify anybody (``<!channel>``, ``<@U…>``), and nothing but a citation
may be a link: a page that anybody can edit must not put a link into an answer that looks like ours.

Formats: https://docs.slack.dev/messaging/formatting-message-text (mrkdwn) and
https://docs.slack.dev/reference/block-kit/blocks/markdown-block (standard Markdown).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import quote, urlsplit

#: Breaks a control sequence and is not seen.
_BREAK = "\u200b"

_CONTROL = re.compile(r"<(?=[@#][A-Za-z0-9]|!(?:channel|here|everyone|group|subteam|date)\b)", re.IGNORECASE)
_ROOM_MENTION = re.compile(r"@(?=(?:here|channel|everyone|group)\b)", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")

#: A line that opens or closes fenced code.
FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[^`\n]*")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)([^\n]*?[^`\n])\1(?!`)")
_ADDRESS = r"(?:[a-zA-Z][a-zA-Z0-9+.-]{1,20}://|mailto:|tel:|javascript:|data:|www\.)[^\s<>`\"|\\\u200b]+"
_LINK = re.compile(
    r"!?\[(?P<label>(?:[^\[\]\n]|\[[^\[\]\n]{0,80}\]){0,400})\]"
    r"\([ ]*<?(?P<target>[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?"
    r"(?:[ ]+[\"'][^\n\"']*[\"'])?[ ]*\)"
    rf"|<(?P<auto>{_ADDRESS})>"
    rf"|(?P<bare>{_ADDRESS})",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[.,;:!?)\]}'*_~]+$")
_TAG = re.compile(r"<(?=[a-zA-Z/?!])")


def mrkdwn(text: str) -> str:
    """One line of plain text inside ``text`` or a mrkdwn text object."""
    text = " ".join(_INVISIBLE.sub("", text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ROOM_MENTION.sub(f"@{_BREAK}", text)


def shorten(text: str, length: int) -> str:
    """At most so many characters, cut at a word where there is one."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    head = text[: length - 1]
    return f"{head.rsplit(' ', 1)[0] if ' ' in head[length // 2 :] else head}…"


def mrkdwn_link(url: str, label: str) -> str:
    """A link in mrkdwn; only the label when the address is not one of the web."""
    name = mrkdwn(label).replace("|", "¦") or "untitled"
    address = web_address(url)
    return f"<{address.replace('&', '&amp;')}|{name}>" if address else name


def web_address(url: str) -> str | None:
    """The address with everything escaped that Slack gives a meaning to; None unless it is http(s)."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc:
        return None
    return quote(url.strip(), safe="%/:?#[]@!$&'()*+,;=~-._")


def markdown(text: str, *, links: Collection[str] = ()) -> str:
    """Markdown for a ``markdown`` block: code stays code, and only those in ``links`` stay links.

    Any other address is shown as code, so that it can be read and copied but not clicked.
    """
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(_quiet(part) if is_code else _prose(part, links) for part, is_code in _fences(text))


def _fences(text: str) -> Iterator[tuple[str, bool]]:
    """The text in runs of lines, each with whether it is fenced code; an open fence is closed."""
    run: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = FENCE.fullmatch(line.rstrip("\n"))
        if not fence and mark:
            yield "".join(run), False
            run, fence = [line], mark[1]
        elif fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            yield "".join([*run, line]), True
            run, fence = [], ""
        else:
            run.append(line)
    if fence:
        run.append(("" if run[-1].endswith("\n") else "\n") + fence)
    yield "".join(run), bool(fence)


def _prose(text: str, links: Collection[str]) -> str:
    parts: list[str] = []
    position = 0
    for match in _CODE_SPAN.finditer(text):
        parts += [_text(text[position : match.start()], links), _quiet(match[0])]
        position = match.end()
    return _join([*parts, _text(text[position:], links)])


def _text(text: str, links: Collection[str]) -> str:
    # A backtick without its partner could pair with one of ours.
    text = text.replace("`", "'")
    parts: list[str] = []
    position = 0
    for match in _LINK.finditer(text):
        parts += [_plain(text[position : match.start()]), _address(match, links)]
        position = match.end()
    return _join([*parts, _plain(text[position:])])


def _join(parts: list[str]) -> str:
    """Put together; the backticks of two pieces of code that meet must not make one longer mark."""
    joined = ""
    for part in parts:
        joined += _BREAK + part if joined.endswith("`") and part.startswith("`") else part
    return joined


def _address(match: re.Match[str], links: Collection[str]) -> str:
    target = match["target"]
    if target is not None:
        label = _plain(_without_addresses(match["label"])).strip()
        address = web_address(target) if target in links else None
        if address:
            return f"[{label or 'source'}]({address.replace('(', '%28').replace(')', '%29')})"
        shown = f"{label} {_as_code(target)}" if target else label
        # "[1](…)" is a mark of ours with a target that is none.
        return f"[{label}]" if label.isdigit() else shown.strip()
    found = match["auto"] or match["bare"]
    tail = _TRAILING.search(found)
    end = tail[0] if tail else ""
    core = found[: len(found) - len(end)]
    address = web_address(core) if core in links else None
    return (address or _as_code(core)) + _plain(end)


def _without_addresses(label: str) -> str:
    return re.sub(_ADDRESS, "…", label, flags=re.IGNORECASE)


def _as_code(text: str) -> str:
    inner = _quiet(re.sub(r"[`\s]", "", text))
    return f"`{inner}`" if inner else ""


def _plain(text: str) -> str:
    text = _TAG.sub(f"<{_BREAK}", _CONTROL.sub(f"<{_BREAK}", text))
    # What is left of a link's or a definition's syntax must not become one together with what follows.
    text = text.replace("](", f"]{_BREAK}(").replace("]:", f"]{_BREAK}:")
    return _ROOM_MENTION.sub(f"@{_BREAK}", text)


def _quiet(code: str) -> str:
    return _CONTROL.sub(f"<{_BREAK}", code)
