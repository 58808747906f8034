"""What Confluence's connector computes without a network: queries, versions, threads, includes, rendered bodies."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.confluence_children import threads
from connectors.confluence_includes import Include, excerpt_of, includes_of
from connectors.confluence_pages import handle_of
from connectors.confluence_parts import child_part, page_part, place_part
from connectors.confluence_query import changed_since, minute_of, of_space, quoted, titled, zone_of
from connectors.confluence_rendered import without_foreign_text
from sandbox.atlassian.query import parse_query

PAGE: dict[str, Any] = {
    "id": "1",
    "type": "page",
    "title": "Lamp",
    "version": {"number": 3},
    "space": {"key": "ENG", "name": "Engineering"},
    "metadata": {"labels": {"results": [{"name": "b"}, {"name": "a"}]}},
    "ancestors": [{"id": "9", "title": "Top"}],
}
MOMENT = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.strip() == text))
def test_any_title_is_one_value_in_a_query(title: str) -> None:
    """With quotes, backslashes, operators: it is found again as it was."""
    query: Any = parse_query(titled([("~a.b", title)]))
    space, found = query.where.parts[1].parts
    assert (space.values[0].text, found.values[0].text) == ("~a.b", title)


@given(st.text(min_size=1, max_size=20))
def test_any_space_key_is_one_value_in_a_query(key: str) -> None:
    """A key cannot add a clause."""
    query: Any = parse_query(of_space(key, ("page",)))
    assert [value.text for value in query.where.parts[0].values] == [key]
    query = parse_query(changed_since("2026-01-01 00:00", [key, "X"]))
    assert [value.text for value in query.where.parts[1].values] == [key, "X"]
    assert quoted('a"b\\') == '"a\\"b\\\\"'


@pytest.mark.parametrize("name", ["Pacific/Honolulu", "Asia/Kathmandu", "Europe/Berlin", "UTC"])
@given(minutes=st.integers(0, 600_000))
def test_a_window_starts_early_enough_in_every_zone(name: str, minutes: int) -> None:
    """Also in the hour that a zone has twice, and in the one that it skips."""
    since = MOMENT + timedelta(minutes=minutes)
    zone = ZoneInfo(name)
    written = datetime.strptime(minute_of(since, zone), "%Y-%m-%d %H:%M")
    for fold in (0, 1):
        start = written.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        assert since - timedelta(minutes=140) < start < since


@given(st.sampled_from(["Pacific/Kiritimati", "Etc/GMT+12", "UTC"]), st.integers(0, 600_000))
def test_a_window_of_an_unknown_zone_is_early_enough_in_all(name: str, minutes: int) -> None:
    """From the westernmost to the easternmost."""
    since = MOMENT + timedelta(minutes=minutes)
    written = datetime.strptime(minute_of(since, None), "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(name))
    assert written < since


@pytest.mark.parametrize("name", [None, "", 7, "Mars/Olympus", "../etc/passwd", "/etc/localtime"])
def test_a_zone_that_nobody_knows_is_none(name: object) -> None:
    """The site may name any."""
    assert zone_of(name) is None


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Lens"},
        {"version": {"number": 4}},
        {"space": {"key": "HR", "name": "Engineering"}},
        {"space": {"key": "ENG", "name": "Engineers"}},
        {"metadata": {"labels": {"results": [{"name": "a"}]}}},
        {"ancestors": []},
        {"ancestors": [{"id": "8", "title": "Top"}]},
        {"ancestors": [{"id": "9", "title": "Tip"}]},
    ],
)
def test_each_change_of_a_page_changes_its_word(change: dict[str, Any]) -> None:
    """The order of labels does not."""
    word = page_part(PAGE)
    assert word is not None
    assert word.startswith("page:3:")
    assert page_part({**PAGE, **change}) != word
    turned = {"labels": {"results": [{"name": "a"}, {"name": "b"}]}}
    assert page_part({**PAGE, "metadata": turned, "body": {}}) == word


def test_a_file_does_not_change_with_its_pages_text() -> None:
    """But with the page's place."""
    assert place_part({**PAGE, "version": {"number": 4}, "metadata": {}}) == place_part(PAGE)
    assert place_part({**PAGE, "title": "Lens"}) != place_part(PAGE)


def test_the_words_of_comments_and_files() -> None:
    """None where the site tells no version."""
    comment = {"id": "7", "type": "comment", "version": {"number": 2}}
    resolved = {**comment, "extensions": {"resolution": {"status": "resolved"}}}
    reopened = {**comment, "extensions": {"resolution": {"status": "reopened"}}}
    assert child_part(comment) == child_part(reopened) == "comment:7:2"
    assert child_part(resolved) == "comment:7:2:resolved"
    file = {"id": "att8", "type": "attachment", "version": {"number": 1}, "title": "a.txt"}
    assert str(child_part(file)).startswith("attachment:att8:1:")
    assert child_part(file) != child_part({**file, "title": "b.txt"})
    assert child_part({**file, "version": {}}) is None
    assert page_part({**PAGE, "version": None}) is None


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=12), st.randoms())
def test_every_comment_comes_once_and_after_the_one_above(shape: list[tuple[int, int]], random: Any) -> None:
    """For any threads, in any order of rows; a parent that is not there counts for none."""
    rows = []
    for number, (parent, day) in enumerate(shape):
        above = [{"id": str(parent), "type": "comment"}] if parent < number or parent > len(shape) else []
        date = f"2026-01-0{day + 1}T00:00:00.000Z"
        rows.append({"id": str(number), "ancestors": above, "history": {"createdDate": date}})
    parents = {row["id"]: row["ancestors"][0]["id"] for row in rows if row["ancestors"]}
    random.shuffle(rows)
    order = [comment.id for comment in threads(rows)]
    assert sorted(order) == sorted(row["id"] for row in rows)
    for number, parent in parents.items():
        if parent in order:
            assert order.index(parent) < order.index(number)


@pytest.mark.parametrize(
    ("macro", "found"),
    [
        (
            '<ac:parameter ac:name=""><ac:link><ri:page ri:content-title="A &amp; B"/></ac:link></ac:parameter>',
            "A & B",
        ),
        ('<ac:parameter ac:name="">Plain  title</ac:parameter>', "Plain title"),
        ("<ac:default-parameter>Oldest</ac:default-parameter>", "Oldest"),
        ('<ac:parameter ac:name="nopanel">true</ac:parameter>', None),
        ("", None),
    ],
)
def test_includes_are_found_in_every_form(macro: str, found: str | None) -> None:
    """As the editors of different years wrote them, and deep inside other elements."""
    body = f'<table><tr><td><ac:structured-macro ac:name="include">{macro}</ac:structured-macro></td></tr></table>'
    expected = (Include(space="ENG", title=found),) if found else ()
    assert includes_of(body, "ENG") == expected
    assert includes_of(body + body, "ENG") == expected


@pytest.mark.parametrize(
    ("text", "space", "title"),
    [
        ("OPS:Fog horn", "OPS", "Fog horn"),
        ("~ann.lee:Own notes", "~ann.lee", "Own notes"),
        ("FAQ: lamps", "ENG", "FAQ: lamps"),
        ("Day and night: a rota", "ENG", "Day and night: a rota"),
        (":odd", "ENG", ":odd"),
    ],
)
def test_the_oldest_form_names_the_space_before_a_colon(text: str, space: str, title: str) -> None:
    """As plain text; a colon with a blank after it, or words before it, is of the title."""
    body = f'<ac:macro ac:name="include"><ac:default-parameter>{text}</ac:default-parameter></ac:macro>'
    assert includes_of(body, "ENG") == (Include(space=space, title=title),)


@given(st.text(min_size=1, max_size=20).filter(lambda text: text.split() != []))
def test_a_title_has_one_handle_in_any_case(title: str) -> None:
    """With any blanks; what a macro takes in and what a page is are the same word."""
    wanted = Include(space="ENG", title=" ".join(title.split()))
    assert wanted.handle == handle_of("ENG", f" {title}  ")
    assert handle_of("ENG", title.lower()) == handle_of("ENG", title.lower().casefold())
    assert handle_of("ENG", "LENS  care") == handle_of("ENG", "Lens Care") != handle_of("OPS", "Lens care")


def test_a_macro_that_is_only_shown_includes_nothing() -> None:
    """Code about macros is text."""
    inner = '<ac:structured-macro ac:name="include"><ac:parameter ac:name="">A</ac:parameter></ac:structured-macro>'
    plain = f"<ac:plain-text-body><![CDATA[{inner}]]></ac:plain-text-body>"
    code = f'<ac:structured-macro ac:name="code">{plain}</ac:structured-macro>'
    assert includes_of(code, "ENG") == ()


@given(st.text(max_size=60))
def test_any_body_can_be_looked_through(text: str) -> None:
    """Broken markup includes nothing or something, and raises nothing."""
    body = f'{text}<ac:structured-macro ac:name="include"><ri:page ri:content-title="A"/>{text}'
    assert all(each.title for each in includes_of(body, "ENG"))
    assert isinstance(excerpt_of(body, ""), str)


def test_an_excerpt_keeps_its_markup() -> None:
    """Lists, links and code in it are read as anywhere else."""
    inner = "<p>One &ndash; <ac:link><ri:page ri:content-title='B'/></ac:link></p>"
    rich = f"<ac:rich-text-body>{inner}</ac:rich-text-body>"
    body = f'<ac:structured-macro ac:name="excerpt">{rich}</ac:structured-macro>'
    assert "ri:content-title" in excerpt_of(f"<p>x</p>{body}", "")
    assert "One –" in excerpt_of(body, "")


def test_a_rendered_body_loses_what_macros_took_from_elsewhere() -> None:
    """The site renders with the rights of the account; a panel's and a code block's text is the page's own."""
    view = (
        '<p>Own<br>text &amp; more</p><div class="conf-macro" data-macro-name="include"><p>Foreign</p></div>tail'
        '<div class="conf-macro" data-macro-name="info"><p>Panel</p>'
        '<span data-macro-name="excerpt-include">Deep</span></div>'
        '<div data-macro-name="contentbylabel"><a>Secret title</a></div><script>run()</script>'
    )
    text = without_foreign_text(view)
    assert all(word in text for word in ("Own", "text &amp; more", "tail", "Panel"))
    assert not any(word in text for word in ("Foreign", "Deep", "Secret", "run()"))
    assert "<p" not in without_foreign_text("")


@given(st.text(max_size=80))
def test_any_rendered_body_can_be_read(view: str) -> None:
    """Whatever the site sends."""
    assert isinstance(without_foreign_text(view), str)


def test_the_check_names_scopes_that_the_documentation_lists() -> None:
    """Whoever follows its sentence finds the scope where Atlassian offers it."""
    root = Path(__file__).parents[3]
    named = set(
        re.findall(r"(?:read|search):[a-z.:-]*[a-z]", (root / "connectors/confluence_check.py").read_text())
    )
    listed = set(
        re.findall(r"`((?:read|search):[a-z.:-]*[a-z])`", (root / "docs/configuration.md").read_text())
    )
    assert named
    assert named <= listed
