"""Chunks: structure, sizes by the real tokeniser, overlap, and where a citation of each leads."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.collection import CollectionConnector
from connectors.documents import Document, DocumentKind, Section, SectionKind
from indexer.boilerplate import without_boilerplate
from indexer.chunking import Chunk, chunk_document
from indexer.duplicates import without_repeats
from indexer.embedding import Embedder, model_folder

EMBEDDER = Embedder()
COUNT = EMBEDDER.count_tokens
#: MiniLM reads 256 word pieces, two of them its own marks.
LIMIT = 256 - 2

SENTENCE = "The label printer on dock three needs its spooler restarted after every firmware update."


def section(kind: SectionKind = SectionKind.SECTION, text: str = SENTENCE, **values: Any) -> Section:
    """A section; its URL names its kind where none is given."""
    return Section(kind=kind, text=text, **({"url": f"https://x/{kind}"} | values))


def page(*sections: Section, title: str = "Label printers") -> Document:
    """A page of these sections."""
    return Document(
        source="wiki",
        id="1",
        external_id="1",
        kind=DocumentKind.PAGE,
        title=title,
        url="https://x/1",
        place="Ops",
        sections=sections,
        access_rules=(),
    )


def ticket(*sections: Section, title: str = "Printer jams") -> Document:
    """A ticket of these sections."""
    return Document(
        source="jira",
        id="2",
        external_id="OPS-12",
        kind=DocumentKind.TICKET,
        title=title,
        url="https://x/OPS-12",
        place="Ops",
        sections=sections,
        access_rules=(),
    )


def cut(document: Document) -> list[Chunk]:
    """The document's chunks at the model's own size."""
    return chunk_document(document, count_tokens=COUNT, max_tokens=LIMIT)


def test_the_limit_is_what_the_model_reads() -> None:
    """The embedder's limit and the model's own agree, so nothing is cut silently."""
    assert EMBEDDER.max_tokens == LIMIT
    config = json.loads((model_folder(None) / "sentence_bert_config.json").read_text("utf-8"))
    assert config["max_seq_length"] == 256


_KINDS = st.sampled_from(list(SectionKind))
_TEXT = st.lists(
    st.one_of(
        st.sampled_from(
            [SENTENCE, "한국어 문장입니다.", "| a | b |\n| --- | --- |\n" + "| 1 | x |\n" * 40, "a+b/" * 80]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    ),
    max_size=25,
).flatmap(lambda parts: st.sampled_from([" ", "\n", "\n\n"]).map(lambda gap: gap.join(parts)))
_NAMES = st.one_of(st.just(""), st.text(st.characters(exclude_categories=["Cs"]), max_size=255))
_SECTIONS = st.builds(
    Section,
    kind=_KINDS,
    text=_TEXT,
    url=st.sampled_from(["https://x/1", "https://x/2"]),
    heading_path=st.lists(_NAMES, max_size=4).map(tuple),
    author=st.none() | _NAMES,
    created=st.none() | st.just(datetime(2026, 2, 3, tzinfo=UTC)),
    language=st.none() | st.sampled_from(["python", "objective-c++", "x" * 60 + "+" * 40]),
)


@settings(deadline=None, max_examples=120)
@given(sections=st.lists(_SECTIONS, max_size=6), title=_NAMES, is_ticket=st.booleans())
def test_no_chunk_is_longer_than_the_model_reads(
    sections: list[Section], title: str, is_ticket: bool
) -> None:
    """Whatever the titles, headings, authors and languages, with all that stands in front of the text."""
    document = ticket(*sections, title=title) if is_ticket else page(*sections, title=title)

    chunks = cut(document)

    assert all(COUNT(chunk.embedding_text) <= LIMIT for chunk in chunks)
    assert all(chunk.text.strip() for chunk in chunks)
    assert {chunk.url for chunk in chunks} <= {document.url, *(each.url for each in sections)}


@settings(deadline=None, max_examples=60)
@given(sections=st.lists(_SECTIONS, max_size=5), is_ticket=st.booleans())
def test_every_word_that_is_not_left_out_by_a_rule_is_in_a_chunk(
    sections: list[Section], is_ticket: bool
) -> None:
    """Words that fit a chunk are in one, whole."""
    document = ticket(*sections) if is_ticket else page(*sections)
    assert not missing_words(document)


def missing_words(document: Document) -> set[str]:
    """Words of a document that no chunk holds, though no rule leaves them out; those that fit no piece left aside."""
    kept = without_repeats(without_boilerplate(document.sections))
    words = {word for each in kept for word in each.text.split() if COUNT(word) <= 40}
    # A fence is written anew, and a row that is cut is closed.
    found = set(re.split(r"[\s`|]+", " ".join(chunk.text for chunk in cut(document))))
    return {word for word in words if not found.issuperset(filter(None, re.split(r"[`|]+", word)))} - {"~~~"}


#: Of a judged collection, one document in so many is looked at.
REAL = {"titanium-small": 15, "aws-questions": 30}


@pytest.mark.parametrize("collection", REAL)
def test_real_documents_are_cut_within_the_limit_and_lose_no_word(collection: str, shared_data: Path) -> None:
    """With all their dirt."""
    connector = CollectionConnector(name="real", folder=shared_data / "judged" / collection)
    ids = [listed.id for listed in connector.listing()][:: REAL[collection]]
    documents = [each for each in connector.documents(ids) if isinstance(each, Document)]

    assert len(documents) > 80
    for document in documents:
        chunks = cut(document)
        assert all(COUNT(chunk.embedding_text) <= LIMIT for chunk in chunks)
        assert not missing_words(document)
        assert {anchor.url for chunk in chunks for anchor in chunk.anchors} <= {
            section.url for section in document.sections
        }


@pytest.mark.parametrize("language", ["python", "a-rather-long-language-name", None])
def test_code_longer_than_a_chunk_stays_within_the_limit_with_its_fence(language: str | None) -> None:
    """The fence and the language's name are counted too."""
    code = "\n".join(f"value_{number} = {number}" for number in range(300))

    chunks = cut(page(section(SectionKind.CODE, code, language=language)))

    assert len(chunks) > 1
    assert all(COUNT(chunk.embedding_text) <= LIMIT for chunk in chunks)
    assert all(
        chunk.text.startswith(f"```{language or ''}\n") and chunk.text.endswith("\n```") for chunk in chunks
    )
    bodies = [chunk.text.split("\n", 1)[1].removesuffix("\n```") for chunk in chunks]
    assert "\n".join(bodies) == code


def test_a_very_long_author_leaves_room_for_the_comment() -> None:
    """A display name of the greatest length that Jira takes does not push the words out."""
    chunks = cut(ticket(section(SectionKind.COMMENT, SENTENCE * 5, author="Ж 한 " * 63)))

    assert all(COUNT(chunk.embedding_text) <= LIMIT for chunk in chunks)
    assert len(chunks) <= 2


def test_long_titles_and_headings_are_cut_to_a_share_of_the_window() -> None:
    """The text keeps three quarters of every chunk."""
    chunks = cut(page(section(heading_path=("A very long heading " * 20,) * 3), title="A long title " * 40))

    (chunk,) = chunks
    assert SENTENCE in chunk.text
    assert COUNT(chunk.context) <= LIMIT // 4
    assert chunk.context.startswith("A long title A long title")


def test_a_ticket_gives_description_comments_and_solution_apart() -> None:
    """Each kind is a chunk of its own, and all name the ticket."""
    chunks = cut(
        ticket(
            section(SectionKind.DESCRIPTION, "It jams."),
            section(
                SectionKind.COMMENT, "Seen in Kiel.", author="Ada", created=datetime(2026, 2, 3, tzinfo=UTC)
            ),
            section(SectionKind.COMMENT, "Seen in Riga.", author=None, url="https://x/second"),
            section(SectionKind.SOLUTION, "Replaced the roller."),
        )
    )

    assert [chunk.kind for chunk in chunks] == ["description", "comment", "solution"]
    assert chunks[1].text == "Ada, 2026-02-03: Seen in Kiel.\n\nSomebody: Seen in Riga."
    assert all(chunk.context == "OPS-12 Printer jams" for chunk in chunks)


def test_a_run_of_comments_is_cited_as_its_first_one() -> None:
    """Author, date and URL of the first comment of the run."""
    comments = [
        section(
            SectionKind.COMMENT,
            SENTENCE.replace("three", str(n)),
            author=f"P{n}",
            url=f"https://x/c{n}",
            created=datetime(2026, 1, n + 1, tzinfo=UTC),
        )
        for n in range(20)
    ]

    chunks = cut(ticket(*comments))

    assert 1 < len(chunks) < 20
    for chunk in chunks:
        number = int(chunk.text.removeprefix("P").split(",")[0])
        assert (chunk.author, chunk.url) == (f"P{number}", f"https://x/c{number}")
        assert chunk.created == datetime(2026, 1, number + 1, tzinfo=UTC)


def test_long_text_under_different_headings_is_apart_and_under_one_heading_together() -> None:
    """A chunk belongs to one heading, whose path it knows and whose anchor it opens."""
    linux = {"heading_path": ("Install", "Linux"), "url": "https://x/1#linux"}
    chunks = cut(
        page(
            section(text=SENTENCE * 5),
            section(text=f"Plug it in. {SENTENCE * 5}", **linux),
            section(SectionKind.CODE, "apt install cups", **linux),
            section(text=SENTENCE * 5, heading_path=("Use",), url="https://x/1#use"),
        )
    )

    assert [chunk.heading for chunk in chunks] == ["", "Install › Linux", "Use"]
    assert chunks[1].text.startswith("Plug it in.")
    assert chunks[1].text.endswith("\n\n```\napt install cups\n```")
    assert chunks[1].kind == "section"
    assert chunks[1].url == "https://x/1#linux"
    assert chunks[1].context == "Label printers › Install › Linux"
    assert all(chunk.anchors == () for chunk in chunks)


def test_small_neighbours_share_a_chunk_under_the_headings_they_have_in_common() -> None:
    """Each is named by the rest of its heading, and a citation of its words leads to it."""
    chunks = cut(
        page(
            section(text="Plug it in.", heading_path=("Install", "Linux"), url="https://x/1#linux"),
            section(text="Run the setup.", heading_path=("Install", "Windows"), url="https://x/1#windows"),
            section(text=SENTENCE * 8, heading_path=("Use",), url="https://x/1#use"),
            section(text=SENTENCE * 8, heading_path=("Clean",), url="https://x/1#clean"),
        )
    )

    assert [chunk.heading for chunk in chunks] == ["Install", "Use", "Clean"]
    assert chunks[0].context == "Label printers › Install"
    assert chunks[0].text == "**Linux**\nPlug it in.\n\n**Windows**\nRun the setup."
    assert [(each.url, each.heading) for each in chunks[0].anchors] == [
        ("https://x/1#linux", "Install › Linux"),
        ("https://x/1#windows", "Install › Windows"),
    ]
    assert all(chunks[0].text[each.start :].startswith("**") for each in chunks[0].anchors)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            SectionKind.TABLE,
            "| Limit | Value |\n| --- | --- |\n" + "\n".join(f"| l{n} | {n} |" for n in range(15)),
        ),
        (SectionKind.CODE, "def run():\n\n    return 1\n" * 8),
    ],
)
def test_tables_and_code_that_fit_stay_whole(kind: SectionKind, text: str) -> None:
    """They are not cut to fill up the chunk before them."""
    chunks = cut(page(section(text=SENTENCE * 8), section(kind, text), section(text=SENTENCE * 8)))

    assert sum(text.strip() in chunk.text for chunk in chunks) == 1


def test_a_chunk_that_continues_prose_starts_with_the_sentence_before() -> None:
    """A small overlap, of one short sentence."""
    text = " ".join(
        f"Step {number} is to open drawer {number} and to look inside it." for number in range(60)
    )

    chunks = cut(page(section(text=text)))

    assert len(chunks) > 2
    for before, after in pairwise(chunks):
        repeated = after.text.split("\n\n")[0]
        assert before.text.endswith(repeated)
        assert repeated.startswith("Step ")


def test_the_same_document_gives_the_same_hashes_and_a_changed_title_others() -> None:
    """The hash names the embedded text: title and headings are in it, the author is not."""
    one, again = cut(page(section())), cut(page(section(author="Ada")))
    renamed = cut(page(section(), title="Printers"))

    assert [chunk.hash for chunk in one] == [chunk.hash for chunk in again]
    assert one[0].hash != renamed[0].hash


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (page(title="Holiday calendar"), SectionKind.SECTION),
        (ticket(section(SectionKind.DESCRIPTION, " \n "), title="Holiday calendar"), SectionKind.DESCRIPTION),
        (ticket(section(SectionKind.COMMENT, "+1"), title="Holiday calendar"), SectionKind.DESCRIPTION),
        (replace(page(title="Holiday calendar"), kind=DocumentKind.ATTACHMENT), SectionKind.ATTACHMENT),
    ],
)
def test_a_document_without_text_is_found_by_its_title(document: Document, kind: SectionKind) -> None:
    """Its one chunk says nothing else, and leads to the document."""
    (chunk,) = cut(document)

    assert (chunk.text, chunk.kind, chunk.url) == ("Holiday calendar", kind, document.url)
    assert chunk.embedding_text == "Holiday calendar"
    assert (chunk.access_rules, chunk.included_id) == ((), None)


def test_a_document_without_text_and_title_has_no_chunks() -> None:
    """An id is no title; blank sections give none either."""
    blank = (section(text=" \n\n "), section(SectionKind.CODE, "\n"))

    assert cut(page(*blank, title=" ")) == []
    assert cut(page(*blank, title="1")) == []


def test_a_run_of_comments_knows_where_each_begins() -> None:
    """So that a citation can lead to the very comment; a chunk of one place needs none."""
    comments = [
        section(SectionKind.COMMENT, f"Comment {n}.", author=f"P{n}", url=f"https://x/c{n}") for n in range(3)
    ]

    (chunk,) = cut(ticket(*comments))
    (alone,) = cut(ticket(comments[0]))

    assert [(each.url, each.author) for each in chunk.anchors] == [
        (f"https://x/c{n}", f"P{n}") for n in range(3)
    ]
    assert all(chunk.text[each.start :].startswith(f"{each.author}: Comment") for each in chunk.anchors)
    assert alone.anchors == ()


@pytest.mark.parametrize(
    "text",
    [
        "Thanks" + "\n" * 20_000 + "x",
        "Thanks" + " " * 20_000 + "x",
        "--" + " \n" * 20_000 + "x" * 80,
        "\n>" + "\n " * 10_000 + "x",
        "```" + " " * 20_000 + "x`",
        "~" * 6_000 + "x`",
        "| a |\n|" + "-" * 20_000 + "x",
        "1 x 0xabcdef " * 3_000,
        "at a.b" * 5_000 + "(",
        "- at " + "x" * 20_000,
        ("word-word_" * 30 + "\n") * 300,
        "Ada wrote:" * 2_000 + " \n" * 5_000 + "x",
        "**Environment:** x\n" * 2_000,
        "Steps to reproduce:\n" * 5_000,
        "https://x/" + "a" * 20_000,
    ],
)
@pytest.mark.parametrize("kind", [SectionKind.COMMENT, SectionKind.SECTION])
def test_text_that_is_mostly_blank_or_of_one_sign_is_cut_in_no_time(kind: SectionKind, text: str) -> None:
    """By rules that look at every character a few times: what took seconds takes hundredths of one."""
    clock = time.process_time()

    chunk_document(
        ticket(section(kind, text)), count_tokens=lambda word: -(-len(word) // 4), max_tokens=LIMIT
    )

    assert time.process_time() - clock < 1
