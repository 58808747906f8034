"""ADF -> HTML, for the pages that people see and for Jira's rendered fields."""

from __future__ import annotations

from html import escape
from typing import Any

EMPTY = {
    "hardBreak": "<br>",
    "rule": "<hr>",
    "mention": '<span class="mention">{text}</span>',
    "media": '<img src="{url}" alt="">',
}
CONTAINERS = {
    "paragraph": ("<p>", "</p>"),
    "blockquote": ("<blockquote>", "</blockquote>"),
    "bulletList": ("<ul>", "</ul>"),
    "orderedList": ("<ol>", "</ol>"),
    "listItem": ("<li>", "</li>"),
    "table": ("<table><tbody>", "</tbody></table>"),
    "tableRow": ("<tr>", "</tr>"),
    "tableHeader": ("<th>", "</th>"),
    "tableCell": ("<td>", "</td>"),
    "codeBlock": ("<pre><code>", "</code></pre>"),
    "panel": ('<div class="panel {panelType}">', "</div>"),
}
MARK_TAGS = {"strong": "strong", "em": "em", "code": "code", "strike": "del", "underline": "u"}


def adf_to_html(node: dict[str, Any]) -> str:
    """Render the nodes that `wiki_adf` makes; text is escaped, and links lead to http, ftp or mail alone."""
    kind, attributes = node["type"], node.get("attrs", {})
    if kind == "text":
        return _text(node)
    if kind in EMPTY:
        return EMPTY[kind].format(**{name: escape(str(value)) for name, value in attributes.items()})
    inside = "".join(adf_to_html(child) for child in node.get("content", []))
    if kind == "heading":
        return f"<h{attributes['level']}>{inside}</h{attributes['level']}>"
    before, after = CONTAINERS.get(kind, ("", ""))
    return before.format(**attributes) + inside + after


def _text(node: dict[str, Any]) -> str:
    html = escape(node["text"])
    for mark in node.get("marks", []):
        if mark["type"] == "link":
            html = f'<a href="{escape(mark["attrs"]["href"])}">{html}</a>'
        elif mark["type"] in MARK_TAGS:
            tag = MARK_TAGS[mark["type"]]
            html = f"<{tag}>{html}</{tag}>"
    return html
