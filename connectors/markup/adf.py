"""Atlassian Document Format to Markdown: every node type, and whatever is inside one that we do not know.

Source: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from connectors.markup import blocks as b
from connectors.markup.tables import Cell, markdown_table

_DEEPEST = 60
_INLINE = {
    *(
        "text",
        "hardBreak",
        "mention",
        "emoji",
        "date",
        "status",
        "inlineCard",
        "placeholder",
        "inlineExtension",
    ),
    "mediaInline",
}
_CARDS = {"blockCard", "embedCard", "inlineCard"}
_TRANSPARENT = {
    "doc",
    "layoutSection",
    "layoutColumn",
    "listItem",
    "mediaGroup",
    "caption",
}
_MARKS = {"strong": "**", "em": "*", "strike": "~~", "code": "`"}


def adf_to_markdown(document: object) -> str:
    """A description's or comment's Markdown. Never raises: broken nodes are read for the text below them."""
    return b.to_markdown(_blocks(document, 0))


def _blocks(node: object, depth: int) -> list[b.Block]:
    return list(_flow(_content(node), depth))


def _flow(nodes: list[Any], depth: int) -> Iterator[b.Block]:
    line: list[str] = []
    for node in nodes:
        if _kind(node) in _INLINE:
            line.append(_inline(node))
            continue
        if "".join(line).strip():
            yield b.text("".join(line).strip())
        line = []
        yield from _block(node, depth + 1)
    if "".join(line).strip():
        yield b.text("".join(line).strip())


def _block(node: Any, depth: int) -> Iterator[b.Block]:
    kind = _kind(node)
    if depth > _DEEPEST:
        yield b.text(" ".join(_texts(node)))
    elif kind == "heading":
        yield b.heading(" ".join(block.text for block in _blocks(node, depth)), _level(node))
    elif kind in {"bulletList", "orderedList"}:
        yield b.text(_list(node, depth, ordered=kind == "orderedList"))
    elif kind in {"taskList", "decisionList"}:
        yield b.text(_checklist(node, depth))
    elif kind == "codeBlock":
        yield b.code("".join(_texts(node)), _attribute(node, "language"))
    elif kind == "blockquote":
        yield from b.quoted(_blocks(node, depth))
    elif kind == "panel":
        yield from b.labelled(_attribute(node, "panelType").capitalize(), _blocks(node, depth))
    elif kind in {"expand", "nestedExpand"}:
        yield from b.labelled(_attribute(node, "title"), _blocks(node, depth))
    elif kind == "table":
        yield b.table(_table(node, depth))
    elif kind == "media":
        yield b.text(_media(node))
        yield from _blocks(node, depth)
    elif kind in _CARDS:
        yield b.text(_card(node))
    else:
        yield from _unknown(node, depth)


def _unknown(node: Any, depth: int) -> Iterator[b.Block]:
    """An extension, an old card, a node that a later editor invented: its own words, then what is inside."""
    if not isinstance(node, dict):
        return
    words = " ".join(_own_words(node))
    if words and _kind(node) not in _TRANSPARENT:
        yield b.text(words)
    yield from _blocks(node, depth)


def _own_words(node: dict[str, Any]) -> Iterator[str]:
    """What a node says by itself: its text, and every title and text among its attributes."""
    waiting: list[tuple[str, object]] = [("attrs", node.get("attrs")), ("text", node.get("text"))]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            # An extension's parameters are for its program, not for people.
            waiting += [(key, each) for key, each in reversed(value.items()) if key != "parameters"]
        elif isinstance(value, list):
            waiting += [(name, each) for each in reversed(value)]
        elif name in {"text", "title"} and isinstance(value, str) and value.strip():
            yield value


def _list(node: Any, depth: int, *, ordered: bool) -> str:
    start = _attributes(node).get("order", 1)
    number = start if isinstance(start, int) else 1
    items = []
    for each in _content(node):
        marker = f"{number}. " if ordered else "- "
        inner = _blocks(each, depth + 1) if _kind(each) == "listItem" else list(_flow([each], depth))
        items.append(b.list_item(marker, inner))
        number += 1
    return "\n".join(items)


def _checklist(node: Any, depth: int) -> str:
    lines = []
    for each in _content(node):
        done = _attribute(each, "state") in {"DONE", "DECIDED"}
        lines.append(b.list_item("- [x] " if done else "- [ ] ", list(_checklist_item(each, depth + 1))))
    return "\n".join(lines)


def _checklist_item(node: Any, depth: int) -> Iterator[b.Block]:
    is_item = _kind(node) in {"taskItem", "decisionItem", "blockTaskItem"}
    yield from _blocks(node, depth) if is_item else _flow([node], depth)


def _table(node: Any, depth: int) -> str:
    rows = [_content(row) if _kind(row) == "tableRow" else [row] for row in _content(node)]
    return markdown_table([[_cell(cell, depth + 1) for cell in row] for row in rows])


def _cell(node: Any, depth: int) -> Cell:
    spans = [_attributes(node).get(name) for name in ("colspan", "rowspan")]
    columns, rows = (span if isinstance(span, int) else 1 for span in spans)
    is_cell = _kind(node) in {"tableCell", "tableHeader"}
    blocks = _blocks(node, depth) if is_cell else _flow([node], depth)
    return Cell(
        text=b.to_markdown(blocks, gap="\n"),
        header=_kind(node) == "tableHeader",
        columns=columns,
        rows=rows,
    )


def _inline(node: Any) -> str:
    shown = _shown(node)
    if not _content(node):
        return shown
    # Nothing belongs into what stands in a line; what is there all the same is read.
    return " ".join(filter(None, [shown, *_texts({"content": _content(node)})]))


def _shown(node: Any) -> str:  # noqa: PLR0911 - one line for each kind of node
    kind = _kind(node)
    if kind == "text":
        return _marked(_string(node.get("text")), node.get("marks"))
    if kind == "hardBreak":
        return "\n"
    if kind == "mention":
        name = _attribute(node, "text") or _attribute(node, "displayName")
        return name if name.startswith("@") else f"@{name or 'someone'}"
    if kind == "emoji":
        return _attribute(node, "text") or _attribute(node, "shortName")
    if kind == "date":
        return _date(_attributes(node).get("timestamp"))
    if kind == "inlineCard":
        return _card(node)
    if kind == "mediaInline":
        return _media(node)
    return _attribute(node, "text")


def _marked(words: str, marks: object) -> str:
    core = words.strip()
    if not core or not isinstance(marks, list):
        return words
    before, _, after = words.partition(core)
    for mark in sorted(filter(lambda m: isinstance(m, dict), marks), key=lambda m: m.get("type") != "code"):
        kind = _string(mark.get("type"))
        sign = _MARKS.get(kind, "")
        core = f"{sign}{core}{sign}"
        href = _attribute(mark, "href")
        if kind == "link" and href and href != core:
            core = f"[{core}]({href})"
    return f"{before}{core}{after}"


def _date(timestamp: object) -> str:
    try:
        return datetime.fromtimestamp(int(str(timestamp)) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return _string(timestamp)


def _card(node: Any) -> str:
    data = _attributes(node).get("data")
    linked = data if isinstance(data, dict) else {}
    url, name = _attribute(node, "url") or _string(linked.get("url")), _string(linked.get("name"))
    return f"[{name}]({url})" if name and url else name or url


def _media(node: Any) -> str:
    name = _attribute(node, "alt") or _attribute(node, "fileName")
    url = _attribute(node, "url")
    return f"![{name}]({url or name})" if name or url else ""


def _kind(node: object) -> str:
    return _string(node.get("type")) if isinstance(node, dict) else ""


def _content(node: object) -> list[Any]:
    inside = node.get("content") if isinstance(node, dict) else None
    return inside if isinstance(inside, list) else []


def _attributes(node: Any) -> dict[str, Any]:
    attributes = node.get("attrs") if isinstance(node, dict) else None
    return attributes if isinstance(attributes, dict) else {}


def _attribute(node: Any, name: str) -> str:
    return _string(_attributes(node).get(name))


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _level(node: Any) -> int:
    level = _attributes(node).get("level")
    return min(max(level, 1), 6) if isinstance(level, int) else 1


def _texts(node: object) -> Iterator[str]:
    """The words of what stands in a line below a node, without marks, in reading order, however deep."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if isinstance(each.get("text"), str):
                yield each["text"]
            elif _kind(each) in _INLINE:
                yield _shown(each)
        waiting += reversed(_content(each))
