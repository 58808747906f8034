"""ADF -> HTML, for the pages that people see and for Jira's rendered fields."""

from __future__ import annotations

from html import escape
from typing import Any

BLOCK_TAGS = {
    "paragraph": "p",
    "blockquote": "blockquote",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
    "tableRow": "tr",
    "tableHeader": "th",
    "tableCell": "td",
}
MARK_TAGS = {"strong": "strong", "em": "em", "code": "code", "strike": "del", "underline": "u"}


def adf_to_html(node: dict[str, Any]) -> str:
    """Render the nodes that `wiki_adf` makes; text is escaped, and links lead to http, ftp or mail alone."""
    kind = node["type"]
    if kind == "text":
        return _text(node)
    if kind == "hardBreak":
        return "<br>"
    if kind == "rule":
        return "<hr>"
    if kind == "mention":
        return f'<span class="mention">{escape(node["attrs"]["text"])}</span>'
    if kind == "media":
        return f'<img src="{escape(node["attrs"].get("url", ""))}" alt="">'
    inside = "".join(adf_to_html(child) for child in node.get("content", []))
    if kind == "heading":
        level = node["attrs"]["level"]
        return f"<h{level}>{inside}</h{level}>"
    if kind == "codeBlock":
        return f"<pre><code>{inside}</code></pre>"
    if kind == "panel":
        return f'<div class="panel {escape(node["attrs"]["panelType"])}">{inside}</div>'
    if kind == "table":
        return f"<table><tbody>{inside}</tbody></table>"
    tag = BLOCK_TAGS.get(kind)
    return f"<{tag}>{inside}</{tag}>" if tag else inside


def _text(node: dict[str, Any]) -> str:
    html = escape(node["text"])
    for mark in node.get("marks", []):
        if mark["type"] == "link":
            html = f'<a href="{escape(mark["attrs"]["href"])}">{html}</a>'
        elif mark["type"] in MARK_TAGS:
            tag = MARK_TAGS[mark["type"]]
            html = f"<{tag}>{html}</{tag}>"
    return html
