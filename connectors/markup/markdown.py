"""Markdown files to blocks: headings, fences and tables become blocks of their own, the rest stays as written.

Source: https://spec.commonmark.org, and the tables of GitHub Flavored Markdown.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.markup import blocks as b

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
#: A longer one is no heading that anybody links to.
_LONGEST_HEADING = 1000


def read_markdown(text: str) -> list[b.Block]:
    """A Markdown file as blocks. Never raises: in Markdown every text is a document.

    Running text keeps its own marks. Only what stands at the outermost level is cut out: a fence inside a list
    item stays in the item.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd").split("\n")
    found: list[b.Block] = []
    written = 0  # lines that are in a block
    for token in _top_level("\n".join(lines)):
        start, end = token.map or (0, 0)
        block = _block(token, lines[start:end])
        if block is None:
            continue
        found += _running(lines[written:start])
        found.append(block)
        written = end
    return [*found, *_running(lines[written:])]


def _top_level(text: str) -> list[Token]:
    """The opening tokens of the outermost blocks; a heading carries its text as ``content``."""
    # Front matter would be read as a heading of the second level: its lines are blank for the parser.
    text = _FRONT_MATTER.sub(lambda front: "\n" * front.group().count("\n"), text)
    parser = MarkdownIt("commonmark", {"maxNesting": 40}).enable("table").disable("inline")
    tokens = parser.parse(text)
    inline = MarkdownIt("commonmark")
    opened = []
    for index, token in enumerate(tokens):
        if token.level == 0 and token.map:
            if token.type == "heading_open":
                token.content = _plain(tokens[index + 1].content, inline)
            opened.append(token)
    return opened


def _plain(heading: str, inline: MarkdownIt) -> str:
    """A heading without its marks, so that an anchor can be made of it."""
    if len(heading) > _LONGEST_HEADING:
        return heading
    [line] = inline.parseInline(heading)
    return "".join(" " if "break" in token.type else token.content for token in line.children or ())


def _block(token: Token, lines: list[str]) -> b.Block | None:
    if token.type == "heading_open":
        return b.heading(token.content, int(token.tag[1:]))
    if token.type == "fence":
        language = token.info.split()[0] if token.info.split() else ""
        return b.code(token.content.removesuffix("\n"), language)
    if token.type == "code_block":
        return b.code(token.content.removesuffix("\n"))
    if token.type == "table_open":
        return b.table("\n".join(lines).strip("\n"))
    return None


def _running(lines: list[str]) -> list[b.Block]:
    content = "\n".join(lines).strip("\n")
    return [b.text(content)] if content.strip() else []
