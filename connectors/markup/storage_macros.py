"""What each Confluence macro turns into. An unknown one keeps the text of its body."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from connectors.markup import blocks as b
from connectors.markup.storage_xml import attribute, child, tag, words

_INLINE = {"status", "jira", "anchor", "profile", "profile-picture", "emoji", "view-file", "viewfile"}
_CODE = {"code", "noformat", "code-block"}
_LABELS = {"info": "Info", "note": "Note", "warning": "Warning", "tip": "Tip"}
_INCLUDES = {"include": "includes page", "excerpt-include": "includes an excerpt of page"}


def is_inline(name: str) -> bool:
    """Whether a macro stands in the middle of a line."""
    return name in _INLINE


def read(macro: etree._Element, inside: Callable[[etree._Element], list[b.Block]]) -> Iterator[b.Block]:
    """A block macro's blocks; ``inside`` reads the rich text below an element."""
    name = attribute(macro, "ac:name")
    rich, plain = child(macro, "ac:rich-text-body"), child(macro, "ac:plain-text-body")
    title = _parameter(macro, "title")
    if name in _INCLUDES:
        yield b.text(f"({_INCLUDES[name]} “{_page_title(macro)}”)")
    elif name in _CODE and plain is not None:
        if title:
            yield b.text(f"**{title}**")
        yield b.code("".join(plain.itertext()), _parameter(macro, "language"))
    elif rich is not None:
        label = ": ".join(filter(None, [_LABELS.get(name, ""), title]))
        yield from b.labelled(label, inside(rich))
    elif plain is not None:
        yield from _plain_body(name, "".join(plain.itertext()))
    yield from _stray(macro, inside)


def read_inline(macro: etree._Element, inside: Callable[[etree._Element], str]) -> str:
    """A macro in the middle of a line."""
    name = attribute(macro, "ac:name")
    if name == "status":
        return _parameter(macro, "title") or _parameter(macro, "colour")
    if name == "jira":
        query = _parameter(macro, "jqlQuery") or _parameter(macro, "jql")
        return _parameter(macro, "key") or (f"(Jira issues: {query})" if query else "")
    if name == "emoji":
        return _parameter(macro, "emoji")
    if name in {"view-file", "viewfile"}:
        return _resource(macro, "ri:attachment", "ri:filename") or _parameter(macro, "name")
    body = child(macro, "ac:rich-text-body")
    plain = child(macro, "ac:plain-text-body")
    if body is None and plain is None:
        return ""
    return " ".join(inside(each) for each in (body, plain) if each is not None)


def _plain_body(name: str, body: str) -> Iterator[b.Block]:
    """The body of a macro that we do not know: a diagram's source, HTML, Markdown."""
    if name == "markdown":
        yield b.text(body)
    else:
        yield b.code(body, name)


def _stray(macro: etree._Element, inside: Callable[[etree._Element], list[b.Block]]) -> Iterator[b.Block]:
    """Children that do not belong straight into a macro: broken markup, but a person wrote the words."""
    known = {"ac:parameter", "ac:default-parameter", "ac:rich-text-body", "ac:plain-text-body"}
    for each in macro:
        if tag(each) not in known and not tag(each).startswith("ri:"):
            yield from inside(each)
    loose = " ".join(
        part.strip() for part in [macro.text, *(each.tail for each in macro)] if part and part.strip()
    )
    if loose:
        yield b.text(loose)


def _parameter(macro: etree._Element, name: str) -> str:
    for each in macro:
        if tag(each) == "ac:parameter" and attribute(each, "ac:name") == name:
            return words(each)
    return ""


def _page_title(macro: etree._Element) -> str:
    named = _resource(macro, "ri:page", "ri:content-title") or _resource(
        macro, "ri:blog-post", "ri:content-title"
    )
    return named or _parameter(macro, "") or attribute(macro, "ac:default-parameter")


def _resource(macro: etree._Element, name: str, key: str) -> str:
    return next((attribute(each, key) for each in macro.iter() if tag(each) == name), "")
