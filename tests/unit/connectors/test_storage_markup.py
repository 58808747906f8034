"""Confluence storage format to Markdown."""

from __future__ import annotations

import re
from html import escape
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


def macro(name: str, body: str = "", /, **parameters: str) -> str:
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
        ("<p>a <em>b </em> c</p>", "a *b* c"),
        ("<pre class='language-sh'>a<br/>  b</pre>", "```sh\na\n  b\n```"),
        (
            "<p><ac:image>caption<ri:attachment ri:filename='a.png'/></ac:image></p>",
            "![a.png](a.png) caption",
        ),
        ("<p>see " + macro("n") + " there</p>", "see there"),
        (
            "<p>" + macro("view-file", "", file="<ri:attachment ri:filename='a.pdf'/>") + "</p>",
            "a.pdf",
        ),
        ("<p>" + macro("profile", "", user="<ri:user ri:account-id='acc-7'/>") + "</p>", "@Bo Kim"),
        (
            "<p>" + macro("widget", "", url="<ri:url ri:value='https://x.example/v'/>") + "</p>",
            "https://x.example/v",
        ),
        ("<p>" + macro("math-inline", "", body="a^2") + "</p>", "a^2"),
        (
            macro("code", plain("x = 1") + rich("<p>said, too</p>"), title="A"),
            "**A**\n\n```\nx = 1\n```\n\n**A:** said, too",
        ),
        (
            "<table><caption>c</caption><tr>a<td>b</td><p>d</p></tr>e</table>",
            "c\na\nd\ne\n\n|  |\n| --- |\n| b |",
        ),
        ("<ul><ul><li>a</li></ul>b</ul>", "  - a\nb"),
        (f"<span>{macro('code', plain('  x'))}</span>", "```\n  x\n```"),
        (
            "<table><tr><td>" + macro("code", plain("if a:\n  b")) + "</td></tr></table>",
            "|  |\n| --- |\n| ```<br>if a:<br>  b<br>``` |",
        ),
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


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """Even what is no markup at all."""
    assert isinstance(markdown(text), str)
    assert set(re.findall(r"[a-z]{3,}", markdown(escape(text)))) >= set(re.findall(r"[a-z]{3,}", text))
