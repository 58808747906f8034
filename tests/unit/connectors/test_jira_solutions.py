"""Which comment solved a ticket, by what people write; and how a ticket ended, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.atlassian import Deployment
from connectors.documents import Section, SectionKind
from connectors.jira_issues import issue_document
from connectors.jira_solutions import Remark, ending, linked_changes, solving_remark

RESOLVED = datetime(2026, 3, 9, 12, tzinfo=UTC)


def remark(text: str, *, by: str = "reader", hours: float = -72) -> Remark:
    """A comment so many hours after the resolution."""
    return Remark(comment={}, text=text, author=by, created=RESOLVED + timedelta(hours=hours))


def solving(*remarks: Remark, resolution: str = "Fixed") -> str | None:
    """The text of the comment that is chosen; the ticket was given to Bo."""
    found = solving_remark(remarks, resolution=resolution, resolved=RESOLVED, assignee="bo")
    return found.text if found else None


@pytest.mark.parametrize(
    ("resolution", "texts", "chosen"),
    [
        ("Fixed", ["It jams again.", "PR: https://git.example/ops/labels/pull/7", "Can you test it?"], 1),
        ("Fixed", ["The roller was worn, fixed by replacing it.", "Verified on dock 3. Closing."], 0),
        (
            "Fixed",
            ["Merged in https://git.example/x/-/commit/4f2a9c1d", "Still an issue with firmware 3?"],
            0,
        ),
        ("Fixed", ["Workaround: print from the tray instead.", "Any update on this?"], 0),
        ("Won't Fix", ["Which dock is it?", "The old scanner is no longer supported."], 1),
        ("Cannot Reproduce", ["It jams daily.", "Unable to reproduce with firmware 4.", "Thanks"], 1),
        ("Duplicate", ["Same here.", "Duplicate of OPS-7"], 1),
        ("Invalid", ["It prints nothing.", "This is by design: drafts are not printed."], 1),
    ],
)
def test_the_comment_that_says_how_it_ended_is_the_solution(
    resolution: str, texts: list[str], chosen: int
) -> None:
    """Whoever wrote it."""
    assert solving(*map(remark, texts), resolution=resolution) == texts[chosen]


@pytest.mark.parametrize(
    "texts",
    [[], ["It jams on dock 3."], ["Could you send the log?", "Here it is."], ["", "  "], ["Reopened"]],
)
def test_where_no_comment_says_it_none_is_chosen(texts: list[str]) -> None:
    """A conversation is no solution."""
    assert solving(*map(remark, texts)) is None


def test_the_assignee_and_whoever_resolved_it_are_believed_more() -> None:
    """A comment of the moment of the resolution is its reason."""
    told = "The belt of the sorter was loose."

    assert solving(remark("The drawer was open."), remark(told, by="bo"), remark("Is it the lamp?")) == told
    assert solving(remark("The drawer was open."), remark(told, hours=-0.1)) == told
    assert solving(remark("Fixed by me, too, elsewhere.", hours=500)) is None


@pytest.mark.parametrize(
    ("resolution", "duplicates", "text"),
    [
        ("Fixed", [], "Resolution: Fixed, fixed in 1.2, resolved 2026-03-09."),
        ("Duplicate", ["OPS-7"], "This is a duplicate of OPS-7."),
        ("Duplicate", [], "This is a duplicate of another ticket."),
        ("Cannot Reproduce", [], "It could not be reproduced."),
        ("Won't Do", [], "It will not be fixed or done."),
        ("Not Our Bug", [], "It is not a fault."),
    ],
)
def test_the_ending_is_said_in_words_that_people_search_for(
    resolution: str, duplicates: list[str], text: str
) -> None:
    """With versions and date."""
    said = ending(resolution, resolved=RESOLVED, versions=["1.2"], duplicates=duplicates)
    assert said.endswith(text)
    assert said.startswith(f"Resolution: {resolution}, fixed in 1.2, resolved 2026-03-09.")


def test_changes_are_links_to_pull_requests_and_commits_each_once() -> None:
    """Other links are none."""
    texts = [
        "https://git.example/a/b/pull/7 and https://git.example/a/b/issues/8.",
        "(https://git.example/a/b/pull/7), https://git.example/a/b/commit/4f2a9c1d.",
    ]
    assert list(linked_changes(texts)) == [
        "https://git.example/a/b/pull/7",
        "https://git.example/a/b/commit/4f2a9c1d",
    ]


def sections(**fields: Any) -> tuple[Section, ...]:
    """Those of a ticket that was fixed."""
    issue = {"id": "1", "key": "A-1", "fields": {"summary": "s", "resolution": {"name": "Fixed"}, **fields}}
    return issue_document(
        issue, source="x", site_url="https://x", deployment=Deployment.CLOUD, access_rules=()
    ).sections


def test_the_solving_comment_stands_once_with_its_author_date_and_link() -> None:
    """As the solution, with the other changes that comments link to."""
    bodies = [
        "It jams.",
        "PR: https://git.example/a/b/pull/7",
        "Docs: https://git.example/a/b/pull/8 is to come",
    ]
    comments = [
        {
            "id": str(number),
            "body": body,
            "author": {"displayName": f"P{number}"},
            "created": f"2026-03-0{number + 1}T00:00:00Z",
        }
        for number, body in enumerate(bodies)
    ]

    solution, *others = sections(
        comment={"comments": comments},
        issuelinks=[{"type": {"outward": "duplicates"}, "outwardIssue": {"key": "A-9"}}],
    )[1:]

    assert solution.kind is SectionKind.SOLUTION
    assert solution.text == (
        "Resolution: Fixed. This is a duplicate of A-9. Changes: https://git.example/a/b/pull/8 P1 wrote:\n\n"
        "PR: https://git.example/a/b/pull/7"
    )
    assert (solution.author, solution.url) == ("P1", "https://x/browse/A-1?focusedCommentId=1")
    assert [each.text for each in others] == [bodies[0], bodies[2]]
