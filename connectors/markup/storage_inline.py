"""What stands in a line of a Confluence page: emphasis, links, mentions, images, emoticons, dates."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from connectors.markup import storage_macros
from connectors.markup.storage_xml import attribute, tag, words

_SPACE = re.compile("[ \t\r\n\xa0]+")
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`", "del": "~~", "s": "~~"}
_DEEPEST = 60
_BLOCKS = {"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre"}
#: What stands for the emoticons that carry no fallback character of their own.
_EMOTICONS = {
    "tick": "✅",
    "cross": "❌",
    "warning": "⚠️",
    "information": "ℹ️",
    "question": "❓",
    "plus": "➕",
    "minus": "➖",
    "smile": "🙂",
    "sad": "🙁",
    "thumbs-up": "👍",
    "thumbs-down": "👎",
    "light-on": "💡",
    "yellow-star": "⭐",
}


class InlineReader:
    """Turns inline elements into one run of Markdown; ``user_name`` resolves mentions."""

    def __init__(self, user_name: Callable[[str], str | None]) -> None:
        self._user_name = user_name
        self._depth = 0

    def plain(self, content: str | None) -> str:
        """A text node with its white space run together, as a browser shows it."""
        return _SPACE.sub(" ", content) if content else ""

    def heading(self, element: etree._Element) -> str:
        """A heading's text without marks, so that an anchor can be made of it."""
        parts = [self.plain(element.text)]
        for each in element:
            parts.append(self.read(each) if tag(each).startswith("ac:") else self.heading(each))
            parts.append(self.plain(each.tail))
        return "".join(parts)

    def read(self, element: etree._Element) -> str:
        """One inline element, its tail left aside."""
        if self._depth >= _DEEPEST:
            return words(element)
        self._depth += 1
        try:
            return self._read(element, tag(element))
        finally:
            self._depth -= 1

    def _read(self, element: etree._Element, name: str) -> str:  # noqa: PLR0911 - one line for each tag
        if name in _MARKS:
            return _marked(self._inside(element), _MARKS[name])
        if name == "br":
            return "\n" + self._inside(element)
        if name == "a":
            return _link(self._inside(element), element.get("href") or "")
        if name == "time":
            return (element.get("datetime") or "") + self._inside(element)
        if name == "img":
            name = (element.get("src") or "").rpartition("/")[2]
            return _image(element.get("alt") or "", name) + self._inside(element)
        if name.startswith(("ac:", "ri:")):
            return self._confluence(element, name)
        return self._inside(element)

    def _confluence(self, element: etree._Element, name: str) -> str:  # noqa: PLR0911 - see above
        if name == "ac:link":
            return self._page_link(element)
        if name == "ac:image":
            return self._image(element)
        if name in {"ac:structured-macro", "ac:macro"}:
            return storage_macros.read_inline(element, self._inside)
        if name in {"ac:emoticon", "ac:emoji"}:
            return _emoticon(element) + self._inside(element)
        if name in {"ac:parameter", "ac:task-id", "ac:task-status", "ac:task-uuid", "ac:adf-attribute"}:
            return self._swallowed(element)
        if name.startswith("ri:"):
            return self._target(element) + self._inside(element)
        return self._inside(element)

    def _inside(self, element: etree._Element) -> str:
        parts = [self.plain(element.text)]
        for each in element:
            # Blocks inside an inline element lose their shape, never their words.
            gap = " " if tag(each) in {"p", "div", "li", "td", "th", "tr"} else ""
            parts += [gap, self.read(each), gap, self.plain(each.tail)]
        return "".join(parts)

    def _page_link(self, element: etree._Element) -> str:
        """A link's words, else what it points to. Broken markup may hold half a page: all of it is read."""
        parts, targets = [self.plain(element.text)], []
        for each in element:
            if tag(each).startswith("ri:"):
                targets.append(self._target(each))
            else:
                parts.append(self.read(each))
            parts.append(self.plain(each.tail))
        text = "".join(parts)
        return text if text.strip() else " ".join(filter(None, targets)) or attribute(element, "ac:anchor")

    def _target(self, element: etree._Element) -> str:
        """What a resource identifier points to, in words."""
        if tag(element) == "ri:user":
            key = attribute(element, "ri:account-id") or attribute(element, "ri:userkey")
            return "@" + (self._user_name(key) or attribute(element, "ri:username") or "someone")
        for name in ("content-title", "filename", "value", "space-key", "key", "content-id"):
            if attribute(element, f"ri:{name}"):
                return attribute(element, f"ri:{name}")
        return ""

    def _image(self, element: etree._Element) -> str:
        source = next((self._target(each) for each in element if tag(each).startswith("ri:")), "")
        alt = attribute(element, "ac:alt") or attribute(element, "ac:title")
        written = _image(alt, source.rpartition("/")[2])
        # The caption; and where the end tag is missing, whatever came after the image.
        inside = "".join(
            (self._inside(each) if tag(each).startswith("ri:") else self.read(each)) + self.plain(each.tail)
            for each in element
        ).strip()
        return f"{written} {inside}" if inside else written

    def _swallowed(self, element: etree._Element) -> str:
        """Of an element that holds no text for people: the blocks that a missing end tag has put into it."""
        blocks = (each for each in element if tag(each) in _BLOCKS)
        return " ".join(f"{self._inside(each)} {self.plain(each.tail)}" for each in blocks)


def _marked(content: str, mark: str) -> str:
    """Marks hug the words, or Markdown does not see them."""
    core = content.strip()
    if not core:
        return content
    before, _, after = content.partition(core)
    return f"{before}{mark}{core}{mark}{after}"


def _link(content: str, href: str) -> str:
    shown = content.strip()
    if not href or shown == href or href.startswith("#"):
        return content or href
    return f"[{shown}]({href})" if shown else href


def _image(alt: str, name: str) -> str:
    return f"![{alt or name}]({name})" if alt or name else ""


def _emoticon(element: etree._Element) -> str:
    fallback = attribute(element, "ac:emoji-fallback")
    name = attribute(element, "ac:name")
    if fallback and not fallback.startswith(":"):
        return fallback
    return _EMOTICONS.get(name) or attribute(element, "ac:emoji-shortname") or (f":{name}:" if name else "")
