"""Real pages, tickets and documents lose no visible word and no byte of code.

What is visible is found here without the converters: a plain walk over the text nodes of strictly parsed XML, the
``text`` leaves of ADF, and wiki markup with its markers cut out.
"""

from __future__ import annotations

import gzip
import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from connectors.markup.adf import adf_to_markdown
from connectors.markup.blocks import pieces, to_markdown
from connectors.markup.storage import read_storage
from connectors.markup.wiki import wiki_to_markdown

#: Words on both sides of one of these tags may be one, as in ``un<b>closed</b>``; a link puts its address between.
INLINE = {
    *"strong b em i u s del code span sub sup small font time".split(),
    *"link link-body plain-text-link-body inline-comment-marker".split(),
}
#: Parameters of a macro, ids and states of a task: no text for people.
PARAMETERS = {"parameter", "default-parameter", "task-id", "task-uuid", "task-status", "adf-attribute"}
ENTITY = re.compile(r"<!\[CDATA\[.*?\]\]>|&(?!amp;|lt;|gt;|quot;)\w+;", re.DOTALL)


def nobody(_: str) -> None:
    """Nobody's name is known."""


def tree(storage: str) -> etree._Element:
    """A storage body, strictly parsed."""

    def resolved(match: re.Match[str]) -> str:
        return match.group() if match.group().startswith("<") else html.unescape(match.group())

    parser = etree.XMLParser(remove_comments=True, huge_tree=True)
    head = '<body xmlns:ac="ac" xmlns:ri="ri" xmlns:at="at">'
    return etree.fromstring(f"{head}{ENTITY.sub(resolved, storage)}</body>", parser)


def visible(element: etree._Element) -> Iterator[str]:
    """The text nodes of a body, blocks kept apart."""
    name = etree.QName(element).localname
    gap = "" if name in INLINE else " "
    if name not in PARAMETERS:
        yield gap + (element.text or "")
        for each in element:
            yield from visible(each)
            yield each.tail or ""
    yield gap


def lost(source: str, written: str) -> list[str]:
    """The words of the source that are written less often than they occur in it."""
    wanted = Counter(re.findall(r"[^\W_]+", source))
    kept = Counter(re.findall(r"[^\W_]+", re.sub(r"[*`~]", "", written)))
    missing = {word: count for word, count in wanted.items() if kept[word] < count}
    # Marks and link targets stand inside words, too: look for those without what is between letters.
    squeezed = re.sub(r"[\W_]", "", written) if missing else ""
    return [word for word, count in missing.items() if squeezed.count(word) < count]


def pages(folder: Path, every: int) -> Iterator[str]:
    """Real storage bodies, an even slice of the many."""
    for path in sorted((folder / "aws" / "confluence").glob("*.gz")):
        with gzip.open(path) as lines:
            yield from (json.loads(line)["storage"] for line in islice(lines, 0, None, every))
    with (folder / "confluence-storage" / "magnolia" / "pages.jsonl").open() as lines:
        yield from (json.loads(line)["storage"] for line in lines)
    for path in sorted((folder / "confluence-storage" / "md2conf" / "target").glob("*.xml")):
        yield path.read_text()


def check_page(storage: str) -> None:
    """Words and code of one body."""
    root = tree(storage)
    blocks = read_storage(storage, nobody)
    written = to_markdown(blocks)
    assert lost("".join(visible(root)), written) == []
    for body in root.iter("{ac}plain-text-body"):
        source = body.text or ""
        in_cell = source.replace("\n", "<br>").replace("|", "\\|")
        assert not source.strip() or f"\n{source}\n" in written or f"<br>{in_cell}<br>" in written
    found = list(pieces(blocks))
    kept = {heading for piece in found for heading in piece.heading_path} | {piece.text for piece in found}
    joined = "\n".join(kept)
    assert all(block.text.strip("\n") in joined for block in blocks)


def check_pages(folder: Path, every: int) -> None:
    """All bodies of the slice."""
    count = 0
    for storage in pages(folder, every):
        count += 1
        check_page(storage)
    assert count > 100


def test_real_pages_lose_no_word(real_data: Path) -> None:
    """A slice of real documentation, and real pages with many macros."""
    check_pages(real_data, 20)


@pytest.mark.slow
def test_all_real_pages_lose_no_word(real_data: Path) -> None:
    """All of them."""
    check_pages(real_data, 1)


def test_real_adf_loses_no_word(real_data: Path) -> None:
    """Atlassian's own valid, invalid and rendered documents."""
    files = sorted((real_data / "adf").glob("*/*.json"))
    for path in files:
        document = json.loads(path.read_text())
        written = adf_to_markdown(document)
        assert lost("\n".join(leaves(document)), written) == [], path.name
        assert all(source in written for source in code_blocks(document)), path.name
    assert len(files) > 200


def leaves(node: Any) -> Iterator[str]:
    """The words of text nodes, and the ``text`` that other nodes carry as an attribute."""
    if not isinstance(node, dict):
        return
    for owner in (node, node.get("attrs")) if node.get("type") != "hardBreak" else ():
        if isinstance(owner, dict) and isinstance(owner.get("text"), str):
            yield owner["text"]
    content = node.get("content")
    for each in content if isinstance(content, list) else ():
        yield from leaves(each)


def code_blocks(node: Any) -> Iterator[str]:
    """The source of every code block that is made of text alone."""
    if not isinstance(node, dict):
        return
    content = node.get("content")
    inside = content if isinstance(content, list) else []
    if node.get("type") == "codeBlock" and all(each.get("type") == "text" for each in inside):
        yield "".join(each.get("text", "") for each in inside)
    for each in inside:
        yield from code_blocks(each)


MARKER = re.compile(
    r"""\{[a-zA-Z]+(?::[^{}\n]*)?\}     # a macro with its parameters
    |(?<=\|)(?:smart-link|smart-card|smart-embed)(?=\])
    |![^!\n]+!|\[~[^\]\n]*\]            # images and mentions
    |^\s*h[1-6]\.|^\s*bq\.|^\s*[*\#-]+\s""",
    re.MULTILINE | re.VERBOSE,
)


#: A link whose words are its address is written as the address.
BARE_LINK = re.compile(r"\[\s*([^|\[\]\n]+?)\s*\|\s*\1\s*(?:\|smart-\w+)?\]")


def check_tickets(folder: Path, every: int) -> None:
    """Descriptions and comments of real tickets; ``{html}`` is another markup, tested above."""
    count = 0
    for path in sorted((folder / "titanium" / "jira").glob("*.gz")):
        with gzip.open(path) as lines:
            for line in islice(lines, 0, None, every):
                fields = json.loads(line)["fields"]
                comments = (fields.get("comment") or {}).get("comments") or []
                for body in [fields.get("description"), *(comment.get("body") for comment in comments)]:
                    written = wiki_to_markdown(body or "", nobody)
                    if body and "{html" not in body:
                        count += 1
                        assert lost(MARKER.sub(" ", BARE_LINK.sub(r"[\1]", body)), written) == []
    assert count > 500


def test_real_tickets_lose_no_word(real_data: Path) -> None:
    """A slice of real tickets with their comments."""
    check_tickets(real_data, 40)


@pytest.mark.slow
def test_all_real_tickets_lose_no_word(real_data: Path) -> None:
    """All of them."""
    check_tickets(real_data, 1)
