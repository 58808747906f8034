from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.atlassian.query import Clause, Combination, Value, date_ms, matcher, parse_query, words_of
from sandbox.errors import QueryError


def test_and_binds_more_tightly_than_or():
    where = parse_query("a = 1 or b = 2 and not c in (3, 'x y') order by u desc, k").where
    assert isinstance(where, Combination)
    assert where.operator == "or"
    assert [part.operator for part in where.parts] == ["=", "and"]
    negated = where.parts[1].parts[1].parts[0]
    assert negated == Clause(field="c", operator="in", values=(Value("3", False), Value("x y", True)))


def test_order_is_read_with_its_directions():
    assert parse_query("order by updated DESC, key").order == (("updated", True), ("key", False))


@pytest.mark.parametrize(
    "text", ["a", "a =", "= 1", "a = 1 b = 2", "(a = 1", "a in ()", "a in 1", "order", "a = 'x"]
)
def test_broken_queries_are_refused(text):
    with pytest.raises(QueryError):
        parse_query(text)


def test_deep_nesting_is_refused_and_not_a_crash():
    with pytest.raises(QueryError, match="deeply"):
        parse_query("(" * 5000 + "a = 1" + ")" * 5000)


PIECES = [*"ab ()=!<>~'\"\\,1\n", "and ", " or ", "not ", "a = 1", " in "]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_text_is_parsed_or_refused(text):
    try:
        query = parse_query(text)
    except QueryError:
        return
    assert query.where is not None or not text.strip() or "order" in text.lower()


expressions = st.recursive(
    st.sampled_from(["a", "b", "c"]),
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner),
    max_leaves=8,
)


def written(tree):
    if isinstance(tree, str):
        return f"{tree} = 1"
    if tree[0] == "not":
        return f"not ({written(tree[1])})"
    return f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"


def naive(tree, true):
    if isinstance(tree, str):
        return tree in true
    if tree[0] == "not":
        return not naive(tree[1], true)
    left, right = naive(tree[1], true), naive(tree[2], true)
    return (left and right) if tree[0] == "and" else (left or right)


@given(expressions, st.sets(st.sampled_from("abc")))
def test_matching_agrees_with_plain_logic(tree, true):
    test = matcher(parse_query(written(tree)).where, lambda clause: lambda item: clause.field in item)
    assert test(true) is naive(tree, true)


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Europe/Berlin"])
def test_dates_are_read_in_the_users_zone(zone):
    expected = datetime(2024, 7, 1, 9, 30, tzinfo=ZoneInfo(zone)).timestamp() * 1000
    assert date_ms(Value("2024-07-01 09:30", True), zone, 0) == expected
    assert date_ms(Value("-2h", False), zone, 10_000_000) == 10_000_000 - 7_200_000


def test_words_and_phrases_are_told_apart():
    assert words_of('Pump* "left turn" now') == ["pump", "left turn", "now"]
