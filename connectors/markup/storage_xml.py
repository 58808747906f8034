"""Confluence storage format as an element tree: XML but for undeclared prefixes and HTML entities."""

from __future__ import annotations

import html
import html.entities
import re

from lxml import etree

_AC = "urn:ac"
_RI = "urn:ri"
_ENTITIES = "".join(
    f'<!ENTITY {name} "&#{point};">'
    for name, point in html.entities.name2codepoint.items()
    if name not in {"amp", "lt", "gt", "quot"}
)
_HEAD = f'<!DOCTYPE body [{_ENTITIES}]><body xmlns:ac="{_AC}" xmlns:ri="{_RI}" xmlns:at="urn:at">'
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_TAG = re.compile(r"<[^<>]*>")


def parse(storage: str) -> etree._Element:
    """The body's root element: parsed strictly, else with libxml2's repair, else its bare text.

    Nothing is loaded from the network or from files; a body cannot declare entities of its own.
    """
    document = (_HEAD + _ILLEGAL.sub("", storage) + "</body>").encode()
    for recover in (False, True):
        try:
            root = etree.fromstring(document, _parser(recover=recover))
        except etree.XMLSyntaxError:
            continue
        # A repair that stops at the first fault has lost the rest of the page: its bare text is worth more.
        if not recover or _enough(root, storage):
            return root
    bare = etree.Element("body")
    bare.text = _ILLEGAL.sub(" ", html.unescape(_TAG.sub(" ", _ILLEGAL.sub("", storage))))
    return bare


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        recover=recover,
        no_network=True,
        load_dtd=False,
        resolve_entities="internal",
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )


def _enough(root: etree._Element | None, storage: str) -> bool:
    if root is None:
        return False
    kept = sum(len(part) for part in root.itertext())
    return kept * 10 >= len(_TAG.sub("", storage)) * 9


def tag(element: etree._Element) -> str:
    """``p``, ``ac:link``, ``ri:page``; the empty string for comments and processing instructions."""
    name = element.tag
    if not isinstance(name, str):
        return ""
    for uri, prefix in ((_AC, "ac:"), (_RI, "ri:")):
        if name.startswith("{" + uri + "}"):
            return prefix + name[len(uri) + 2 :]
    return name.rpartition("}")[2].lower()


def attribute(element: etree._Element, name: str) -> str:
    """An attribute's value by its prefixed name (``ac:name``), the empty string where absent."""
    prefix, _, local = name.rpartition(":")
    uri = {"ac": _AC, "ri": _RI}.get(prefix)
    return element.get(f"{{{uri}}}{local}" if uri else name) or ""


def child(element: etree._Element, name: str) -> etree._Element | None:
    """The first child with this tag."""
    return next((each for each in element if tag(each) == name), None)


def words(element: etree._Element) -> str:
    """All the text below an element in one line."""
    return " ".join("".join(element.itertext(with_tail=False)).split())
