"""What stands in a line of a Confluence page: emphasis, links, mentions, images, emoticons, dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from lxml import etree

from connectors.markup import storage_macros
from connectors.markup.storage_xml import attribute, tag, words

#: Stands for a ``<br/>`` until a line is finished; no markup can hold it.
_BREAK = "\x02"
_AROUND_BREAK = re.compile(f" ?{_BREAK} ?")
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`", "del": "~~", "s": "~~"}
_DEEPEST = 60
#: Blocks inside an inline element lose their shape, never their words.
_BLOCKS = {
    *"p div li td th tr dt dd h1 h2 h3 h4 h5 h6 ul ol table blockquote pre".split(),
    *"ac:task-list ac:task ac:task-body ac:layout-cell ac:rich-text-body ac:adf-content".split(),
}
#: What holds no text for people.
_SILENT = {"ac:parameter", "ac:task-id", "ac:task-status", "ac:task-uuid", "ac:adf-attribute"}
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


def finished(parts: Iterable[str]) -> str:
    """The parts as one paragraph: white space run together as a browser does, a line for each ``<br/>``."""
    line = " ".join("".join(parts).split())
    return _AROUND_BREAK.sub("\n", line).strip() if _BREAK in line else line


class InlineReader:
    """Turns inline elements into parts of a line for :func:`finished`; ``user_name`` resolves mentions."""

    def __init__(self, user_name: Callable[[str], str | None]) -> None:
        self._user_name = user_name
        self._depth = 0

    def heading(self, element: etree._Element) -> str:
        """A heading's text without marks, so that an anchor can be made of it."""
        if self._depth >= _DEEPEST:
            return words(element)
        self._depth += 1
        parts = [element.text or ""]
        for each in element:
            name = tag(each)
            gap = " " if name in _BLOCKS else ""
            plain = name not in {"br", "img", "time"} and not name.startswith("ac:")
            parts += [gap, self.heading(each) if plain else self.read(each), gap, each.tail or ""]
        self._depth -= 1
        return "".join(parts)

    def read(self, element: etree._Element) -> str:
        """One inline element, its tail left aside."""
        if self._depth >= _DEEPEST:
            return words(element)
        self._depth += 1
        name = tag(element)
        mark = _MARKS.get(name)
        written = _marked(self.inside(element), mark) if mark else self._read(element, name)
        self._depth -= 1
        return written

    def _read(self, element: etree._Element, name: str) -> str:
        if name == "a":
            return _link(self.inside(element), element.get("href") or "")
        if name == "br":
            return _BREAK + self.inside(element)
        if name == "time":
            return (element.get("datetime") or "") + self.inside(element)
        if name == "img":
            return _plain_image(element) + self.inside(element)
        if name.startswith(("ac:", "ri:")):
            return self._confluence(element, name)
        return self.inside(element)

    def _confluence(self, element: etree._Element, name: str) -> str:  # noqa: PLR0911 - one line for each tag
        if name == "ac:link":
            return self._page_link(element)
        if name == "ac:image":
            return self._image(element)
        if name in {"ac:structured-macro", "ac:macro"}:
            return storage_macros.read_inline(element, self.read, self.inside, self.target)
        if name in {"ac:emoticon", "ac:emoji"}:
            return _emoticon(element) + self.inside(element)
        if name in _SILENT:
            return self._swallowed(element)
        if name.startswith("ri:"):
            return self.target(element) + self.inside(element)
        return self.inside(element)

    def inside(self, element: etree._Element) -> str:
        """What an element holds, its own tag left aside."""
        if not len(element):
            return element.text or ""
        parts = [element.text or ""]
        for each in element:
            gap = " " if tag(each) in _BLOCKS else ""
            parts += [gap, self.read(each), gap, each.tail or ""]
        return "".join(parts)

    def _page_link(self, element: etree._Element) -> str:
        """A link's words, else what it points to. Broken markup may hold half a page: all of it is read."""
        parts, targets = [element.text or ""], []
        for each in element:
            if tag(each).startswith("ri:"):
                targets.append(each)
                parts.append(self.inside(each))
            else:
                parts.append(self.read(each))
            parts.append(each.tail or "")
        text = "".join(parts)
        if text.strip():
            return text
        return " ".join(filter(None, map(self.target, targets))) or attribute(element, "ac:anchor")

    def target(self, element: etree._Element) -> str:
        """What a resource identifier points to, in words."""
        if tag(element) == "ri:user":
            key = attribute(element, "ri:account-id") or attribute(element, "ri:userkey")
            return "@" + (self._user_name(key) or attribute(element, "ri:username") or "someone")
        for name in ("content-title", "filename", "value", "space-key", "key", "content-id"):
            if attribute(element, f"ri:{name}"):
                return attribute(element, f"ri:{name}")
        return ""

    def _image(self, element: etree._Element) -> str:
        source = next((self.target(each) for each in element if tag(each).startswith("ri:")), "")
        alt = attribute(element, "ac:alt") or attribute(element, "ac:title")
        written = _image(alt, source.rpartition("/")[2])
        # The caption; and where the end tag is missing, whatever came after the image.
        parts = [element.text or ""]
        for each in element:
            shown = self.inside(each) if tag(each).startswith("ri:") else self.read(each)
            parts += [shown, each.tail or ""]
        inside = "".join(parts).strip()
        return f"{written} {inside}" if inside else written

    def _swallowed(self, element: etree._Element) -> str:
        """Of an element that holds no text for people: the blocks that a missing end tag has put into it."""
        blocks = (each for each in element if tag(each) in _BLOCKS)
        return " ".join(f"{self.inside(each)} {each.tail or ''}" for each in blocks)


def _marked(content: str, mark: str) -> str:
    """Marks hug the words, or Markdown does not see them."""
    core = _core(content)
    if len(core) == len(content):
        return f"{mark}{core}{mark}" if core else ""
    if not core:
        return content
    before, _, after = content.partition(core)
    return f"{before}{mark}{core}{mark}{after}"


def _core(content: str) -> str:
    core = content.strip()
    return core if _BREAK not in core else core.replace(_BREAK, "\n").strip().replace("\n", _BREAK)


def _link(content: str, href: str) -> str:
    shown = _core(content)
    if not href or shown == href or href.startswith("#"):
        return content or href
    return f"[{shown}]({href})" if shown else href


def _plain_image(element: etree._Element) -> str:
    source = element.get("src") or ""
    return _image(element.get("alt") or "", "" if source.startswith("data:") else source.rpartition("/")[2])


def _image(alt: str, name: str) -> str:
    return f"![{alt or name}]({name})" if alt or name else ""


def _emoticon(element: etree._Element) -> str:
    fallback = attribute(element, "ac:emoji-fallback")
    name = attribute(element, "ac:name")
    if fallback and not fallback.startswith(":"):
        return fallback
    return _EMOTICONS.get(name) or attribute(element, "ac:emoji-shortname") or (f":{name}:" if name else "")
