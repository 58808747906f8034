"""Confluence storage format to blocks.

Source: https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import count

from lxml import etree

from connectors.markup import blocks as b
from connectors.markup import storage_macros
from connectors.markup.storage_inline import InlineReader, finished
from connectors.markup.storage_tables import positive, read_table
from connectors.markup.storage_xml import attribute, child, parse, tag, words

#: Deeper than any page that a person wrote; below it only the text is kept, which needs no recursion.
_DEEPEST = 60

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_TRANSPARENT = (
    *"body html div p section article aside nav address center fieldset legend form header footer main".split(),
    *"dl dt dd figure figcaption details summary li tr td th tbody thead tfoot caption".split(),
    *"ac:layout ac:layout-section ac:layout-cell ac:rich-text-body ac:adf-content ac:task-body".split(),
)
_MACROS = {"ac:structured-macro", "ac:macro"}
_LANGUAGE = re.compile(r"(?:brush:|lang(?:uage)?[-:])\s*([\w+#.-]{1,40})")
_WORD = re.compile(r"\w+")

Blocks = Iterable[b.Block]


def read_storage(storage: str, user_name: Callable[[str], str | None]) -> list[b.Block]:
    """A page's or comment's body as blocks. Never raises: broken markup is balanced, and all of its text read.

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
        self._readers: dict[str, Callable[[etree._Element], Blocks]] = {
            **dict.fromkeys(_TRANSPARENT, self.blocks),
            **dict.fromkeys(_HEADINGS, self._heading),
            **dict.fromkeys(("ul", "ol"), self._list),
            "table": self._table,
            "pre": _preformatted,
            "blockquote": self._quotation,
            "hr": self.blocks,
            "ac:task-list": self._tasks,
            "ac:adf-extension": self._adf_extension,
            "ac:adf-node": self._adf_node,
            "ac:adf-fallback": _skipped,
        }

    def blocks(self, element: etree._Element) -> list[b.Block]:
        """What is inside an element, its own tag left aside."""
        found, line = self._content(element)
        if line:
            found.append(b.text(line))
        return found

    def markdown(self, element: etree._Element) -> str:
        """What is inside a table cell, in as few lines as it needs."""
        found, line = self._content(element)
        return b.to_markdown([*found, b.text(line)], gap="\n") if found else line

    def _content(self, element: etree._Element) -> tuple[list[b.Block], str]:
        """The finished blocks inside an element, and the line after the last of them."""
        if not len(element):
            return [], finished([element.text or ""])
        if self._depth >= _DEEPEST:
            return [], words(element)
        self._depth += 1
        found: list[b.Block] = []
        line = [element.text or ""]
        for each in element:
            reader = self._reader(each)
            if reader is None:
                line.append(self._inline.read(each))
            else:
                before = finished(line)
                if before:
                    found.append(b.text(before))
                line = []
                found += reader(each)
            line.append(each.tail or "")
        self._depth -= 1
        return found, finished(line)

    def _reader(self, element: etree._Element) -> Callable[[etree._Element], Blocks] | None:
        """What reads an element that is a block, None for what stands in a line."""
        name = tag(element)
        if name in _MACROS:
            return None if storage_macros.is_inline(element) else self._macro
        reader = self._readers.get(name)
        if reader is None and len(element) and (":" not in name or name == "ac:inline-comment-marker"):
            # An inline or unknown element around blocks is looked through.
            return self.blocks if any(map(self._is_block, element.iter())) else None
        return reader

    def _is_block(self, element: etree._Element) -> bool:
        name = tag(element)
        return name in self._readers or (name in _MACROS and not storage_macros.is_inline(element))

    def _macro(self, element: etree._Element) -> Blocks:
        return storage_macros.read(element, self.blocks)

    def _heading(self, element: etree._Element) -> Blocks:
        yield b.heading(finished([self._inline.heading(element)]), _HEADINGS[tag(element)])

    def _quotation(self, element: etree._Element) -> Blocks:
        return b.quoted(self.blocks(element))

    def _table(self, element: etree._Element) -> Blocks:
        yield b.table(read_table(element, self.markdown))

    def _list(self, element: etree._Element) -> Blocks:
        if tag(element) == "ul":
            yield b.text(self._items(element, "li", lambda _: "- "))
        else:
            numbers = count(positive(element.get("start")))
            yield b.text(self._items(element, "li", lambda _: f"{next(numbers)}. "))

    def _tasks(self, element: etree._Element) -> Blocks:
        yield b.text(self._items(element, "ac:task", _task_marker))

    def _items(self, element: etree._Element, name: str, marker: Callable[[etree._Element], str]) -> str:
        """One line or more for each child called ``name``; old editors put lists straight into a list."""
        if self._depth >= _DEEPEST:
            return words(element)
        self._depth += 1
        items = [finished([element.text or ""])]
        for each in element:
            if tag(each) == name:
                items.append(self._item(marker(each), each))
            else:
                reader = self._reader(each) or self._line
                items.append(b.indented(b.to_markdown(reader(each)), "  "))
            items.append(finished([each.tail or ""]))
        self._depth -= 1
        return "\n".join(filter(None, items))

    def _item(self, marker: str, element: etree._Element) -> str:
        found, line = self._content(element)
        return b.list_item(marker, [*found, b.text(line)]) if found else b.list_line(marker, line)

    def _line(self, element: etree._Element) -> Blocks:
        yield b.text(finished([self._inline.read(element)]))

    def _adf_extension(self, element: etree._Element) -> Blocks:
        """The new editor's nodes; their ``ac:adf-fallback`` says the same again, and is read where it says more."""
        found = self.blocks(element)
        said = set(_WORD.findall(b.to_markdown(found)))
        for each in element:
            if tag(each) == "ac:adf-fallback" and not said.issuperset(_WORD.findall(words(each))):
                found += self.blocks(each)
        return found

    def _adf_node(self, element: etree._Element) -> Blocks:
        attributes = {
            attribute(each, "key"): words(each) for each in element if tag(each) == "ac:adf-attribute"
        }
        if element.get("type") == "decision-item":
            marker = "- [x] " if attributes.get("state") == "DECIDED" else "- [ ] "
            return [b.text(self._item(marker, element))]
        return b.labelled(attributes.get("panel-type", "").capitalize(), self.blocks(element))


def _task_marker(task: etree._Element) -> str:
    status = child(task, "ac:task-status")
    return "- [x] " if status is not None and words(status) == "complete" else "- [ ] "


def _preformatted(element: etree._Element) -> Blocks:
    named = " ".join(
        f"{each.get('class')} {each.get('data-syntaxhighlighter-params')}" for each in element.iter()
    )
    language = _LANGUAGE.search(named)
    for line_break in element.iter("br"):
        line_break.text = "\n" + (line_break.text or "")
    yield b.code("".join(element.itertext()), language[1] if language else None)


def _skipped(_: etree._Element) -> Blocks:
    return ()
