"""What each Confluence macro turns into. An unknown one keeps the text of its body."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from connectors.markup import blocks as b
from connectors.markup.storage_xml import attribute, tag, words

_INLINE = {"status", "jira", "anchor", "profile", "profile-picture", "emoji", "view-file", "viewfile"}
_CODE = {"code", "noformat", "code-block"}
_LABELS = {"info": "Info", "note": "Note", "warning": "Warning", "tip": "Tip"}
_INCLUDES = {
    "include": "includes page",
    "excerpt-include": "includes an excerpt of page",
    "multiexcerpt-include": "includes an excerpt of page",
}
#: They show what is said elsewhere: a list of pages, this page's headings.
_GENERATED = {
    *"toc toc-zone children pagetree pagetreesearch recently-updated contentbylabel blog-posts livesearch".split(),
    *"anchor attachments contributors change-history detailssummary list-children index".split(),
}
_BODIES = {"ac:rich-text-body", "ac:plain-text-body"}
_PARAMETERS = {"ac:parameter", "ac:default-parameter"}


def is_inline(macro: etree._Element) -> bool:
    """Whether a macro stands in the middle of a line: by its name, or because it is unknown and has no body."""
    name = attribute(macro, "ac:name")
    if name in _INLINE:
        return all(tag(each) in _PARAMETERS for each in macro)
    known = name in _CODE or name in _LABELS or name in _INCLUDES or name in _GENERATED
    return not known and all(tag(each) in _PARAMETERS or tag(each).startswith("ri:") for each in macro)


def read(macro: etree._Element, inside: Callable[[etree._Element], list[b.Block]]) -> Iterator[b.Block]:
    """A block macro's blocks; ``inside`` reads the rich text below an element."""
    name, title = attribute(macro, "ac:name"), _parameter(macro, "title")
    label = ": ".join(filter(None, [_LABELS.get(name, ""), title]))
    if name in _INCLUDES:
        yield b.text(f"({_INCLUDES[name]} “{_page_title(macro)}”)")
    for each in macro:
        kind = tag(each)
        if kind == "ac:plain-text-body":
            yield from _plain_body(macro, name, title, each)
        elif kind == "ac:rich-text-body":
            yield from b.labelled(label, inside(each))
            label = ""
        elif kind not in _PARAMETERS and not kind.startswith("ri:"):
            yield from inside(each)  # it does not belong straight into a macro, but a person wrote the words
    loose = " ".join(
        part.strip() for part in [macro.text, *(each.tail for each in macro)] if part and part.strip()
    )
    if loose:
        yield b.text(loose)


def read_inline(
    macro: etree._Element,
    read_element: Callable[[etree._Element], str],
    inside: Callable[[etree._Element], str],
    target: Callable[[etree._Element], str],
) -> str:
    """A macro in the middle of a line: what it says itself, then its bodies and whatever else is in it."""
    parts = [_shown(macro, target), macro.text or ""]
    for each in macro:
        kind = tag(each)
        if kind in _BODIES:
            parts += [" ", inside(each), " "]
        elif kind not in _PARAMETERS and not kind.startswith("ri:"):
            parts.append(read_element(each))
        parts.append(each.tail or "")
    return "".join(parts)


def _shown(macro: etree._Element, target: Callable[[etree._Element], str]) -> str:
    name = attribute(macro, "ac:name")
    if name == "status":
        return _parameter(macro, "title") or _parameter(macro, "colour")
    if name == "jira":
        query = _parameter(macro, "jqlQuery") or _parameter(macro, "jql")
        return _parameter(macro, "key") or (f"(Jira issues: {query})" if query else "")
    if name == "emoji":
        return _parameter(macro, "emoji")
    if name in _GENERATED:
        return ""
    # A file, a video, a person; a formula, which is its "body".
    parameters = [each for each in macro if tag(each) not in _BODIES]
    targets = [target(each) for given in parameters for each in given.iter() if tag(each).startswith("ri:")]
    shown = " ".join(filter(None, targets)) or _parameter(macro, "body") or _parameter(macro, "url")
    return shown or (_parameter(macro, "name") if name in {"view-file", "viewfile"} else "")


def _plain_body(macro: etree._Element, name: str, title: str, body: etree._Element) -> Iterator[b.Block]:
    """Code; or the body of a macro that we do not know: a diagram's source, HTML, Markdown."""
    # Elements in it come from broken markup: their words must not grow together.
    source = " ".join(body.itertext()) if len(body) else body.text or ""
    if name == "markdown":
        yield b.text(source)
        return
    if name in _CODE and title:
        yield b.text(f"**{title}**")
    yield b.code(source, _parameter(macro, "language") if name in _CODE else name)


def _parameter(macro: etree._Element, name: str) -> str:
    for each in macro:
        if tag(each) == "ac:parameter" and attribute(each, "ac:name") == name:
            return words(each)
    return ""


def _page_title(macro: etree._Element) -> str:
    pages = (each for each in macro.iter() if tag(each) in {"ri:page", "ri:blog-post"})
    named = next((attribute(each, "ri:content-title") for each in pages), "")
    return named or _parameter(macro, "") or attribute(macro, "ac:default-parameter")
