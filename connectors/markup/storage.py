"""Confluence storage format to blocks.

Source: https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lxml import etree

from connectors.markup import blocks as b
from connectors.markup import storage_macros
from connectors.markup.storage_inline import InlineReader
from connectors.markup.storage_xml import attribute, child, parse, tag, words
from connectors.markup.tables import Cell, markdown_table

#: Deeper than any page that a person wrote; below it only the text is kept, which needs no recursion.
_DEEPEST = 60

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_TRANSPARENT = {
    *(
        "body",
        "html",
        "div",
        "p",
        "section",
        "article",
        "center",
        "fieldset",
        "form",
        "header",
        "footer",
        "main",
    ),
    *(
        "ac:layout",
        "ac:layout-section",
        "ac:layout-cell",
        "ac:rich-text-body",
        "ac:adf-content",
        "ac:adf-node",
    ),
    *("ac:adf-extension", "dl", "dt", "dd", "figure", "figcaption"),
}
_BLOCKS = {
    *_TRANSPARENT,
    *_HEADINGS,
    *("ul", "ol", "table", "pre", "blockquote", "hr", "ac:task-list", "ac:structured-macro", "ac:macro"),
}
_SPACES = re.compile(r"[ \t]*\n[ \t]*")


def read_storage(storage: str, user_name: Callable[[str], str | None]) -> list[b.Block]:
    """A page's or comment's body as blocks. Never raises: what cannot be parsed is read as bare text.

    ``user_name`` gives a person's name for an account id or user key (a mention), None where unknown.
    """
    return StorageReader(user_name).blocks(parse(storage))


def mentioned_users(storage: str) -> set[str]:
    """The account ids and user keys that a body mentions, found without parsing it."""
    return set(re.findall(r'ri:(?:account-id|userkey)="([^"]+)"', storage))


class StorageReader:
    """Walks the element tree of a body: blocks here, what stands in a line in :class:`InlineReader`."""

    def __init__(self, user_name: Callable[[str], str | None]) -> None:
        self._inline = InlineReader(user_name)
        self._depth = 0

    def blocks(self, element: etree._Element) -> list[b.Block]:
        """What is inside an element, its own tag left aside."""
        if self._depth >= _DEEPEST:
            return [b.text(words(element))]
        self._depth += 1
        try:
            return list(self._flow(element))
        finally:
            self._depth -= 1

    def _flow(self, element: etree._Element) -> Iterator[b.Block]:
        line: list[str] = [self._inline.plain(element.text)]
        for each in element:
            if self._is_block(each):
                yield from _paragraph(line)
                line = []
                yield from self._block(each)
            else:
                line.append(self._inline.read(each))
            line.append(self._inline.plain(each.tail))
        yield from _paragraph(line)

    def _is_block(self, element: etree._Element) -> bool:
        name = tag(element)
        if name in {"ac:structured-macro", "ac:macro"}:
            return not storage_macros.is_inline(attribute(element, "ac:name"))
        # An inline element around blocks (a marker of an inline comment, a span) is looked through.
        return name in _BLOCKS or (
            name in {"span", "a", "font", "ac:inline-comment-marker", "strong", "em", "u"}
            and any(tag(each) in _BLOCKS - {"ac:structured-macro", "ac:macro"} for each in element)
        )

    def _block(self, element: etree._Element) -> Iterator[b.Block]:
        name = tag(element)
        if name in _HEADINGS:
            yield b.heading(self._inline.heading(element), _HEADINGS[name])
        elif name in {"ul", "ol"}:
            yield b.text(self._list(element, ordered=name == "ol"))
        elif name == "table":
            yield b.table(self._table(element))
        elif name == "pre":
            yield b.code("".join(element.itertext()))
        elif name == "blockquote":
            yield from b.quoted(self.blocks(element))
        elif name == "ac:task-list":
            yield b.text(self._tasks(element))
        elif name in {"ac:structured-macro", "ac:macro"}:
            yield from storage_macros.read(element, self.blocks)
        elif name == "ac:adf-extension":
            yield from self._adf_extension(element)
        elif name != "hr":
            yield from self.blocks(element)

    def _list(self, element: etree._Element, *, ordered: bool) -> str:
        items, number = [], _first_number(element)
        for each in element:
            if tag(each) == "li":
                items.append(b.list_item(f"{number}. " if ordered else "- ", self.blocks(each)))
                number += 1
            elif tag(each):  # a list straight inside a list, as old editors wrote it
                items.append(b.indented(b.to_markdown(self._block(each)), "  "))
            items.append(self._inline.plain(each.tail).strip())
        return "\n".join(item for item in [self._inline.plain(element.text).strip(), *items] if item)

    def _tasks(self, element: etree._Element) -> str:
        lines = []
        for task in element:
            body = child(task, "ac:task-body")
            status = child(task, "ac:task-status")
            done = status is not None and words(status) == "complete"
            if body is not None:
                lines.append(b.list_item("- [x] " if done else "- [ ] ", self.blocks(body)))
            elif words(task):
                lines.append(f"- {words(task)}")
        return "\n".join(lines)

    def _table(self, element: etree._Element) -> str:
        loose = [self._inline.plain(element.text).strip()]
        rows: list[list[Cell]] = []
        for each in _rows(element):
            if tag(each) == "tr":
                rows.append([self._cell(cell) for cell in each if tag(cell) in {"td", "th"}])
            elif tag(each) not in {"colgroup", "col"}:  # a caption, or dirt between the rows
                loose.append(b.to_markdown(self.blocks(each)))
        caption = "\n".join(part for part in loose if part)
        return f"{caption}\n\n{markdown_table(rows)}".strip()

    def _cell(self, cell: etree._Element) -> Cell:
        return Cell(
            text=b.to_markdown(self.blocks(cell), gap="\n"),
            header=tag(cell) == "th",
            columns=_number(cell.get("colspan")),
            rows=_number(cell.get("rowspan")),
        )

    def _adf_extension(self, element: etree._Element) -> Iterator[b.Block]:
        """The new editor's nodes; their ``ac:adf-fallback`` says the same again and is only read alone."""
        bodies = [each for each in element.iter() if tag(each) == "ac:adf-content"]
        if not bodies:
            bodies = [each for each in element if tag(each) == "ac:adf-fallback"]
        if not bodies:
            return
        label = next((words(a) for a in element.iter() if attribute(a, "key") == "panel-type"), "")
        yield from b.labelled(
            label.capitalize(), [block for body in bodies[:1] for block in self.blocks(body)]
        )


def _paragraph(line: list[str]) -> Iterator[b.Block]:
    content = _SPACES.sub("\n", "".join(line)).strip()
    if content:
        yield b.text(content)


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for each in table:
        if tag(each) in {"tbody", "thead", "tfoot"}:
            yield from each
        else:
            yield each


def _first_number(element: etree._Element) -> int:
    return _number(element.get("start"))


def _number(value: str | None) -> int:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 6 else 1
