"""Schedules as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.errors import ScheduleError
from schedules.triggers import parse_schedule

#: A Friday.
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), (" 2 h ", 7_200), ("1D", 86_400), ("1w", 604_800)]
)
def test_an_interval_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    """Spaces and case do not matter."""
    trigger = parse_schedule(text)
    first = trigger.get_next_fire_time(None, NOON)
    assert trigger.get_next_fire_time(first, first) - first == timedelta(seconds=seconds)


def test_a_cron_expression_is_in_utc() -> None:
    """Five fields, as cron has them."""
    assert parse_schedule("30 3 * * *").get_next_fire_time(None, NOON) == datetime(
        2026, 11, 21, 3, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("sun", "sun"),
        ("0", "sun"),
        ("7", "sun"),
        ("1", "mon"),
        ("1-5", "mon tue wed thu fri"),
        ("5-7", "fri sat sun"),
        ("0-2", "sun mon tue"),
        ("sat-sun", "sat sun"),
        ("mon-fri", "mon tue wed thu fri"),
        ("1,3,SAT", "mon wed sat"),
        ("1-5/2", "mon wed fri"),
        ("*/2", "sun tue thu sat"),
        ("3/2", "wed fri"),
        ("*", "mon tue wed thu fri sat sun"),
    ],
)
def test_days_of_the_week_mean_what_cron_means(field: str, days: str) -> None:
    """Cron counts them from Sunday, as 0 or as 7."""
    trigger = parse_schedule(f"0 3 * * {field}")
    week = [NOON + timedelta(days=days) for days in range(7)]
    fires = {trigger.get_next_fire_time(None, moment).strftime("%a").lower() for moment in week}
    assert fires == set(days.split())


@pytest.mark.parametrize("field", ["8", "5-1", "1-5/0", "1-", "sonntag", "1,,2", "-1"])
def test_a_day_that_is_none_is_refused(field: str) -> None:
    """With the same hint as any other schedule that cannot be understood."""
    with pytest.raises(ScheduleError, match="cron expression"):
        parse_schedule(f"0 3 * * {field}")


@pytest.mark.parametrize(
    "text", ["", "soon", "15", "0m", "5s", "m15", "* * * *", "61 * * * *", "99999999999999w", "-5m"]
)
def test_what_cannot_be_understood_is_explained(text: str) -> None:
    """With an example of either form."""
    with pytest.raises(ScheduleError, match=r'"15m".*cron'):
        parse_schedule(text)


@given(st.text(max_size=40))
def test_any_text_is_a_schedule_or_a_schedule_error(text: str) -> None:
    """Never another exception."""
    try:
        trigger = parse_schedule(text)
    except ScheduleError:
        return
    assert trigger.get_next_fire_time(None, NOON) is not None
