"""A page as the site renders it, less what its macros took from elsewhere.

The site renders with the rights of the account that reads, which sees more than the page's readers: an included
page, a list of pages or of tickets would pass under this page's rules. ``body.view`` marks each macro's output
(``data-macro-name``); only macros that show what stands in their own body are kept.
"""

from __future__ import annotations

import re

from lxml import etree, html

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")

_OF_THE_PAGE_ITSELF = frozenset(
    {
        *(
            "align",
            "anchor",
            "center",
            "code",
            "column",
            "deck",
            "card",
            "details",
            "div",
            "excerpt",
            "expand",
        ),
        *("highlight", "info", "layout", "markdown", "mathblock", "mathinline", "noformat", "note", "panel"),
        *("section", "span", "status", "tip", "toc-zone", "ui-expand", "ui-tab", "ui-tabs", "warning"),
    }
)


def without_foreign_text(view: str) -> str:
    """The rendered body as XHTML, for the converter of storage format."""
    root = html.fragment_fromstring(_ILLEGAL.sub("", view) or " ", create_parent="div")
    for element in list(root.iter(etree.Element)):
        name = element.get("data-macro-name")
        if (name is not None and name not in _OF_THE_PAGE_ITSELF) or element.tag in {"script", "style"}:
            element.drop_tree()
    written: str = etree.tostring(root, encoding="unicode", method="xml")
    return written
