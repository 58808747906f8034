from __future__ import annotations

import gzip
import json
import re
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandbox.atlassian.adf_html import adf_to_html
from sandbox.atlassian.wiki_adf import wiki_to_adf

DATA = Path("/work/shared/data")
WORD = st.from_regex(r"[a-z]{2,9}[0-9]{2}", fullmatch=True)


def convert(markup):
    return wiki_to_adf(markup, lambda login: (f"id-{login}", login))


def flat(node):
    """All text of a document, mentions included, a space between blocks."""
    if node["type"] == "text":
        return node["text"]
    own = node.get("attrs", {}).get("text", "") + str(node.get("attrs", {}).get("url", ""))
    inner = "".join(flat(child) for child in node.get("content", []))
    inline = node["type"] in ("mention",)
    return own + inner if inline else f" {own}{inner} "


def words(text):
    return re.findall(r"\w+", text)


@pytest.mark.parametrize(
    ("markup", "block"),
    [
        ("plain", {"type": "paragraph", "content": [{"type": "text", "text": "plain"}]}),
        ("----", {"type": "rule"}),
        (
            "{noformat}\na *b*\n{noformat}",
            {"type": "codeBlock", "content": [{"type": "text", "text": "a *b*"}]},
        ),
        (
            "{code:java}int x;{code}",
            {
                "type": "codeBlock",
                "attrs": {"language": "java"},
                "content": [{"type": "text", "text": "int x;"}],
            },
        ),
        (
            "h3. Top",
            {"type": "heading", "attrs": {"level": 3}, "content": [{"type": "text", "text": "Top"}]},
        ),
    ],
)
def test_each_block_becomes_its_node(markup, block):
    assert convert(markup)["content"] == [block]


@pytest.mark.parametrize(
    ("markup", "marks"),
    [("*a b*", "strong"), ("_a b_", "em"), ("-a b-", "strike"), ("+a b+", "underline"), ("{{a b}}", "code")],
)
def test_each_mark_is_set_and_its_signs_are_gone(markup, marks):
    assert convert(f"see {markup} now")["content"][0]["content"][1] == {
        "type": "text",
        "text": "a b",
        "marks": [{"type": marks}],
    }


@pytest.mark.parametrize(
    "markup", ["snake_case_name", "2 * 3 * 4", "a-b-c", "x{y", "[no link]", "!wow! that"]
)
def test_signs_inside_ordinary_text_stay_as_they_are(markup):
    assert flat(convert(markup)).strip() == markup


def test_lists_nest_and_change_their_kind():
    lists = convert("* a\n** b\n*# c\n* d\n# e")["content"]
    assert [each["type"] for each in lists] == ["bulletList", "orderedList"]
    nested = lists[0]["content"][0]["content"]
    assert [each["type"] for each in nested] == ["paragraph", "bulletList", "orderedList"]


def test_tables_keep_their_cells_and_links_with_bars():
    table = convert("||name||place||\n|a|[here|http://x.example/1]|")["content"][0]
    kinds = [[cell["type"] for cell in row["content"]] for row in table["content"]]
    assert kinds == [["tableHeader", "tableHeader"], ["tableCell", "tableCell"]]
    link = table["content"][1]["content"][1]["content"][0]["content"][0]
    assert link["marks"] == [{"type": "link", "attrs": {"href": "http://x.example/1"}}]


SPANS = [
    "{}",
    "*{}*",
    "_{}_",
    "-{}-",
    "+{}+",
    "{{{{{}}}}}",
    "[{}|http://h.example/p]",
    "[~{}]",
    "{{color:#fff}}{}{{color}}",
]
BLOCKS = ["{}", "h2. {}", "* {}", "** {}", "# {}", "bq. {}", "|{}|{}|", "||{}||", "{{code}}{}{{code}}"]
BLOCKS += [
    "{{quote}}{}{{quote}}",
    "{{panel:title=T}}{}{{panel}}",
    "{{noformat}}{}{{noformat}}",
    "{{quote}}{}",
    "\n{}\n",
]


@st.composite
def documents(draw):
    """Markup put together from fragments, and the words that are in it."""
    lines, told = [], []
    for _ in range(draw(st.integers(1, 6))):
        spans = []
        for word in draw(st.lists(WORD, min_size=1, max_size=4)):
            spans.append(draw(st.sampled_from(SPANS)).format(word))
            told.append(word)
        text = " ".join(spans)
        block = draw(st.sampled_from(BLOCKS))
        lines.append(block.format(text, text))
    return "\n".join(lines), told


@given(documents())
def test_no_word_gets_lost_whatever_the_markup(document):
    markup, told = document
    text = flat(convert(markup))
    assert [word for word in told if word not in text] == []


@given(st.text(alphabet=st.sampled_from(list("ab1 \n*_-+^~{}[]|!?#\\.:h2qcodebq")), max_size=300))
@example("{code}{code}")
@example("*" * 300)
@example("{quote}" * 60)
@example("[" * 200 + "~a]" * 50)
@example("#" * 30 + " x\n" + "*" * 9 + " y\n|")
def test_any_text_becomes_a_document_that_the_schema_allows(markup):
    document = convert(markup)
    check(document)
    assert isinstance(adf_to_html(document), str)


CHILDREN = {
    "doc": {"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "panel", "rule"}
    | {"table", "mediaSingle"},
    "paragraph": {"text", "hardBreak", "mention"},
    "heading": {"text", "hardBreak", "mention"},
    "blockquote": {"paragraph", "bulletList", "orderedList", "codeBlock"},
    "panel": {"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "rule"},
    "bulletList": {"listItem"},
    "orderedList": {"listItem"},
    "listItem": {"paragraph", "bulletList", "orderedList"},
    "table": {"tableRow"},
    "tableRow": {"tableHeader", "tableCell"},
    "tableHeader": {"paragraph"},
    "tableCell": {"paragraph"},
    "mediaSingle": {"media"},
    "codeBlock": {"text"},
}
NEEDS_CONTENT = {
    "blockquote",
    "panel",
    "bulletList",
    "orderedList",
    "listItem",
    "table",
    "tableHeader",
    "tableCell",
}


def check(node):
    """The rules of ADF's schema for the nodes that the converter makes."""
    kind = node["type"]
    if kind == "text":
        assert node["text"]
        marks = [mark["type"] for mark in node.get("marks", [])]
        assert len(marks) == len(set(marks))
        assert "code" not in marks or set(marks) <= {"code", "link"}
        return
    assert kind not in NEEDS_CONTENT or node["content"]
    for child in node.get("content", []):
        assert child["type"] in CHILDREN[kind], (kind, child["type"])
        check(child)


@pytest.mark.skipif(not (DATA / "titanium").is_dir(), reason=f"{DATA} is not on this machine")
def test_real_tickets_become_allowed_documents_and_keep_their_words():
    kept = total = 0
    with gzip.open(DATA / "titanium/jira/ALOY.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in islice(lines, 400):
            markup = json.loads(line)["fields"].get("description") or ""
            document = convert(markup)
            check(document)
            text = set(words(flat(document)))
            plain = re.sub(r"\{[^}\n]*\}|\[|\]|\||h[1-6]\.|bq\.|https?:\S+|!\S+!", " ", markup)
            total += len(words(plain))
            kept += sum(word in text for word in words(plain.replace("_", " ")))
    assert kept / total > 0.98
