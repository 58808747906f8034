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


def test_days_of_the_week_have_names() -> None:
    """Numbers differ between cron and APScheduler; names do not."""
    assert parse_schedule("0 3 * * sun").get_next_fire_time(None, NOON) == datetime(
        2026, 11, 22, 3, 0, tzinfo=UTC
    )


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
