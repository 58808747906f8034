"""Confluence storage format as an element tree: XML but for undeclared prefixes and HTML entities."""

from __future__ import annotations

import html.entities
from functools import lru_cache

from lxml import etree

from connectors.markup.repair import ILLEGAL, NAMESPACES, repaired

_ENTITIES = "".join(
    f'<!ENTITY {name} "&#{point};">'
    for name, point in html.entities.name2codepoint.items()
    if name not in {"amp", "lt", "gt", "quot"}
)
_PREFIXES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
_HEAD = f"<!DOCTYPE body [{_ENTITIES}]><body {_PREFIXES}>"


def parse(storage: str) -> etree._Element:
    """The body's root element, strictly parsed; broken markup is balanced with all of its text.

    Nothing is loaded from the network or from files; a body cannot declare entities of its own.
    """
    document = (_HEAD + ILLEGAL.sub("", storage) + "</body>").encode()
    try:
        return etree.fromstring(document, _parser())
    except etree.XMLSyntaxError:
        return repaired(storage)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        no_network=True,
        load_dtd=False,
        resolve_entities="internal",
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )


def tag(element: etree._Element) -> str:
    """``p``, ``ac:link``, ``ri:page``; the empty string for comments and processing instructions."""
    return _prefixed(element.tag)


@lru_cache(maxsize=1024)
def _prefixed(name: object) -> str:
    if not isinstance(name, str):
        return ""
    uri, brace, local = name.removeprefix("{").rpartition("}")
    prefix = next((prefix for prefix in ("ac", "ri") if brace and NAMESPACES[prefix] == uri), "")
    return f"{prefix}:{local}" if prefix else local.lower()


def attribute(element: etree._Element, name: str) -> str:
    """An attribute's value by its prefixed name (``ac:name``), the empty string where absent."""
    return element.get(_clark(name)) or ""


@lru_cache(maxsize=256)
def _clark(name: str) -> str:
    prefix, _, local = name.rpartition(":")
    uri = NAMESPACES.get(prefix)
    return f"{{{uri}}}{local}" if uri else name


def child(element: etree._Element, name: str) -> etree._Element | None:
    """The first child with this tag."""
    return next((each for each in element if tag(each) == name), None)


def words(element: etree._Element) -> str:
    """All the text below an element in one line."""
    return " ".join("".join(element.itertext(with_tail=False)).split())
