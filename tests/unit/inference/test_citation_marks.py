"""The marks of an answer and what they resolve to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from indexer.chunking import Anchor
from indexer.search import Hit
from inference.citations import resolve_citations, without_marks
from inference.passages import Passage, cite

Make = Callable[..., list[Passage]]


@pytest.mark.parametrize(
    ("text", "resolved", "cited"),
    [
        ("Restart it [1].", "Restart it [1].", ["1"]),
        ("First [3]. Then [1]. Again [3].", "First [1]. Then [2]. Again [1].", ["3", "1"]),
        ("Both [1, 3] and [3][1].", "Both [1][2] and [2][1].", ["1", "3"]),
        ("Known [2], unknown [9].", "Known [1], unknown.", ["2"]),
        ("Half known [9, 2].", "Half known [1].", ["2"]),
        ("Twice [1, 1].", "Twice [1].", ["1"]),
        ("Nothing at all.", "Nothing at all.", []),
        ("Made up [7].", "Made up.", []),
        (
            "A [2](https://x) link and [text](y), then [2].",
            "A [2](https://x) link and [text](y), then [1].",
            ["2"],
        ),
        ("In 2026 [100] or [abc] or [] stay; [2].", "In 2026 [100] or [abc] or [] stay; [1].", ["2"]),
    ],
)
def test_marks_are_renumbered_in_the_order_of_their_use(
    passages: Make, text: str, resolved: str, cited: list[str]
) -> None:
    """Those that name no passage are dropped; links are no marks."""
    answer, citations = resolve_citations(text, passages("a", "b", "c"))

    assert answer == resolved
    assert [citation.external_id for citation in citations] == cited
    assert [citation.number for citation in citations] == list(range(1, len(cited) + 1))


@pytest.mark.parametrize(
    "command",
    [
        "`docker build .`",
        "`cd .. && ls ./x`",
        "`argv[1] + list[0]`",
        "```sh\necho ${a[2]} ; ls .\n```",
        "git add . first",
    ],
)
def test_commands_in_an_answer_stay_as_they_are(passages: Make, command: str) -> None:
    """A renumbered mark beside them changes no blank before a dot, and an index is no mark."""
    answer, citations = resolve_citations(f"Run {command}\nat once [3].", passages("a", "b", "c"))

    assert answer == f"Run {command}\nat once [1]."
    assert [citation.external_id for citation in citations] == ["3"]


def test_a_citation_leads_to_the_place_itself(hit: Callable[..., Hit]) -> None:
    """Section and heading of a page; key, comment, its author and its date of a ticket."""
    page = cite(hit(1, "text", heading="Install › Linux"), 4)
    assert (page.number, page.title, page.url, page.heading, page.kind) == (
        4,
        "Page 1",
        "https://x/1#part",
        "Install › Linux",
        "section",
    )
    written = datetime(2025, 5, 5, tzinfo=UTC)
    comment = cite(
        hit(
            2,
            "text",
            document_kind="ticket",
            kind="comment",
            external_id="OPS-2",
            title="Jam",
            author="Ada",
            created=written,
        ),
        1,
    )
    assert (comment.title, comment.author, comment.updated) == ("OPS-2 Jam", "Ada", written)


def test_a_mark_that_a_page_holds_itself_is_not_taken_for_one_of_ours() -> None:
    """Pages have footnotes; code has indexes, which stay."""
    assert without_marks("As said [2], use `a[1]` [3, 4].") == "As said (2), use `a[1]` (3, 4)."


def test_a_run_of_comments_is_cited_as_the_one_that_says_it(hit: Callable[..., Hit]) -> None:
    """The comment that shares the most words with the statement before the mark."""
    text = "Ada: The roller is worn.\n\nBen: Cleaning the head helped."
    anchors = tuple(
        Anchor(start=start, url=f"https://x/c{n}", author=name, created=None)
        for n, (start, name) in enumerate([(0, "Ada"), (text.index("Ben"), "Ben")])
    )
    passage = Passage(number=1, hit=hit(1, text, kind="comment", anchors=anchors))

    _, (worn,) = resolve_citations("The roller is worn [1].", [passage])
    _, (helped,) = resolve_citations("It helped to clean the head [1].", [passage])

    assert (worn.url, worn.author) == ("https://x/c0", "Ada")
    assert (helped.url, helped.author) == ("https://x/c1", "Ben")


def test_of_small_sections_in_one_passage_the_one_that_says_it_is_cited(hit: Callable[..., Hit]) -> None:
    """By its own heading and link; the author is the page's."""
    text = "**Linux**\nRun the installer as root.\n\n**Windows**\nOpen the services panel."
    anchors = tuple(
        Anchor(
            start=text.index(f"**{name}"), url=f"https://x/1#{name}", author=None, created=None, heading=name
        )
        for name in ("Linux", "Windows")
    )
    small = hit(1, text, anchors=anchors, author="Ada", heading="Install")

    citation = cite(small, 1, "Open the panel of services.")

    assert (citation.url, citation.heading, citation.author) == ("https://x/1#Windows", "Windows", "Ada")
