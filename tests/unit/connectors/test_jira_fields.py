"""Values of custom fields in words, and names of rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.jira_fields import CustomField, chosen_fields, field_text, missing_fields
from connectors.jira_rules import RuleKind, RuleName

DOC = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Hello"}]}]}
SPRINT = "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=3,rapidViewId=2,state=ACTIVE,name=Week 7, cont.,goal=]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", ""),
        ("plain {text}", "plain {text}"),
        ("2024-03-20", "2024-03-20"),
        ("2024-03-20T08:00:00.000+0000", "2024-03-20 08:00 UTC"),
        ("2024-03-20T08:00:00.000+0530", "2024-03-20 08:00 +05:30"),
        ("2024-03-20T08:00:00Z", "2024-03-20 08:00 UTC"),
        (3.0, "3"),
        (2.5, "2.5"),
        (True, "yes"),
        ({"self": "https://x", "value": "High", "id": "7"}, "High"),
        ({"value": "Europe", "child": {"value": "Malta"}}, "Europe › Malta"),
        ([{"value": "a"}, {"value": "b"}], "a, b"),
        ({"displayName": "Ann Lee", "name": "ann", "emailAddress": "a@x"}, "Ann Lee"),
        ([{"id": 3, "name": "Week 7", "state": "active", "boardId": 2}], "Week 7"),
        ([SPRINT], "Week 7, cont."),
        ({"key": "OPS-1", "fields": {"x": 1}}, "OPS-1"),
        (DOC, "Hello"),
        ({"percent": {"done": 5}}, "5"),
        ([], ""),
        ({}, ""),
    ],
)
def test_values_are_written_in_words(value: Any, text: str) -> None:
    """In each shape that the fields of Cloud and Data Center come in."""
    assert field_text(value, {}).strip() == text


def test_only_fields_of_many_lines_are_markup() -> None:
    """A star in a name is a star."""
    assert field_text("*a*", {}, is_markup=True).strip() == "**a**"
    assert field_text("*a*", {}) == "*a*"


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["value", "child"]), inner),
)


@given(VALUES)
def test_no_value_is_too_strange(value: Any) -> None:
    """Nothing raises."""
    assert isinstance(field_text(value, {}), str)


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.lists(st.integers() | st.dictionaries(st.just("x"), st.integers()))
    )
)
def test_unknown_shapes_leave_no_json(value: Any) -> None:
    """Their words alone."""
    assert not set("{}[]\"'") & set(field_text(value, {}))


SITE = [
    {"id": "customfield_1", "name": "Severity", "schema": {"custom": "x:select"}},
    {"id": "customfield_2", "name": "severity", "schema": {"custom": "x:textarea"}},
    {
        "id": "customfield_3",
        "name": "Epic Link",
        "schema": {"custom": "com.pyxis.greenhopper.jira:gh-epic-link"},
    },
    {"id": "summary", "name": "Summary"},
]


def test_fields_are_found_by_id_or_by_name_in_any_case() -> None:
    """All of that name; the epic in any case."""
    assert list(chosen_fields(SITE, {"SEVERITY": None})) == [
        CustomField(id="customfield_1", label="Severity"),
        CustomField(id="customfield_2", label="severity", is_markup=True),
        CustomField(id="customfield_3", label="Epic"),
    ]
    [first, epic] = chosen_fields(SITE, {"customfield_1": "How bad"})
    assert (first.label, epic.label) == ("How bad", "Epic")
    assert missing_fields(SITE, ["Severity", "customfield_9", "Depth"]) == ["customfield_9", "Depth"]


IDS = st.from_regex(r"[0-9]{1,8}", fullmatch=True)


@given(
    st.sampled_from(RuleKind),
    IDS,
    IDS,
    st.dictionaries(st.sampled_from(["assignee", "reporter"]), st.text(min_size=1)),
)
def test_a_rules_name_says_what_it_was_made_of(
    kind: RuleKind, one: str, two: str, people: dict[str, str]
) -> None:
    """Whatever is in the id of a user."""
    ids = (one, two) if kind in {RuleKind.SECURITY, RuleKind.ROLE} else (one,)
    name = RuleName(kind=kind, ids=ids, people=people)
    assert RuleName.parse(str(name)) == name


@given(st.text())
def test_a_name_that_is_none_of_ours_is_a_key_error(name: str) -> None:
    """Or it is one, and is written again as it was."""
    try:
        parsed = RuleName.parse(name)
    except KeyError:
        return
    assert RuleName.parse(str(parsed)) == parsed
