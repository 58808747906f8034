"""Jira wiki markup and ADF to Markdown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.markup.adf import adf_to_markdown
from connectors.markup.wiki import wiki_to_markdown

NAMES = {"bo.kim": "Bo Kim", "acc-7": "Bo Kim"}


def wiki(markup: str) -> str:
    """Converted wiki markup."""
    return wiki_to_markdown(markup, NAMES.get)


def doc(*content: Any) -> dict[str, Any]:
    """An ADF document."""
    return {"type": "doc", "version": 1, "content": list(content)}


def paragraph(text: str) -> dict[str, Any]:
    """An ADF paragraph."""
    return {"type": "paragraph", "content": [{"type": "text", "text": text}]}


def test_the_golden_ticket_in_wiki_markup(golden: Path) -> None:
    """Every construct that tickets use."""
    assert wiki((golden / "issue.wiki").read_text()) + "\n" == (golden / "issue.wiki.md").read_text()


def test_the_golden_ticket_in_adf(golden: Path) -> None:
    """Every kind of node."""
    document = json.loads((golden / "issue.adf.json").read_text())
    assert adf_to_markdown(document) + "\n" == (golden / "issue.adf.md").read_text()


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("a *b* _c_ {{d}}", "a **b** *c* `d`"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
        ("[~accountid:acc-7] and [~nobody]", "@Bo Kim and @nobody"),
        ("[~bo.kim]please look", "@Bo Kim please look"),
        (
            "[text|https://x.example] [https://x.example|https://x.example|smart-link]",
            "[text](https://x.example) https://x.example",
        ),
        ("see[https://x.example]", "see https://x.example"),
        ("array[0] and [sic] stay", "array[0] and [sic] stay"),
        ("!a/b.png|width=3! wow! really!", "![b.png](a/b.png) wow! really!"),
        ("{noformat}\n*a*\n  b\n{noformat}", "```\n*a*\n  b\n```"),
        ("{code:java}\nint[] a;\n{code} after", "```java\nint[] a;\n```\n\nafter"),
        ("{code:title=A.java|borderStyle=solid}\nx\n{code}", "**A.java**\n\n```\nx\n```"),
        ("before {code} never closed *b*", "before\n\nnever closed **b**"),
        ("{html}<p>Hello <b>you</b> &amp; me</p>{html}", "Hello **you** & me"),
        ("h3. Head\ntext", "### Head\n\ntext"),
        ("* a\n** b\n  more of b\n* c", "- a\n   - b\n      more of b\n- c"),
        ("|a|b|\n|c|", "|  |  |\n| --- | --- |\n| a | b |\n| c |  |"),
        ("||h||\n|x \\| y|", "| h |\n| --- |\n| x \\| y |"),
        ("\\{code\\} \\*a\\*", "{code} *a*"),
        ("[^a.txt][^b c.log] not [^0-9]", "a.txt b c.log not [^0-9]"),
        ("[log|^a.txt]", "[log](a.txt)"),
        (
            "|a|b\nmore\n* c|d|\nafter",
            "|  |  |  |\n| --- | --- | --- |\n| a | b<br>more<br>* c | d |\n\nafter",
        ),
        ("{CODE}a{code} b", "```\na\n```\n\nb"),
        ('{adf:display=block}{"type":"doc","content":[{"type":"blockCard","attrs":{"url":"u"}}]}{adf}', "u"),
        ("{adf}{adf} a", "a"),
        ("{color:#ff0000}red{color}{anchor:here}", "red"),
        ("", ""),
    ],
)
def test_small_wiki_texts(markup: str, expected: str) -> None:
    """One construct each."""
    assert wiki(markup) == expected


DIRT = [
    "{code}",
    "{code:x}",
    "{noformat:",
    "*",
    "[",
    "[a|",
    "{{",
    "}}",
    "||",
    "|",
    "!",
    "_a",
    "{color:",
    "{html}",
    "<p>",
    "# ",
    "\\",
    "~",
    "h1. ",
    "\n",
    "- ",
]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([*DIRT, "{quote}", "{panel:title=x}", "bq. ", "----\n"]),
            st.text(max_size=6),
            st.from_regex(r"[a-z]{5,9} ", fullmatch=True),
        )
    )
)
def test_no_word_of_wiki_markup_is_lost(parts: list[str]) -> None:
    """However markers and words are mixed; what stands in a marker's braces is no word."""
    markup = "".join(parts)
    outside = re.sub(r"\{[^{}\n]*\}|<[^<>]*>|\{[^{}\n]*", " ", markup)
    if "{html}" not in markup:
        wanted = {
            word for word in re.findall(r"[a-z]{5,}", outside) if re.search(rf"(?<![\w{{:|=]){word} ", markup)
        }
        assert wanted <= set(re.findall(r"[a-z]{5,}", wiki(markup))) | _parameters(markup)


def _parameters(markup: str) -> set[str]:
    """Words inside braces or after a bar in an image: parameters, not text."""
    inside = " ".join(re.findall(r"\{[^}\n]*\}|![^!\n]*!|\{anchor[^}\n]*\}", markup))
    return set(re.findall(r"[a-z]{5,}", inside))


NODE = st.recursive(
    st.one_of(
        st.from_regex(r"[a-z]{4,9}", fullmatch=True).map(lambda word: {"type": "text", "text": f" {word} "}),
        st.just({"type": "hardBreak"}),
        st.none(),
        st.integers(),
    ),
    lambda inner: st.builds(
        lambda kind, content, attrs: {"type": kind, "content": content, "attrs": attrs},
        st.sampled_from(
            [
                "paragraph",
                "heading",
                "bulletList",
                "orderedList",
                "listItem",
                "table",
                "tableRow",
                "tableCell",
                "panel",
                "expand",
                "taskList",
                "taskItem",
                "codeBlock",
                "blockquote",
                "mediaSingle",
                "novelty",
                "extension",
            ]
        ),
        st.lists(inner, max_size=4),
        st.one_of(
            st.none(),
            st.dictionaries(
                st.sampled_from(["level", "order", "title", "colspan", "state"]),
                st.one_of(st.integers(-5, 10), st.text(max_size=4)),
            ),
        ),
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(NODE, max_size=5))
def test_no_word_of_adf_is_lost_and_nothing_raises(nodes: list[Any]) -> None:
    """Nodes in places where no editor puts them."""
    wanted = set(re.findall(r'"text": " ([a-z]+) "', json.dumps(nodes)))
    assert wanted <= set(re.findall(r"[a-z]+", adf_to_markdown(doc(*nodes))))


@pytest.mark.parametrize(
    "broken", [None, 5, "text", [], {}, {"type": "doc"}, {"type": 3, "content": {"a": 1}}]
)
def test_what_is_no_document_has_no_text(broken: object) -> None:
    """Nothing raises."""
    assert adf_to_markdown(broken) == ""


def test_deep_adf_keeps_the_words() -> None:
    """Far below where an editor ends."""
    node: dict[str, Any] = paragraph("bottom")
    for _ in range(3000):
        node = {"type": "blockquote", "content": [node]}
    assert "bottom" in adf_to_markdown(doc(node))
