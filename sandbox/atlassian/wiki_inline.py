"""Jira wiki markup inside a line -> inline ADF nodes (text with marks, mentions, links, line breaks).

Markup: https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa ; ADF:
https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/ . What is not understood stays as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Node = dict[str, Any]
ResolveMention = Callable[[str], tuple[str, str]]
"""Login or account id -> (account id, display name)."""

MAX_NESTING = 6
URL = r"(?:https?|ftp|file)://|mailto:"

TOKEN = re.compile(
    r"(?P<newline>\n|\\\\)"
    r"|\\(?P<escaped>[^\w\s])"
    r"|\{\{(?P<mono>[^\n]{1,2000}?)\}\}(?!\})"
    r"|(?P<color>\{color(?::[#\w ,().%]*)?\})"
    r"|\[~(?P<mention>[^\]\s|]{1,200})\]"
    r"|\[\^(?P<attachment>[^\]\n|]{1,300})\]"
    r"|\[(?:(?P<label>[^\]\[\n|]{1,1000})\|)?(?P<target>(?:" + URL + r")[^\]\s|]+)(?:\|[^\]\n]*)?\]"
    r"|(?P<url>\b(?:https?|ftp)://[^\s\[\]{}|<>\"]+[^\s\[\]{}|<>\"'.,;:!?)*_])"
    r"|(?<![\w!])!(?P<image>[^\s!|]{1,500}\.\w{2,5})(?:\|[^!\n]{0,200})?!(?!\w)"
    r"|(?<![\w*])(?P<strong>\*)(?=[^\s*])(?P<strong_text>[^\n]{1,400}?)(?<=[^\s*])\*(?![\w*])"
    r"|(?<![\w_])(?P<em>_)(?=[^\s_])(?P<em_text>[^\n]{1,400}?)(?<=[^\s_])_(?![\w_])"
    r"|(?<![\w-])(?P<strike>-)(?=[^\s-])(?P<strike_text>[^\n]{1,400}?)(?<=[^\s-])-(?![\w-])"
    r"|(?<![\w+])(?P<underline>\+)(?=[^\s+])(?P<underline_text>[^\n]{1,400}?)(?<=[^\s+])\+(?![\w+])"
    r"|(?P<cite>\?\?)(?=[^\s?])(?P<cite_text>[^\n]{1,400}?)(?<=[^\s?])\?\?"
)
SPANS = {"strong": "strong", "em": "em", "strike": "strike", "underline": "underline", "cite": "em"}


def parse_inline(
    text: str, resolve: ResolveMention, marks: tuple[Node, ...] = (), depth: int = 0
) -> list[Node]:
    """Turn one run of wiki text into inline nodes; never raises, and every word comes out again."""
    nodes: list[Node] = []
    position = 0
    for match in TOKEN.finditer(text):
        _add_text(nodes, text[position : match.start()], marks)
        position = match.end()
        for node in _nodes_of(match, resolve, marks, depth):
            _add(nodes, node)
    _add_text(nodes, text[position:], marks)
    return nodes


def text_node(text: str, marks: tuple[Node, ...] = ()) -> Node:
    node: Node = {"type": "text", "text": text}
    if marks:
        node["marks"] = list(marks)
    return node


def _nodes_of(
    match: re.Match[str], resolve: ResolveMention, marks: tuple[Node, ...], depth: int
) -> list[Node]:
    found = match.groupdict()
    if found["target"] or found["url"]:
        return _link(found["target"] or found["url"], found["label"], resolve, marks, depth)
    kind = next((kind for kind in SPANS if found[kind]), None)
    if kind is None:
        return _plain_nodes(found, resolve, marks)
    if depth >= MAX_NESTING:
        return [text_node(match.group(), marks)]
    mark = {"type": SPANS[kind]}
    inner = marks if mark in marks else (*marks, mark)
    return parse_inline(found[f"{kind}_text"], resolve, inner, depth + 1)


def _plain_nodes(
    found: dict[str, str | None], resolve: ResolveMention, marks: tuple[Node, ...]
) -> list[Node]:
    """The nodes of what holds no further markup; colours are left out."""
    if found["newline"]:
        return [{"type": "hardBreak"}]
    if found["mono"]:
        links = tuple(mark for mark in marks if mark["type"] == "link")
        return [text_node(found["mono"], (*links, {"type": "code"}))]
    if found["mention"]:
        account_id, name = resolve(found["mention"].removeprefix("accountid:"))
        return [{"type": "mention", "attrs": {"id": account_id, "text": f"@{name}"}}]
    text = found["escaped"] or found["attachment"] or found["image"]
    return [text_node(text, marks)] if text else []


def _link(
    target: str, label: str | None, resolve: ResolveMention, marks: tuple[Node, ...], depth: int
) -> list[Node]:
    if any(mark["type"] == "link" for mark in marks):
        return [text_node(label or target, marks)]
    inner = (*marks, {"type": "link", "attrs": {"href": target}})
    if label is None or depth >= MAX_NESTING:
        return [text_node(label or target, inner)]
    return parse_inline(label, resolve, inner, depth + 1)


def _add_text(nodes: list[Node], text: str, marks: tuple[Node, ...]) -> None:
    if text:
        _add(nodes, text_node(text, marks))


def _add(nodes: list[Node], node: Node) -> None:
    """Append a node, joined to the one before when both are text with the same marks."""
    last = nodes[-1] if nodes else None
    if last and last["type"] == node["type"] == "text" and last.get("marks") == node.get("marks"):
        last["text"] += node["text"]
    else:
        nodes.append(node)
