"""Broken markup read so that no word is lost: tags are balanced, and what is no tag is text.

libxml2's own repair stops at some faults and drops what follows an element that was never closed. Here every
``<`` is looked at once, in time linear in the length, and the tree never gets deeper than a reader can go.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from itertools import takewhile

from lxml import etree

#: Prefixes of the Confluence storage format, which never declares them.
NAMESPACES = {"ac": "urn:ac", "ri": "urn:ri", "at": "urn:at"}
#: What XML cannot hold.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")

#: Tags below this depth are left aside, their text is kept.
_DEEPEST = 200
_CLOSERS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>", "<!": ">"}
_TOKEN = re.compile(
    r"""
    (?P<special><!--|<!\[CDATA\[|<\?|<!(?=[a-zA-Z]))
  | </(?P<end>[a-zA-Z][\w:.-]*+)(?P<ended>\s*>)?
  | <(?P<start>[a-zA-Z][\w:.-]*+)
      (?:(?P<attributes>[^<>"']*+(?:"[^"<]*"[^<>"']*+|'[^'<]*'[^<>"']*+)*+)>
        |(?P<sure>(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))++)\s*(?=<)
        |(?P<dirty>[^<>]*+)>)
    """,
    re.VERBOSE | re.ASCII,
)
_ATTRIBUTE = re.compile(r"""([a-zA-Z_][\w.:-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)'|([^\s"'<>=]+))""", re.ASCII)
_VOID = {*"br hr img col input meta link wbr area source ac:emoticon ac:emoji".split()}
#: What holds no text for people: it ends where something else begins.
_SILENT = {
    *"ac:parameter ac:default-parameter ac:task-id ac:task-uuid ac:task-status ac:adf-attribute".split()
}
_IN_SILENT = {"a", "ac:link", "ac:link-body", "ac:plain-text-link-body", "time"}
#: No block begins inside one of these.
_LINES = {*"p pre h1 h2 h3 h4 h5 h6".split()}
_BLOCKS = {*_LINES, *"ul ol table blockquote hr ac:task-list ac:layout".split()}
#: An end tag of something small does not end one of these.
_WALLS = {"td", "th", "li", "table", "ac:rich-text-body", "ac:task-body", "ac:layout-cell", "ac:adf-content"}
_SMALL = {*"p span a strong b em i u s del code font sub sup small div ac:link ac:image time".split()}


def repaired(markup: str) -> etree._Element:
    """The root element ``body`` of any text whatever."""
    return _Balancer().read(ILLEGAL.sub("", markup))


class _Balancer:
    def __init__(self) -> None:
        self._builder = etree.TreeBuilder()
        self._open: list[str] = []
        #: Where the next end mark of a comment, of CDATA... is, so that none is looked for twice.
        self._marks: dict[str, int] = {}

    def read(self, markup: str) -> etree._Element:
        """The whole text as one tree below ``body``; what is still open at its end is closed there."""
        self._builder.start("body", {})
        position = 0
        while token := _TOKEN.search(markup, position):
            self._text(html.unescape(markup[position : token.start()]))
            position = token.end()
            if token["special"]:
                position = self._special(token["special"], markup, position)
            elif token["start"]:
                self._start(token["start"], token["attributes"] or token["sure"] or token["dirty"] or "")
            elif token["end"] and not self._end(token["end"]) and not token["ended"]:
                self._text(token.group())
        self._text(html.unescape(markup[position:]))
        while self._open:
            self._close(implied=True)
        self._builder.end("body")
        return self._builder.close()

    def _special(self, opener: str, markup: str, position: int) -> int:
        """Where to go on after a comment, CDATA, a declaration; one that never ends is text."""
        closer = _CLOSERS[opener]
        end = self._marks.get(opener, 0)
        if 0 <= end < position:
            end = self._marks[opener] = markup.find(closer, position)
        after = end + len(closer)
        if opener == "<![CDATA[":
            body_end = markup.find("</ac:plain-text-", position, end if end >= 0 else len(markup))
            if body_end >= 0:  # the end mark is missing, and the next one belongs to other code
                end = after = body_end
            if end >= 0:
                self._text(markup[position:end])
        return after if end >= 0 else position

    def _text(self, words: str) -> None:
        if not words:
            return
        if not words.isspace():
            while self._open and self._open[-1].startswith("ri:"):
                self._close(implied=True)
        self._builder.data(ILLEGAL.sub("", words))

    def _start(self, name: str, attributes: str) -> None:
        name = name if ":" in name else name.lower()
        while self._open and _ends(self._open[-1], name):
            self._close(implied=True)
        if len(self._open) >= _DEEPEST:
            return
        self._builder.start(_clark(name), _attributes(attributes))
        self._open.append(name)
        if attributes.rstrip().endswith("/") or name in _VOID:
            self._close()

    def _end(self, name: str) -> bool:
        """Close the innermost element of this name; False where none is open."""
        name = name if ":" in name else name.lower()
        if name not in self._open:
            return False
        inside = list(takewhile(lambda each: each != name, reversed(self._open)))
        if name not in _SMALL or _WALLS.isdisjoint(inside):
            for _ in inside:
                self._close(implied=True)
            self._close()
        return True

    def _close(self, *, implied: bool = False) -> None:
        name = self._open.pop()
        element = self._builder.end(_clark(name))
        if implied and name in _SILENT:  # nobody knows how much of the page has got into it
            element.tag = "span"


def _ends(inner: str, following: str) -> bool:
    """Whether an open element, never closed, ends where ``following`` begins."""
    if inner in _SILENT:
        return following not in _IN_SILENT and not following.startswith("ri:")
    if inner in _LINES:
        return following in _BLOCKS
    if inner == "ac:plain-text-body":
        return following in _BLOCKS or following.startswith("ac:")
    return inner.startswith("ri:") and not following.startswith("ri:")


@lru_cache(maxsize=1024)
def _clark(name: str) -> str:
    prefix, colon, local = name.rpartition(":")
    local = local if local[:1].isalpha() or local[:1] == "_" else f"x{local}"
    uri = NAMESPACES.get(prefix) if colon else None
    return f"{{{uri}}}{local}" if uri else local


def _attributes(written: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(written):
        value = next((group for group in match.groups()[1:] if group is not None), "")
        found.setdefault(_clark(match[1].rstrip(":")), ILLEGAL.sub("", html.unescape(value)))
    return found
