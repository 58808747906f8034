"""Issues to documents: what is text, what is left out, and what dirt is survived."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.atlassian import Deployment
from connectors.documents import AccessRule, SectionKind
from connectors.jira_attachments import attachments_of, ids_by_ticket
from connectors.jira_comments import is_public
from connectors.jira_fields import CustomField
from connectors.jira_issues import issue_document

ROLE = (AccessRule(name="role:1:2", principals=None),)


@pytest.mark.parametrize(
    ("comment", "public"),
    [
        ({}, True),
        ({"jsdPublic": True}, True),
        ({"jsdPublic": False}, False),
        ({"jsdPublic": None}, False),
        ({"visibility": {"type": "group", "value": "g"}}, False),
        ({"visibility": {}}, False),
        ({"visibility": None}, True),
    ],
)
def test_comments_for_some_alone_are_not_public(comment: dict[str, Any], public: bool) -> None:
    """Roles, groups and internal notes; what is not understood is for some."""
    assert is_public(comment) is public


def document_of(fields: dict[str, Any], **options: Any) -> Any:
    """A document with these fields."""
    issue = {"id": "1", "key": "A-1", "fields": {"summary": "s", **fields}}
    site = {"source": "x", "site_url": "https://x", "deployment": Deployment.CLOUD, "access_rules": ()}
    return issue_document(issue, **{**site, **options})


def test_real_dirt_in_tickets_is_survived() -> None:
    """No author, no body, no project, no date."""
    comments = [{"id": "1"}, {"id": "2", "body": "text", "author": None}, {"id": "3", "body": None}]
    document = document_of({"comment": {"comments": comments}, "resolution": {"name": "Fixed"}})
    assert [section.kind for section in document.sections] == [SectionKind.SOLUTION, SectionKind.COMMENT]
    assert document.sections[0].text == "Resolution: Fixed."
    assert (document.place, document.status, document.author) == ("A", "Fixed", None)
    assert document.parts == frozenset()


RESOLVED = {
    "resolution": {"name": "Fixed"},
    "resolutiondate": "2024-01-02T00:00:00Z",
    "assignee": {"name": "y"},
}


@pytest.mark.parametrize(
    "comment", [{"author": {"name": "x"}}, {"visibility": {"type": "role", "value": "r"}}]
)
def test_only_a_public_comment_by_the_assignee_is_taken_for_the_solution(comment: dict[str, Any]) -> None:
    """Nothing is guessed, and nothing leaks."""
    whole = {
        "id": "1",
        "body": "the cause",
        "author": {"name": "y"},
        "created": "2024-01-01T00:00:00Z",
        **comment,
    }
    document = document_of({**RESOLVED, "comment": {"comments": [whole]}}, comment_rules=lambda _: ROLE)
    assert "the cause" not in document.sections[0].text
    assert document.sections[1].access_rules == ROLE


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans())))
def test_no_word_of_a_comment_for_some_is_in_what_everybody_reads(
    kinds: list[tuple[bool, bool, bool]],
) -> None:
    """Whatever is mixed, by whomever and whenever."""
    comments = [
        {
            "id": str(number),
            "body": f"hidden{number}" if role or internal else f"open{number}",
            "author": {"name": "y" if by_assignee else "x", "displayName": f"Person {number}"},
            "created": "2024-01-01T00:00:00Z",
            "jsdPublic": not internal,
            **({"visibility": {"type": "role", "value": "r"}} if role else {}),
        }
        for number, (role, internal, by_assignee) in enumerate(kinds)
    ]
    fields = {**RESOLVED, "description": "[~z]", "comment": {"comments": comments}}
    for options in ({}, {"comment_rules": lambda comment: () if is_public(comment) else ROLE}):
        document = document_of(fields, **options)
        public = " ".join(section.text for section in document.sections if not section.access_rules)
        assert "hidden" not in public
        open_ones = [number for number, kind in enumerate(kinds) if not (kind[0] or kind[1])]
        assert all(f"open{number}" in public for number in open_ones)


def test_a_field_of_one_line_is_a_fact_and_one_of_many_a_section() -> None:
    """An empty one is neither."""
    fields = [CustomField(id=f"c{n}", label=f"L{n}", is_markup=True) for n in range(3)]
    document = document_of({"c0": {"value": "High"}, "c1": "a\n\nb", "c2": None}, custom=fields)
    assert "L0: High" in document.sections[0].text
    assert (document.sections[1].heading_path, document.sections[1].kind) == (("L1",), SectionKind.SECTION)
    assert "L2" not in " ".join(section.text for section in document.sections)


def test_links_in_any_state_are_survived() -> None:
    """Without a type, without the other end, in either direction."""
    links = [{"type": {"inward": "is blocked by"}, "inwardIssue": {"key": "A-2"}}, {"type": None}, {}]
    links += [{"outwardIssue": {"key": "A-3"}}, {"outwardIssue": {}}]
    [section] = document_of({"issuelinks": links, "subtasks": [{}], "parent": {}}).sections
    assert section.text == "Links: is blocked by A-2, relates to A-3"


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["1/2", "1/3", "7"], {"1": ["2", "3"]}),
        (["a/1", "/1", "1/", "٣/1", "1) or (id = 2/3"], {}),
    ],
)
def test_ids_of_attachments_name_their_ticket(ids: list[str], found: dict[str, list[str]]) -> None:
    """Nothing but numbers gets into a query."""
    assert ids_by_ticket(ids) == found


@pytest.mark.parametrize(
    ("author", "minutes", "body", "hidden"),
    [
        ("y", 0, "", True),
        ("y", 9, "", True),
        ("y", 11, "", False),
        ("x", 0, "", False),
        ("x", 60, "!a.txt!", True),
    ],
)
def test_a_file_of_a_comment_for_some_is_told_by_its_name_or_its_author_and_time(
    author: str, minutes: int, body: str, hidden: bool
) -> None:
    """In doubt it is not read."""
    file = {"id": "5", "filename": "a.txt", "mimeType": "text/plain", "size": 3, "author": {"name": author}}
    file["created"] = f"2024-01-01T{8 + minutes // 60:02}:{minutes % 60:02}:00Z"
    comment = {"body": body, "jsdPublic": False, "author": {"name": "y"}, "created": "2024-01-01T08:00:00Z"}
    issue = {"id": "1", "fields": {"attachment": [file], "comment": {"comments": [comment]}}}
    assert (attachments_of(issue) == []) is hidden
