"""Jira wiki markup -> Atlassian Document Format, as Jira Cloud's v3 API shows texts.

ADF: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.atlassian.wiki_inline import Node, ResolveMention, parse_inline, text_node

MAX_DEPTH = 4
MACRO = re.compile(
    r"(?<!\{)\{(?P<name>code|noformat|quote|panel|info|note|tip|warning)(?::(?P<params>[^{}\n]*))?\}(?!\})"
)
HEADING = re.compile(r"\s*h([1-6])\.\s*(.*)")
LIST_ITEM = re.compile(r"\s*([*#]+|-+)\s+(.*)")
RULE = re.compile(r"\s*-{4,5}\s*")
QUOTE_LINE = re.compile(r"\s*bq\.\s+(.*)")
IMAGE_LINE = re.compile(r"\s*!(https?://[^\s!|]+)(?:\|[^!]*)?!\s*")
CELL_TOKEN = re.compile(r"\[[^\]\n]*\]|\{\{.*?\}\}|\|\|?|[^|\[{]+|.", re.DOTALL)
BARS = {"|", "||"}
PANEL_TYPES = {"panel": "info", "info": "info", "note": "note", "tip": "success", "warning": "warning"}


def wiki_to_adf(markup: str, resolve: ResolveMention) -> Node:
    """Convert a description or comment; never raises, and every word of the text comes out again."""
    return {"type": "doc", "version": 1, "content": _blocks(markup.replace("\r\n", "\n"), resolve, 0)}


def _blocks(text: str, resolve: ResolveMention, depth: int) -> list[Node]:
    blocks: list[Node] = []
    done = search_from = 0
    while match := MACRO.search(text, search_from):
        name = match["name"]
        end = text.find("{" + name + "}", match.end())
        if end < 0 or depth >= MAX_DEPTH:
            search_from = match.end()
            continue
        blocks += _lines(text[done : match.start()], resolve)
        blocks += _macro(name, match["params"] or "", text[match.end() : end], resolve, depth)
        done = search_from = end + len(name) + 2
    return blocks + _lines(text[done:], resolve)


def _macro(name: str, params: str, body: str, resolve: ResolveMention, depth: int) -> list[Node]:
    named = dict(part.split("=", 1) for part in params.split("|") if "=" in part)
    title = [_paragraph([text_node(named["title"], ({"type": "strong"},))])] if named.get("title") else []
    if name in ("code", "noformat"):
        node: Node = {"type": "codeBlock"}
        language = next((part for part in params.split("|") if part and "=" not in part), None)
        if language or named.get("language"):
            node["attrs"] = {"language": language or named["language"]}
        if body.strip("\n"):
            node["content"] = [text_node(body.strip("\n"))]
        return [*title, node]
    inside = _blocks(body, resolve, depth + 1)
    if name == "quote":
        return _contained(
            {"type": "blockquote"}, {"paragraph", "bulletList", "orderedList", "codeBlock"}, inside
        )
    panel = {"type": "panel", "attrs": {"panelType": PANEL_TYPES[name]}}
    allowed = {"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "rule"}
    return _contained(panel, allowed, [*title, *inside])


def _contained(container: Node, allowed: set[str], blocks: list[Node]) -> list[Node]:
    """Put blocks into containers; what ADF does not allow inside one stands between two of them."""
    result: list[Node] = []
    run: list[Node] = []
    for block in blocks:
        if block["type"] in allowed:
            run.append(block)
            continue
        result += [{**container, "content": run}] if run else []
        result.append(block)
        run = []
    return [*result, {**container, "content": run}] if run else result


def _lines(text: str, resolve: ResolveMention) -> list[Node]:
    blocks: list[Node] = []
    paragraph: list[str] = []
    lines = text.split("\n")
    index = 0

    def flush() -> None:
        if paragraph:
            blocks.append(_paragraph(parse_inline("\n".join(paragraph), resolve)))
            paragraph.clear()

    while index < len(lines):
        line = lines[index]
        taken, found = _block_at(lines, index, resolve)
        if taken:
            flush()
            blocks += found
            index += taken
            continue
        if line.strip():
            paragraph.append(line.strip())
        else:
            flush()
        index += 1
    flush()
    return blocks


def _block_at(lines: list[str], index: int, resolve: ResolveMention) -> tuple[int, list[Node]]:
    """The block that starts at this line, and how many lines it takes; 0 for plain text."""
    line = lines[index]
    if LIST_ITEM.fullmatch(line):
        return _list_at(lines, index, resolve)
    if line.lstrip().startswith("|"):
        count = 0
        while index + count < len(lines) and lines[index + count].lstrip().startswith("|"):
            count += 1
        rows = [_table_row(row, resolve) for row in lines[index : index + count]]
        return count, [{"type": "table", "content": rows}]
    block = _one_line_block(line, resolve)
    return (1, [block]) if block else (0, [])


def _one_line_block(line: str, resolve: ResolveMention) -> Node | None:
    if match := HEADING.fullmatch(line):
        content = parse_inline(match[2].strip(), resolve)
        return {"type": "heading", "attrs": {"level": int(match[1])}, "content": content}
    if RULE.fullmatch(line):
        return {"type": "rule"}
    if match := QUOTE_LINE.fullmatch(line):
        return {"type": "blockquote", "content": [_paragraph(parse_inline(match[1], resolve))]}
    if match := IMAGE_LINE.fullmatch(line):
        media = {"type": "media", "attrs": {"type": "external", "url": match[1]}}
        return {"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [media]}
    return None


def _list_at(lines: list[str], index: int, resolve: ResolveMention) -> tuple[int, list[Node]]:
    """Items up to the first blank line; a line without a marker goes on with the item before it."""
    items: list[tuple[str, str]] = []
    count = 0
    for line in lines[index:]:
        match = LIST_ITEM.fullmatch(line)
        if match:
            items.append((match[1][:MAX_DEPTH], match[2]))
        elif line.strip() and _block_at([line], 0, resolve)[0] == 0:
            marker, text = items[-1]
            items[-1] = (marker, text + "\n" + line.strip())
        else:
            break
        count += 1
    return count, _lists(items, 0, resolve)


def _lists(items: list[tuple[str, str]], level: int, resolve: ResolveMention) -> list[Node]:
    lists: list[Node] = []
    position = 0
    while position < len(items):
        marker, text = items[position]
        kind = "orderedList" if marker[level] == "#" else "bulletList"
        own = len(marker) == level + 1
        end = position + own
        while end < len(items) and len(items[end][0]) > level + 1:
            end += 1
        content = [_paragraph(parse_inline(text, resolve) if own else [])]
        content += _lists(items[position + own : end], level + 1, resolve)
        item = {"type": "listItem", "content": content}
        if lists and lists[-1]["type"] == kind:
            lists[-1]["content"].append(item)
        else:
            lists.append({"type": kind, "content": [item]})
        position = end
    return lists


def _table_row(line: str, resolve: ResolveMention) -> Node:
    cells: list[Node] = []
    kind, text = "", ""
    for piece in [*CELL_TOKEN.findall(line.strip()), "|"]:
        if piece not in BARS:
            text += piece
            continue
        if kind:
            content = [_paragraph(parse_inline(text.strip(), resolve))]
            cells.append({"type": kind, "content": content})
        kind, text = ("tableHeader" if piece == "||" else "tableCell"), ""
    if len(cells) > 1 and not cells[-1]["content"][0].get("content"):
        cells.pop()  # the closing bar of the row opens no cell
    return {"type": "tableRow", "content": cells}


def _paragraph(content: list[Node]) -> dict[str, Any]:
    return {"type": "paragraph", "content": content}
