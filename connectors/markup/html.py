"""Plain HTML to the same blocks: files, and Confluence pages as they are displayed (``body.view``)."""

from __future__ import annotations

from lxml import etree

from connectors.markup import blocks as b
from connectors.markup.repair import ILLEGAL, repaired
from connectors.markup.storage import StorageReader

#: What a browser does not show.
_UNSEEN = ("script", "style", "template", "noscript", "head", "title")


def read_html(html: str) -> list[b.Block]:
    """A document or a fragment as blocks, whatever is broken in it; never raises.

    Everything visible is kept. A document without a heading of the first level begins with its title.
    """
    root = _parse(ILLEGAL.sub("", html))
    title = " ".join(root.xpath("string((//title[not(ancestor::svg)])[1])").split())
    heading = [b.heading(title, 1)] if title and root.find(".//h1") is None else []
    etree.strip_elements(root, *_UNSEEN, with_tail=False)
    for each in root.iter("pre"):  # a line break right after the tag is not shown
        each.text = (each.text or "").removeprefix("\n")
    return heading + StorageReader(_nobody).blocks(root)


def _parse(html: str) -> etree._Element:
    parser = etree.HTMLParser(huge_tree=True, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(html, parser) if html.strip() else None
    except (etree.ParserError, etree.XMLSyntaxError):
        return repaired(html)
    # libxml2 gives up below two thousand levels, with nothing of what follows.
    stopped = any(error.level == etree.ErrorLevels.FATAL for error in parser.error_log)
    return repaired(html) if root is None or stopped else root


def _nobody(_: str) -> None:
    """Mentions in HTML are written out."""
