"""When work is asked for: cron expressions and intervals, run by APScheduler.

A trigger only puts a job into the queue. That at most one refresh of a source waits is the queue's rule, so
any number of schedulers may run at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from indexer.passes import EVERYTHING, Pass
from schedules.errors import ScheduleError
from schedules.queue import RefreshQueue

log = structlog.get_logger(__name__)

_INTERVAL = re.compile(r"(\d+)\s*([smhdw])", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HINT = 'write an interval such as "15m", "2h" or "1d", or a cron expression such as "0 3 * * *" (UTC)'
#: Cron counts the days of the week from Sunday, which is also 7.
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = re.compile(r"(?:\*|([0-7]|[a-z]{3})(?:-([0-7]|[a-z]{3}))?)(?:/(\d+))?", re.IGNORECASE)
#: A shorter interval only makes the source's API refuse us.
_SHORTEST = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class ScheduledRefresh:
    """One source and when it is refreshed."""

    source: str
    trigger: BaseTrigger
    passes: frozenset[Pass] = EVERYTHING
    #: Make every pass, and read everything again instead of what changed.
    full: bool = False


def parse_schedule(text: str) -> BaseTrigger:
    """A trigger from an interval ("15m") or a cron expression of five fields, in UTC.

    Raises:
        ScheduleError: the text is neither; the message says what to write.
    """
    stripped = text.strip()
    if interval := _INTERVAL.fullmatch(stripped):
        try:
            length = timedelta(**{_UNITS[interval[2].lower()]: int(interval[1])})
        except OverflowError:
            raise ScheduleError(f"The schedule {text!r} is too long an interval: {_HINT}.") from None
        if length < _SHORTEST:
            raise ScheduleError(f"The schedule {text!r} is shorter than 10 seconds: {_HINT}.")
        return IntervalTrigger(seconds=length.total_seconds(), timezone=UTC)
    try:
        minute, hour, day, month, weekday = stripped.split()
        return CronTrigger(
            minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=UTC
        )
    except (ValueError, TypeError) as error:
        raise ScheduleError(f"The schedule {text!r} cannot be understood: {_HINT}.") from error


def _weekdays(field: str) -> str:
    """Cron's days of the week as names: APScheduler counts from Monday, and names mean the same to both."""
    days = {day for part in field.split(",") for day in _days(part)}
    return ",".join(_WEEKDAYS[day] for day in sorted(days))


def _days(part: str) -> Iterable[int]:
    match = _WEEKDAY.fullmatch(part)
    if match is None:
        raise ValueError(f"{part!r} is no day of the week")
    first, last, step = match.groups()
    if first is None:
        return range(0, 7, int(step or 1))
    start = _day(first)
    # A step without an end goes on to the end of the week.
    end = _day(last) if last else (6 if step else start)
    if last and end == 0 < start:
        end = 7
    if end < start:
        raise ValueError(f"{part!r} ends before it begins")
    return range(start, end + 1, int(step or 1))


def _day(text: str) -> int:
    return int(text) if text.isdecimal() else _WEEKDAYS.index(text.lower())


def create_scheduler(
    entries: Iterable[ScheduledRefresh], queue: RefreshQueue, *, run_at_start: bool = False
) -> AsyncIOScheduler:
    """A scheduler that asks for the refreshes; ``start()`` it in a running loop, ``shutdown()`` ends it.

    Args:
        entries: what to refresh and when; a source occurs once for each of its passes, and once in full.
        queue: where the refreshes go.
        run_at_start: also ask once at the start for what changed.
    """
    # Missed while the machine slept: once is enough, however late.
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    for entry in entries:
        at_start = run_at_start and Pass.CHANGES in entry.passes and not entry.full
        first = {"next_run_time": datetime.now(UTC)} if at_start else {}
        scheduler.add_job(
            _ask,
            trigger=entry.trigger,
            args=[queue, entry],
            id=":".join(["refresh", entry.source, *(["full"] if entry.full else sorted(entry.passes))]),
            **first,
        )
    return scheduler


async def _ask(queue: RefreshQueue, entry: ScheduledRefresh) -> None:
    try:
        await asyncio.to_thread(
            queue.request, entry.source, passes=entry.passes, full=entry.full, requested_by="schedule"
        )
    except psycopg.Error as error:
        log.warning("schedule_missed", source=entry.source, error=type(error).__name__)
