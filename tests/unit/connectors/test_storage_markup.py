"""Confluence storage format to Markdown."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterator
from html import escape
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.documents import SectionKind
from connectors.markup.blocks import pieces, to_markdown
from connectors.markup.storage import mentioned_users, read_storage
from connectors.markup.storage_xml import parse

NAMES = {"acc-7": "Bo Kim"}


def markdown(storage: str) -> str:
    """The whole body as one text."""
    return to_markdown(read_storage(storage, NAMES.get))


def macro(name: str, body: str = "", **parameters: str) -> str:
    """A structured macro."""
    given = "".join(
        f'<ac:parameter ac:name="{key}">{value}</ac:parameter>' for key, value in parameters.items()
    )
    return f'<ac:structured-macro ac:name="{name}">{given}{body}</ac:structured-macro>'


def rich(body: str) -> str:
    """A macro's rich text body."""
    return f"<ac:rich-text-body>{body}</ac:rich-text-body>"


def plain(body: str) -> str:
    """A macro's plain text body."""
    return f"<ac:plain-text-body><![CDATA[{body}]]></ac:plain-text-body>"


def test_the_golden_page_is_read_as_a_person_would_write_it(golden: Path) -> None:
    """Links, mentions, layouts, lists, panels, merged cells, tasks, includes."""
    assert markdown((golden / "page.xml").read_text()) + "\n" == (golden / "page.md").read_text()


def test_a_page_is_cut_at_headings_tables_and_code() -> None:
    """Each piece knows its headings, and a repeated heading its number."""
    body = f"<p>a</p><h1>One</h1><p>b</p>{macro('code', plain('c'), language='sh')}<h2>Two</h2>"
    body += "<table><tr><th>d</th></tr><tr><td>e</td></tr></table><h1>One</h1><p>f</p>"
    found = [(p.kind, p.heading_path, p.repeat, p.language) for p in pieces(read_storage(body, NAMES.get))]
    assert found == [
        (SectionKind.SECTION, (), 0, None),
        (SectionKind.SECTION, ("One",), 0, None),
        (SectionKind.CODE, ("One",), 0, "sh"),
        (SectionKind.TABLE, ("One", "Two"), 0, None),
        (SectionKind.SECTION, ("One",), 1, None),
    ]


def test_a_heading_without_text_is_a_piece_and_one_with_children_is_not() -> None:
    """No heading's words are lost, none is said twice."""
    found = list(pieces(read_storage("<h1>A</h1><h2>B</h2><h1>C</h1><p>c</p><h2>D</h2>", NAMES.get)))
    assert [(p.heading_path, p.text) for p in found] == [(("A", "B"), "B"), (("C",), "c"), (("C", "D"), "D")]


@pytest.mark.parametrize("source", ["  a\n\tb\n\n c ", "&nbsp; <x> ]] > ``` |", "x]]]]><![CDATA[>y"])
@pytest.mark.parametrize("name", ["code", "noformat"])
def test_code_is_kept_byte_for_byte(name: str, source: str) -> None:
    """At the top, and inside a list item."""
    wanted = source.replace("]]]]><![CDATA[>", "]]>")
    [piece] = pieces(read_storage(macro(name, plain(source)), NAMES.get))
    assert piece.text == wanted
    nested = markdown(f"<ul><li>a<ul><li>b{macro(name, plain(source))}</li></ul></li></ul>")
    assert f"\n{wanted}\n" in nested


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        ("<p>&eacute;t&eacute; &copy; &amp; &lt;b&gt;</p>", "été © & <b>"),
        ("<p>a<br/>b</p>", "a\nb"),
        ("<p><del>old</del> <sub>2</sub></p>", "~~old~~ 2"),
        (
            '<p><a href="https://x.example">x</a> <a href="https://y.example">https://y.example</a></p>',
            "[x](https://x.example) https://y.example",
        ),
        ('<p><ac:link><ri:attachment ri:filename="a.pdf"/></ac:link></p>', "a.pdf"),
        ('<p><ac:link><ri:user ri:account-id="acc-9"/></ac:link></p>', "@someone"),
        ('<p><ac:link ac:anchor="below"/></p>', "below"),
        ('<p><ac:image><ri:url ri:value="https://x.example/p/i.png"/></ac:image></p>', "![i.png](i.png)"),
        ('<p><ac:emoticon ac:name="x" ac:emoji-fallback="🎈"/></p>', "🎈"),
        ("<p>" + macro("jira", jqlQuery="project = OPS") + "</p>", "(Jira issues: project = OPS)"),
        (macro("toc") + macro("children") + macro("anchor"), ""),
        (macro("mermaid", plain("graph TD")), "```mermaid\ngraph TD\n```"),
        (macro("unheard-of", rich("<p>words</p>")), "words"),
        (macro("unheard-of", "<p>stray</p> loose"), "stray\n\nloose"),
        (
            macro(
                "excerpt-include",
                '<ac:parameter ac:name=""><ac:link><ri:page ri:content-title="P"/></ac:link></ac:parameter>',
            ),
            "(includes an excerpt of page “P”)",
        ),
        (macro("expand", rich("<p>inside</p>"), title="More"), "**More:** inside"),
        ("<ol start='4'><li>d</li><li>e</li></ol>", "4. d\n5. e"),
        ("<ul><li>a</li><ul><li>b</li></ul></ul>", "- a\n  - b"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n\n> b"),
        ("<table><tr><td>a</td></tr></table>", "|  |\n| --- |\n| a |"),
        ("<table><tr><th colspan='9999'>a</th></tr><tr><td rowspan='x'>b</td></tr></table>", None),
        ("<p>a <p>b</p> c</p>", "a\n\nb\n\nc"),
        ("<p>un<b>closed", "un**closed**"),
        ("plain & broken < text", "plain & broken < text"),
        ("", ""),
    ],
)
def test_small_bodies(storage: str, expected: str | None) -> None:
    """One construct each."""
    found = markdown(storage)
    assert expected is None or found == expected


def test_new_editor_panels_are_read_once() -> None:
    """The fallback repeats the content for old clients."""
    body = (
        '<ac:adf-extension><ac:adf-node type="panel"><ac:adf-attribute key="panel-type">note</ac:adf-attribute>'
        "<ac:adf-content><p>Mind.</p></ac:adf-content></ac:adf-node>"
        "<ac:adf-fallback><div>Mind.</div></ac:adf-fallback></ac:adf-extension>"
    )
    assert markdown(body) == "**Note:** Mind."


def test_mentions_are_found_without_parsing() -> None:
    """By account id and by user key."""
    body = '<ri:user ri:account-id="a:1"/><ri:user ri:userkey="ff80"/><ri:page ri:content-title="x"/>'
    assert mentioned_users(body) == {"a:1", "ff80"}


def test_nothing_is_loaded_for_an_entity(tmp_path: Path) -> None:
    """A body cannot declare entities, and so cannot read files."""
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden-words")
    body = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]><p>&e; seen</p>'
    assert "hidden-words" not in markdown(body)
    assert "seen" in markdown(body)


def test_deep_nesting_keeps_the_words() -> None:
    """Ten thousand levels of lists, quotations and spans."""
    for tag in ("div", "ul><li", "blockquote", "span", "strong"):
        opening, closing = (
            f"<{tag}>" * 5000,
            "".join(f"</{name}>" for name in reversed(tag.split("><"))) * 5000,
        )
        assert "word" in markdown(f"{opening}word{closing}")


def test_large_pages_take_linear_time() -> None:
    """Some megabytes of rows, items and paragraphs within seconds."""
    started = time.perf_counter()
    markdown("<table>" + "<tr><td>a</td><td><p>b</p><p>c</p></td></tr>" * 20_000 + "</table>")
    markdown("<ul>" + "<li>a <strong>b</strong></li>" * 30_000 + "</ul>")
    markdown("<h2>h</h2><p>text &nbsp; text</p>" * 20_000)
    assert time.perf_counter() - started < 15


WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=9)
INLINE = st.recursive(
    WORD.map(lambda word: f" {word} "),
    lambda inner: st.one_of(
        st.builds(
            lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
            st.sampled_from(["strong", "em", "u", "span", "code", "a"]),
            st.lists(inner, max_size=3),
        ),
        st.builds(
            lambda parts: (
                f"<ac:link><ri:page ri:content-title='t'/><ac:link-body>{''.join(parts)}</ac:link-body></ac:link>"
            ),
            st.lists(inner, min_size=1, max_size=2),
        ),
    ),
    max_leaves=6,
)
BODY = st.recursive(
    st.one_of(INLINE.map(lambda text: f"<p>{text}</p>"), INLINE, INLINE.map(lambda text: f"<h2>{text}</h2>")),
    lambda inner: st.one_of(
        st.builds(
            lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
            st.sampled_from(["div", "blockquote", "ac:layout", "pre", "td", "span"]),
            st.lists(inner, max_size=3),
        ),
        st.lists(inner, max_size=3).map(
            lambda parts: "<ul>" + "".join(f"<li>{part}</li>" for part in parts) + "</ul>"
        ),
        st.lists(inner, max_size=4).map(
            lambda parts: (
                "<table><tbody><tr>" + "".join(f"<td>{part}</td>" for part in parts) + "</tr></tbody></table>"
            )
        ),
        st.builds(
            lambda name, parts: macro(name, rich("".join(parts))),
            st.sampled_from(["info", "expand", "x"]),
            st.lists(inner, max_size=3),
        ),
        st.lists(inner, max_size=2).map(
            lambda parts: (
                "<ac:task-list><ac:task><ac:task-body>"
                + "".join(parts)
                + "</ac:task-body></ac:task></ac:task-list>"
            )
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(BODY)
def test_no_word_of_a_body_is_lost(body: str) -> None:
    """Every text node's words are in the output, in whatever they are nested."""
    wanted = set(" ".join(parse(body).itertext()).split())
    read = " ".join(part for p in pieces(read_storage(body, NAMES.get)) for part in (*p.heading_path, p.text))
    assert wanted <= set(re.findall(r"[a-z]+", read))


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """A text with pieces cut out, doubled or put in."""
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 60)))
        put = draw(
            st.one_of(
                st.text(max_size=8),
                st.sampled_from(
                    ["<", ">", "]]>", "<p>", "</table>", "&x;", "\x00", "{code}", text[start:end] * 2]
                ),
            )
        )
        text = text[:start] + put + text[end:]
    return text


@pytest.mark.parametrize("element", ["ac:image", "ac:emoticon", "ri:user", "ac:link", "br", "img", "time"])
def test_what_a_missing_end_tag_swallows_is_read(element: str) -> None:
    """An element that holds no text may hold half a page where its end is missing."""
    assert "lost" in markdown(f"<p>Before <{element}></p><p>not lost</p>")


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_mutated_pages_never_raise(data: st.DataObject, golden: Path) -> None:
    """Whatever is broken, there is a text."""
    body = data.draw(mutated((golden / "page.xml").read_text()))
    assert "light" in markdown(body + "<p>light</p>") or "light" in markdown(body)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """Even what is no markup at all."""
    assert isinstance(markdown(text), str)
    assert set(re.findall(r"[a-z]{3,}", markdown(escape(text)))) >= set(re.findall(r"[a-z]{3,}", text))


def _real_bodies(folder: Path, every: int) -> Iterator[str]:
    for path in sorted((folder / "aws" / "confluence").glob("*.gz")):
        with gzip.open(path) as lines:
            yield from (json.loads(line)["storage"] for line in islice(lines, 0, None, every))
    with (folder / "confluence-storage" / "magnolia" / "pages.jsonl").open() as lines:
        yield from (json.loads(line)["storage"] for line in lines)
    for path in sorted((folder / "confluence-storage" / "md2conf" / "target").glob("*.xml")):
        yield path.read_text()


def _assert_words_kept(bodies: Iterator[str]) -> None:
    count = 0
    for body in bodies:
        count += 1
        root = parse(body)
        for parameter in [
            each
            for each in root.iter()
            if str(each.tag).endswith(
                ("}parameter", "}task-id", "}task-uuid", "}task-status", "}adf-attribute", "}adf-fallback")
            )
        ]:
            parameter.text = ""
            for each in parameter:
                each.clear()
        wanted = {word for text in root.itertext() for word in re.findall(r"[^\W_]+", text)}
        read = " ".join(
            part for p in pieces(read_storage(body, NAMES.get)) for part in (*p.heading_path, p.text)
        )
        squeezed = re.sub(r"[\W_]", "", read)
        assert [word for word in wanted if word not in squeezed] == []
    assert count > 100


def test_real_pages_lose_no_word(real_data: Path) -> None:
    """A slice of real documentation, and real pages with many macros."""
    _assert_words_kept(_real_bodies(real_data, 20))


@pytest.mark.slow
def test_all_real_pages_lose_no_word(real_data: Path) -> None:
    """All of them."""
    _assert_words_kept(_real_bodies(real_data, 1))
