"""The permission oracle against a second, naive reading of the rules."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sandbox.site_access import may_read_issue, may_read_page
from sandbox.site_people import Directory, Group, User
from sandbox.site_records import IssueRow, PageRow
from sandbox.site_state import Site

USERS, GROUPS, PAGES = ["u1", "u2", "u3"], ["g1", "g2"], ["1", "2", "3", "4", "5"]
PRINCIPAL = st.sampled_from(
    ["anyone", *(f"group:{g}" for g in [*GROUPS, "gone"]), *(f"user:{u}" for u in USERS)]
)
RULE = st.lists(PRINCIPAL, max_size=3).map(tuple)


def page(page_id: str, parent: str | None, space: str) -> PageRow:
    return PageRow(
        id=page_id,
        kind="page",
        space=space,
        title=page_id,
        parent_id=parent,
        version=1,
        created=0,
        updated=0,
        author="u1",
        labels=(),
        packed=b"",
    )


@st.composite
def sites(draw):
    members = {name: frozenset(draw(st.sets(st.sampled_from(USERS)))) for name in GROUPS}
    people = [User(id=u, login=u, name=u, email=f"{u}@x.example", active=draw(st.booleans())) for u in USERS]
    directory = Directory(people, [Group(name=n, member_ids=ids) for n, ids in members.items()])
    site = Site(folder=Path("nowhere"), directory=directory)
    for page_id in PAGES:
        parent = draw(st.none() | st.sampled_from(PAGES))  # loops and missing parents included
        site.pages[page_id] = page(page_id, parent, draw(st.sampled_from(["A", "B"])))
        if draw(st.booleans()):
            site.page_restrictions[page_id] = draw(RULE)
        site.pages[page_id].status = draw(st.sampled_from(["current", "current", "trashed"]))
    site.space_permissions = draw(st.dictionaries(st.sampled_from(["A", "B"]), RULE))
    site.project_permissions = draw(st.dictionaries(st.sampled_from(["P"]), RULE))
    return site, members


def naive_identity(site, members, user_id):
    """All principals that a person is."""
    if user_id is None or not site.directory.find(user_id).active:
        return {"anyone"}
    return {"anyone", f"user:{user_id}"} | {
        f"group:{name}" for name, ids in members.items() if user_id in ids
    }


def naive_page(site, identity, page_id, seen=()):
    row = site.pages[page_id]
    if row.id in site.page_restrictions and not identity & set(site.page_restrictions[row.id]):
        return False
    if row.parent_id is None or row.parent_id in (*seen, page_id):
        return True
    return naive_page(site, identity, row.parent_id, (*seen, page_id))


@given(sites(), st.sampled_from([None, *USERS]))
def test_the_oracle_agrees_with_a_naive_reading_for_every_page(drawn, user_id):
    site, members = drawn
    identity = naive_identity(site, members, user_id)
    user = site.directory.find(user_id)
    for row in site.pages.values():
        in_space = bool(identity & set(site.space_permissions.get(row.space, ("anyone",))))
        expected = row.status == "current" and in_space and naive_page(site, identity, row.id)
        assert may_read_page(site, user, row) is expected


@given(sites(), st.sampled_from([None, *USERS]), st.none() | RULE)
def test_the_oracle_agrees_with_a_naive_reading_for_issues(drawn, user_id, level):
    site, members = drawn
    identity = naive_identity(site, members, user_id)
    security = site.security_level(level) if level is not None else None
    row = IssueRow(
        id="1", key="P-1", project="P", created=0, updated=0, facets={}, packed=b"", security=security
    )
    expected = bool(identity & set(site.project_permissions.get("P", ("anyone",))))
    expected = expected and (level is None or bool(identity & set(level)))
    assert may_read_issue(site, site.directory.find(user_id), row) is expected
