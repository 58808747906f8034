"""Markup that is damaged anywhere: nothing raises, and what stands beside the damage is read.

The certain words are those of the blocks that were not touched: whatever happens to one paragraph, table or macro,
nobody would take the text before and after it for anything but text.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.markup.adf import adf_to_markdown
from connectors.markup.blocks import to_markdown
from connectors.markup.html import read_html
from connectors.markup.markdown import read_markdown
from connectors.markup.storage import read_storage
from connectors.markup.wiki import wiki_to_markdown


def nobody(_: str) -> None:
    """Nobody's name is known."""


def storage(markup: str) -> str:
    """Storage format as one text."""
    return to_markdown(read_storage(markup, nobody))


def html(markup: str) -> str:
    """HTML as one text."""
    return to_markdown(read_html(markup))


def wiki(markup: str) -> str:
    """Wiki markup as one text."""
    return wiki_to_markdown(markup, nobody)


MACRO = '<ac:structured-macro ac:name="%s"><ac:parameter ac:name="title">t</ac:parameter>'
#: Each ``@`` becomes a word that occurs nowhere else.
STORAGE = [
    "<p>@ <strong>@</strong> @&nbsp;@</p>",
    "<h2>@</h2>",
    "<ul><li>@<ol><li><p>@</p></li></ol></li><li>@</li></ul>",
    "<table><tbody><tr><th>@</th><th>@</th></tr><tr><td rowspan='2'>@</td><td><p>@</p></td></tr></tbody></table>",
    '<p><ac:link><ri:page ri:content-title="T" /><ac:link-body>@</ac:link-body></ac:link> @ <a href="u">@</a></p>',
    f"{MACRO % 'info'}<ac:rich-text-body><p>@</p><p>@</p></ac:rich-text-body></ac:structured-macro>",
    f"{MACRO % 'code'}<ac:plain-text-body><![CDATA[@ <b> &amp;]]></ac:plain-text-body></ac:structured-macro>",
    f"<p>@ {MACRO % 'status'}</ac:structured-macro> @</p>",
    '<p>@ <ac:image><ri:attachment ri:filename="f" /></ac:image> @ <ri:user ri:account-id="a" /> @<br />@</p>',
    "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>"
    "<ac:task-body>@</ac:task-body></ac:task></ac:task-list>",
    '<ac:adf-extension><ac:adf-node type="panel"><ac:adf-attribute key="panel-type">note</ac:adf-attribute>'
    "<ac:adf-content><p>@</p></ac:adf-content></ac:adf-node></ac:adf-extension>",
    "<ac:layout><ac:layout-section><ac:layout-cell><p>@</p></ac:layout-cell></ac:layout-section></ac:layout>",
    "<blockquote><p>@</p></blockquote><pre>@\n@</pre>",
]
WIKI = [
    "@ *@* _@_ {{@}}\n",
    "h2. @\n",
    "* @\n** @\n# @\n",
    "||@||@||\n|@|[@|https://x.example]|\n",
    "{code:java}\n@\n{code}\n",
    "{panel:title=t}\n@\n{panel}\n",
    "{noformat}@{noformat} @\n",
    "bq. @\n",
    "{color:red}@{color} [~name] !i.png! @\n",
    "{quote}\n@\n{quote}\n",
    "{html}<p>@</p>{html}\n",
]
DIRT = [
    *"< > </ /> ]]> <![CDATA[ <!-- --> <? <!x & &x; &#0; \" ' <p> </p> </td> </table> <table> <li> </ul>".split(),
    *"<ac:parameter> </ac:parameter> <ac:link> <ri:page </ac:structured-macro> <ac:plain-text-body>".split(),
    *"{code} {code:x {noformat} {quote} {panel {color: [ ] [a| | || ! * ** _ {{ }} \\ bq. \x00".split(),
    *("\n", " ", "</ac:rich-text-body>", '<ac:structured-macro ac:name="status">', '<a href="', "\ud800"),
]


@st.composite
def damaged(draw: st.DrawFn, palette: list[str]) -> tuple[str, list[str]]:
    """A page of some blocks of which one is damaged, and the words of the others."""
    chosen = draw(st.lists(st.sampled_from(palette), min_size=1, max_size=5))
    hit, count = draw(st.integers(0, len(chosen) - 1)), 0
    certain: list[str] = []
    for index in range(len(chosen)):
        while "@" in chosen[index]:
            word = f"word{chr(97 + count // 26)}{chr(97 + count % 26)}"
            chosen[index], count = chosen[index].replace("@", word, 1), count + 1
            certain += [word] if index != hit else []
    for _ in range(draw(st.integers(1, 4))):
        block = chosen[hit]
        start = draw(st.integers(0, len(block)))
        end = draw(st.integers(start, len(block)))
        put = draw(st.one_of(st.just(""), st.sampled_from(DIRT), st.just(block[start:end] * 2)))
        chosen[hit] = block[:start] + put + block[end:]
    return "".join(chosen), certain


def assert_kept(words: list[str], written: str) -> None:
    """None is missing, none has grown together with another."""
    assert set(words) <= set(re.findall(r"word[a-z]{2}(?![a-z])", written))


@settings(max_examples=300)
@given(damaged(STORAGE))
def test_damage_in_a_page_costs_no_word_beside_it(case: tuple[str, list[str]]) -> None:
    """Cut, doubled, put in."""
    assert_kept(case[1], storage(case[0]))


@settings(max_examples=200)
@given(damaged(WIKI))
def test_damage_in_a_ticket_costs_no_word_beside_it(case: tuple[str, list[str]]) -> None:
    """The same for wiki markup."""
    assert_kept(case[1], wiki(case[0]))


@settings(max_examples=100)
@given(damaged(STORAGE), st.integers(0, 2000))
def test_a_page_cut_off_keeps_what_came_before(case: tuple[str, list[str]], length: int) -> None:
    """Truncated anywhere; a word that the cut goes through is no word any more."""
    body = "<p>wordzz</p>" + case[0][:length]
    assert "wordzz" in storage(body)
    assert "wordzz" in wiki("wordzz\n" + case[0][:length])


@settings(max_examples=100)
@given(data=st.data())
def test_mutated_pages_never_raise(data: st.DataObject, golden: Path) -> None:
    """Whatever is broken in a real page, a paragraph after it is read; the other readers take it as well."""
    body = (golden / "page.xml").read_text()
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 60)))
        put = data.draw(st.one_of(st.text(max_size=8), st.sampled_from(DIRT), st.just(body[start:end] * 2)))
        body = body[:start] + put + body[end:]
    assert "light" in storage(body + "<p>light</p>")
    for read in (html, wiki, lambda text: to_markdown(read_markdown(text))):
        assert isinstance(read(body), str)


@settings(max_examples=150)
@given(data=st.data())
def test_damage_in_adf_costs_no_text(data: st.DataObject, golden: Path) -> None:
    """Nodes under another name, without attributes, or under a node that nobody knows."""
    document = json.loads((golden / "issue.adf.json").read_text())
    nodes = below(document)
    texts = [node["text"] for node in nodes if node.get("type") == "text"]
    for _ in range(data.draw(st.integers(1, 4))):
        node = data.draw(st.sampled_from(nodes))
        if node.get("type") == "text":
            continue
        action = data.draw(st.sampled_from(["rename", "strip", "wrap"]))
        if action == "rename":
            node["type"] = data.draw(st.sampled_from([*{each["type"] for each in nodes}, "novelty", 3, None]))
        elif action == "strip":
            node["attrs"] = data.draw(
                st.sampled_from([None, 3, [], {"level": "x", "colspan": -1, "text": 1}])
            )
        else:
            inner = copy.copy(node)
            node.clear()
            node.update({"type": "novelty", "content": [inner, None, 5, "x"]})
    written = re.sub(r"\W", "", adf_to_markdown(document))
    assert [text for text in texts if re.sub(r"\W", "", text) not in written] == []


def below(node: Any) -> list[dict[str, Any]]:
    """A node and all nodes in it."""
    found = [node]
    for each in found:
        found += [inner for inner in each.get("content", []) if isinstance(inner, dict)]
    return found


@pytest.mark.parametrize("element", ["ac:image", "ac:emoticon", "ri:user", "ac:link", "br", "img", "time"])
def test_what_a_missing_end_tag_swallows_is_read(element: str) -> None:
    """An element that holds no text may hold half a page where its end is missing."""
    assert "lost" in storage(f"<p>Before <{element}></p><p>not lost</p>")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("<p>a <b>b</p><p>c</p>", "a **b**\n\nc"),
        ("<p>a</strong b</p>", "a</strong b"),
        ('<p>a <ac:parameter ac:name="></ac:parameter></p><p>b</p>', "a\n\nb"),
        (
            '<p><ac:structured-macro ac:name="jira"><ac:parameter ac:name="key">A-1 and more</p>',
            "A-1 and more",
        ),
        ("<ac:plain-text-body><![CDATA[a < b</ac:plain-text-body><p>c</p>", "a < b\n\nc"),
        ("a <!-- b", "a b"),
        ("<table><tr><td>a<td>b<tr><td>c</table>d", None),
        ("1 < 2 && 3 > 2 &nbsp; &foo;", "1 < 2 && 3 > 2 &foo;"),
    ],
)
def test_what_a_person_would_make_of_it(broken: str, expected: str | None) -> None:
    """Small faults, each on its own."""
    assert storage(broken) == expected or expected is None
    assert set(re.findall(r"\b[a-d]\b", broken)) - {"b"} <= set(re.findall(r"\b[a-d]\b", storage(broken)))


@pytest.mark.parametrize("read", [storage, html])
@pytest.mark.parametrize("depth", [100, 1900, 20_000])
@pytest.mark.parametrize(
    "tags",
    [
        *["div", "ul li", "ul", "blockquote", "span", "strong", "h1 b", "table tr td", "pre", "dl", "a"],
        *["ac:link", "ac:image", "ac:task-list", "ac:structured-macro", "ac:rich-text-body"],
        *["ac:adf-extension", "ac:adf-node"],
    ],
)
def test_deep_nesting_keeps_the_words(read: Callable[[str], str], depth: int, tags: str) -> None:
    """Far deeper than libxml2 and Python's stack go, closed and never closed."""
    opening = "".join(f"<{tag}>" for tag in tags.split())
    closing = "".join(f"</{tag}>" for tag in reversed(tags.split()))
    for body in (
        f"{opening * depth}bottom{closing * depth}<p>after</p>",
        f"{opening * depth}bottom <p>after</p>",
    ):
        written = read(body)
        assert "bottom" in written
        assert "after" in written


def test_deep_adf_and_lists_keep_the_words() -> None:
    """Far below where an editor ends."""
    for kind in (
        "blockquote",
        "bulletList",
        "listItem",
        "table",
        "tableRow",
        "tableCell",
        "panel",
        "taskList",
        "x",
    ):
        node: dict[str, Any] = {"type": "text", "text": "bottom"}
        for _ in range(3000):
            node = {"type": kind, "content": [node]}
        assert "bottom" in adf_to_markdown({"type": "doc", "content": [node]})
    assert "bottom" in wiki(
        "*" * 20 + " a\n" + "".join(f"{'*' * level} x\n" for level in range(200)) + "bottom"
    )
    assert "bottom" in to_markdown(read_markdown("> " * 5000 + "bottom\n\n" + "- " * 5000 + "x"))


def test_merged_cells_do_not_multiply() -> None:
    """Ten thousand cells that each claim ten thousand rows and columns."""
    row = "<tr>" + "<td rowspan='10000' colspan='10000'>words</td>" * 1000 + "</tr>"
    body = "<table>" + row + "<tr><td>b</td></tr>" * 1000 + "</table>"
    assert len(storage(body)) < 20 * len(body)
    nested = "x" * 100
    for _ in range(25):
        nested = f"<table><tr><td rowspan='2'>{nested}</td><td>a</td></tr><tr><td>b</td></tr></table>"
    assert len(storage(nested)) < 100_000


def test_merged_cells_may_overlap() -> None:
    """A cell merged over columns runs into one that hangs down from the row above."""
    rows = "<tr><td>a</td><td rowspan='3'>b</td></tr><tr><td colspan='2'>c</td></tr><tr><td>d</td></tr>"
    assert set("abcd") <= set(storage(f"<table>{rows}</table>"))
