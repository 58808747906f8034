"""Jira wiki markup to Markdown, in time linear in its length.

Source: https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all

The library for this, jira2markdown 0.5.3, parses with backtracking: four kilobytes a second on real tickets
and worse on long ones, which is hours for what takes seconds here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

from connectors.markup import blocks as b
from connectors.markup.adf import adf_to_markdown
from connectors.markup.storage import read_storage
from connectors.markup.tables import Cell, markdown_table
from connectors.markup.wiki_inline import inline

_VERBATIM = re.compile(r"\{(code|noformat|html|adf)(?::([^}\n]{0,200}))?\}", re.IGNORECASE)
_ENDS = {name: re.compile(rf"\{{{name}\}}", re.IGNORECASE) for name in ("code", "noformat", "html", "adf")}
_PANEL = re.compile(r"\{(panel|quote|expand)(?::([^}\n]{0,300}))?\}", re.IGNORECASE)
_HEADING = re.compile(r"\s*h([1-6])\.(?:\s+|$)(.*)", re.DOTALL)
_ITEM = re.compile(r"\s*([*#-]{1,20})\s+(.*)", re.DOTALL)
_ROW = re.compile(r"\s*\|")
_BARRED = re.compile(r"\[[^\[\]\n]{1,2000}\]|!\S[^!\n]{0,500}!|\\\|")
_RULE = re.compile(r"\s*-{4,}\s*$")


def wiki_to_markdown(markup: str, user_name: Callable[[str], str | None]) -> str:
    """A description's or comment's Markdown. Never raises and loses no word, however broken the markup.

    ``user_name`` gives a person's name for a user name or account id (a mention), None where unknown.
    """
    return b.to_markdown(_blocks(markup.replace("\r\n", "\n").replace("\r", "\n"), user_name))


def _blocks(markup: str, user_name: Callable[[str], str | None]) -> Iterator[b.Block]:
    """Cut out what is verbatim; an opening marker without its end is text like any other."""
    position, endless = 0, set[str]()
    while opening := _VERBATIM.search(markup, position):
        name = opening[1].lower()
        end = None if name in endless else _ENDS[name].search(markup, opening.end())
        if end is None:
            endless.add(name)
            yield from _text(markup[position : opening.start()] + " ", user_name)
            position = opening.end()
            continue
        yield from _text(markup[position : opening.start()], user_name)
        yield from _verbatim(name, opening[2] or "", markup[opening.end() : end.start()], user_name)
        position = end.end()
    yield from _text(markup[position:], user_name)


def _verbatim(
    name: str, parameters: str, body: str, user_name: Callable[[str], str | None]
) -> Iterator[b.Block]:
    if name == "html":
        yield from read_storage(body, user_name)
        return
    if name == "adf":  # what the new editor writes where wiki markup has no word for it
        with suppress(ValueError, RecursionError):
            yield b.text(adf_to_markdown(json.loads(body)))
            return
    title, language = _parameters(parameters)
    if title:
        yield b.text(f"**{title}**")
    yield b.code(body.strip("\n"), language)


def _parameters(written: str) -> tuple[str, str]:
    """Title and language of ``{code:title=a.js|java}``."""
    title, language = "", ""
    for part in written.split("|"):
        name, equals, value = part.partition("=")
        if not equals:
            language = language or name.strip()
        elif name.strip() in {"lang", "language"}:
            language = value.strip()
        elif name.strip() == "title":
            title = value.strip()
    return title, language


def _text(markup: str, user_name: Callable[[str], str | None]) -> Iterator[b.Block]:
    """Lines of the same kind become one block."""
    kind, lines = "", list[str]()
    for line in [*_panels_opened(markup).split("\n"), ""]:
        found = _kind_of(line)
        if kind == "list" and found == "text" and line.startswith((" ", "\t")):
            found = "list"  # an indented line goes on with the item above
        elif (
            kind == "table" and found not in {"", "table", "heading"} and not lines[-1].rstrip().endswith("|")
        ):
            lines[-1] += "\n" + line  # a cell of more than one line: its row ends with the bar
            continue
        if found != kind or found == "heading":
            yield from _block(kind, lines, user_name)
            kind, lines = found, []
        lines.append(line)


def _panels_opened(markup: str) -> str:
    """Panels and quotations without their braces: a title becomes a bold line."""

    def opened(match: re.Match[str]) -> str:
        title = _parameters(match[2] or "")[0]
        return f"\n*{title}*\n" if title else "\n"

    return _PANEL.sub(opened, markup)


def _kind_of(line: str) -> str:
    start = line.lstrip()[:1]
    if not start or start not in "h*#-|b":
        return "text" if start else ""
    if _RULE.match(line):
        return "rule"
    for kind, pattern in (("heading", _HEADING), ("list", _ITEM), ("table", _ROW)):
        if pattern.match(line):
            return kind
    return "quote" if line.lstrip().startswith("bq. ") else "text"


def _block(kind: str, lines: list[str], user_name: Callable[[str], str | None]) -> Iterator[b.Block]:
    if kind == "heading":
        match = _HEADING.match(lines[0])
        if match and match[2].strip():
            yield b.heading(inline(match[2], user_name), int(match[1]))
    elif kind == "list":
        yield b.text("\n".join(_items(lines, user_name)))
    elif kind == "table":
        yield b.table(_table(lines, user_name))
    elif kind == "quote":
        yield b.text("\n".join("> " + inline(line.lstrip()[4:], user_name) for line in lines))
    elif kind == "text":
        yield b.text(inline("\n".join(lines), user_name))


def _items(lines: list[str], user_name: Callable[[str], str | None]) -> Iterator[str]:
    numbers: list[int] = []  # how far each level of numbering has got
    for line in lines:
        match = _ITEM.match(line)
        if match is None:
            yield "   " * len(numbers) + inline(line.strip(), user_name)
            continue
        level = len(match[1])
        numbers = numbers[:level] + [0] * (level - len(numbers))
        numbers[-1] += 1
        marker = f"{numbers[-1]}." if match[1].endswith("#") else "-"
        yield f"{'   ' * (level - 1)}{marker} {inline(match[2], user_name)}"


def _table(lines: list[str], user_name: Callable[[str], str | None]) -> str:
    rows = []
    for line in lines:
        header = line.lstrip().startswith("||")
        # Links hold a bar of their own: what stands in a line is converted before the bars are looked at.
        cells = [cell.replace("\x00", "|") for cell in re.split(r"\|{1,2}", _bars_hidden(line).strip())]
        inner = cells[1:-1] if len(cells) > 2 and not cells[-1].strip() else cells[1:]
        rows.append([Cell(text=inline(cell, user_name), header=header) for cell in inner])
    return markdown_table(rows)


def _bars_hidden(line: str) -> str:
    return _BARRED.sub(
        lambda match: match.group().removeprefix("\\").replace("|", "\x00"), line.replace("\x00", " ")
    )
