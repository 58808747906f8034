"""Times in the sandbox are whole milliseconds since 1970 in UTC; here are the vendors' spellings of them."""

from __future__ import annotations

from datetime import UTC, datetime
from time import time


def now_ms() -> int:
    return int(time() * 1000)


def parse_time(text: str) -> int:
    """Read `2011-04-15T02:22:16.000+0000` or `2016-02-25T09:46:00.000Z`; raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def jira_time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}+0000"


def confluence_time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def readable_time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%d %B %Y, %H:%M} UTC"
