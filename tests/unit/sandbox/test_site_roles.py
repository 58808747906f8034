"""The rules of projects, security levels and comments against a second, naive reading of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import ChangeError
from sandbox.site_access import (
    SERVICE_DESK_TEAM,
    is_principal,
    may_browse,
    may_read_issue,
    may_read_issue_comment,
)
from sandbox.site_account import Sight, read_view
from sandbox.site_people import Directory, Group, User
from sandbox.site_records import IssueRow
from sandbox.site_state import Site

USERS, GROUPS, ROLES = ["u1", "u2", "u3"], ["g1", "g2"], ["R1", SERVICE_DESK_TEAM]
PLAIN = ["anyone", *(f"group:{g}" for g in [*GROUPS, "gone"]), *(f"user:{u}" for u in USERS)]
MORE = [*(f"role:{r}" for r in [*ROLES, "gone"]), "reporter", "assignee", "lead", "applicationRole"]
RULE = st.lists(st.sampled_from(PLAIN + MORE), max_size=3).map(tuple)
ACTORS = st.lists(st.sampled_from(PLAIN[1:]), max_size=2).map(tuple)
PERSON = st.none() | st.sampled_from(USERS)


@st.composite
def sites(draw):
    groups = [
        Group(name=name, member_ids=frozenset(draw(st.sets(st.sampled_from(USERS))))) for name in GROUPS
    ]
    people = [
        User(id=u, login=f"login-{u}", name=u, email=f"{u}@x.example", active=draw(st.booleans()))
        for u in USERS
    ]
    site = Site(folder=Path("nowhere"), directory=Directory(people, groups))
    site.project_permissions = draw(st.dictionaries(st.just("P"), RULE))
    site.project_roles = {"P": draw(st.dictionaries(st.sampled_from(ROLES), ACTORS))}
    site.project_leads = draw(st.dictionaries(st.just("P"), st.sampled_from(USERS)))
    level = draw(st.none() | RULE)
    reporter, assignee = draw(PERSON), draw(PERSON)
    row = IssueRow(
        id="1",
        key="P-1",
        project="P",
        created=0,
        updated=0,
        facets={},
        packed=b"",
        security=site.security_level(level) if level is not None else None,
        reporter=f"login-{reporter}" if reporter else None,
        assignee=f"login-{assignee}" if assignee else None,
    )
    return site, row


def naive_principals(site, row, user_id):
    """Every principal that somebody is with regard to one issue."""
    user = site.directory.find(user_id)
    if user is None or not user.active:
        return {"anyone"}
    own = {"anyone", f"user:{user_id}", "applicationRole"}
    own |= {f"group:{group.name}" for group in site.directory.groups.values() if user_id in group.member_ids}
    own |= {f"role:{role}" for role, actors in site.project_roles["P"].items() if own & set(actors)}
    own |= {"lead"} if site.project_leads.get("P") == user_id else set()
    own |= {"reporter"} if row.reporter == user.login else set()
    return own | ({"assignee"} if row.assignee == user.login else set())


@given(sites(), PERSON)
def test_the_oracle_agrees_with_a_naive_reading_for_issues_with_roles(drawn, user_id):
    site, row = drawn
    own, user = naive_principals(site, row, user_id), site.directory.find(user_id)
    rules = [site.project_permissions.get("P", ("anyone",))]
    rules += [row.security.principals] if row.security else []
    assert may_read_issue(site, user, row) is all(own & set(rule) for rule in rules)
    as_anybody = own | ({"reporter", "assignee"} if user and user.active else set())
    assert may_browse(site, user, "P") is bool(as_anybody & set(rules[0]))


@given(sites(), PERSON, st.sampled_from([None, "role:R1", "role:gone", "group:g1"]), st.booleans())
def test_the_oracle_agrees_with_a_naive_reading_for_comments(drawn, user_id, limit, public):
    site, row = drawn
    user, own = site.directory.find(user_id), naive_principals(site, row, user_id)
    comment = {"id": "1", "jsdPublic": public}
    if limit:
        comment["visibility"] = dict(zip(("type", "value"), limit.split(":"), strict=True))
    has_team = SERVICE_DESK_TEAM in site.project_roles["P"]
    expected = may_read_issue(site, user, row) and (limit is None or limit in own)
    expected = expected and (public or not has_team or f"role:{SERVICE_DESK_TEAM}" in own)
    assert may_read_issue_comment(site, user, row, comment) is expected


@given(sites(), st.sampled_from(USERS))
def test_an_account_that_sees_as_a_user_sees_what_the_user_may_read(drawn, user_id):
    site, row = drawn
    site.account = read_view(site, {"sees": f"as:{user_id}"})
    assert Sight(site).issue(row) is may_read_issue(site, site.directory.find(user_id), row)
    site.account = read_view(site, {"hides": ["issue:P-1"]})
    assert not Sight(site).issue(row)


@pytest.mark.parametrize("text", ["", "staff", "group:", "user", "role:", "anyone:x", "lead:x", "everybody"])
def test_what_is_no_principal_is_seen(text):
    assert not is_principal(text, jira=True)


def test_only_jira_knows_roles():
    assert is_principal("role:x", jira=True)
    assert not is_principal("role:x")


@pytest.mark.parametrize("data", [{"sees": "nothing"}, {"hides": ["x:1"]}, {"hides": "page:1"}])
def test_a_view_that_makes_no_sense_is_refused(data):
    with pytest.raises(ChangeError):
        read_view(Site(folder=Path("nowhere")), data)
