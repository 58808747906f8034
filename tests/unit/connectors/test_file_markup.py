"""HTML and Markdown files to blocks."""

from __future__ import annotations

import re
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.documents import SectionKind
from connectors.markup.blocks import pieces, to_markdown
from connectors.markup.html import read_html
from connectors.markup.markdown import read_markdown


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<title>T</title><p>a", "# T\n\na"),
        ("<title>T</title><h1>H</h1><p>a", "# H\n\na"),
        ("<style>x</style><script>var x = '<p>'</script><noscript>y</noscript><p>a</p>b", "a\n\nb"),
        ("<p>a<p>b<br>c&nbsp;&copy; &foo;", "a\n\nb\nc © &foo;"),
        ('<pre>\n<code class="language-py">if a:\n    b\n</code></pre>', "```py\nif a:\n    b\n\n```"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ('<img alt="A" src="data:image/png;base64,AA/BB">', "![A]()"),
        ("<details><summary>s</summary>d</details>", "s\n\nd"),
        ("<ul><li>a<ul><li>b</ul></ul>", "- a\n  - b"),
        ("a < b", "a < b"),
        ("", ""),
        (" <!-- x --> ", ""),
    ],
)
def test_small_pages(html: str, expected: str) -> None:
    """One construct each."""
    assert to_markdown(read_html(html)) == expected


@settings(max_examples=100)
@given(st.text())
def test_any_text_is_read_as_html(text: str) -> None:
    """Escaped text loses no word, and no text raises."""
    assert isinstance(to_markdown(read_html(text)), str)
    written = to_markdown(read_html(f"<p>{escape(text)}</p>"))
    assert set(re.findall(r"[a-z]{3,}", text)) <= set(re.findall(r"[a-z]{3,}", written))


def test_a_markdown_file_is_cut_at_headings_tables_and_code() -> None:
    """Front matter, both kinds of headings and of code; what is in a list stays there."""
    text = (
        "---\ntitle: x\n---\n# A *b* [l](u) `c`\n\ntext\nmore\n\n```py x\n  a\n```\n~~~\n# no\n~~~\n"
        "|a|b|\n|-|-|\n|1|2|\n\nSet\n---\n- x\n  ```\n  q\n  ```\n\n      code\n\nend"
    )
    found = [(p.kind, p.heading_path, p.language, p.text) for p in pieces(read_markdown(text))]
    assert found == [
        (SectionKind.SECTION, (), None, "---\ntitle: x\n---"),
        (SectionKind.SECTION, ("A b l c",), None, "text\nmore"),
        (SectionKind.CODE, ("A b l c",), "py", "  a"),
        (SectionKind.CODE, ("A b l c",), None, "# no"),
        (SectionKind.TABLE, ("A b l c",), None, "|a|b|\n|-|-|\n|1|2|"),
        (SectionKind.SECTION, ("A b l c", "Set"), None, "- x\n  ```\n  q\n  ```\n\n      code\n\nend"),
    ]


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            ["# ", "```\n", "- ", "> ", "|", "---\n", "wordy ", "\n", "    ", "1. ", "\r\n", "<a>"]
        )
    )
)
def test_no_word_of_a_markdown_file_is_lost(parts: list[str]) -> None:
    """However marks and words are mixed."""
    text = "".join(parts)
    written = to_markdown(read_markdown(text))
    in_info = len(re.findall(r"^.*```.*wordy|~~~.*wordy", text, re.MULTILINE))
    assert in_info or written.count("wordy") == text.count("wordy")
