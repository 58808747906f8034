"""CQL that both Confluences understand.

Source: https://developer.atlassian.com/cloud/confluence/advanced-searching-using-cql/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: CQL knows minutes only and may read an hour twice or never when the clocks change.
_OVERLAP = timedelta(minutes=70)
#: From the westernmost zone to the easternmost: windows grow by it while the account's zone is unknown.
_ALL_ZONES = timedelta(hours=26)

PAGES = ("page", "blogpost")
CHILDREN = ("comment", "attachment")

#: By creation, so that edits during the walk move no row.
_ORDER = "order by created asc"


def quoted(value: str) -> str:
    """A text as a CQL string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def with_ids(ids: Iterable[str]) -> str:
    """Content with these (checked) ids."""
    return f"id in ({','.join(ids)})"


def of_space(key: str, types: Sequence[str]) -> str:
    """All content of these types in a space."""
    return f"space = {quoted(key)} and type in ({', '.join(types)}) {_ORDER}"


def on_pages(ids: Iterable[str], types: Sequence[str] = CHILDREN) -> str:
    """What hangs on these pages."""
    return f"type in ({', '.join(types)}) and container in ({','.join(ids)}) {_ORDER}"


def titled(places: Iterable[tuple[str, str]]) -> str:
    """Pages and blog posts by ``(space key, title)``."""
    each = (f"(space = {quoted(space)} and title = {quoted(title)})" for space, title in places)
    return f"type in (page, blogpost) and ({' or '.join(each)})"


def changed_since(minute: str, spaces: Sequence[str]) -> str:
    """What was written at or after a minute (of :func:`minute_of`), in these spaces or, without any, in all."""
    clauses = [f"type in ({', '.join([*PAGES, *CHILDREN])})"]
    if spaces:
        clauses.append(f"space in ({', '.join(map(quoted, spaces))})")
    return " and ".join([*clauses, f'lastmodified >= "{minute}" {_ORDER}'])


def zone_of(name: object) -> ZoneInfo | None:
    """A time zone by the name that the site gives; None where it gives none or one that nobody knows."""
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def minute_of(since: datetime, zone: ZoneInfo | None) -> str:
    """The start of a window, early enough to miss nothing, as CQL reads it for an account in that zone."""
    start = since - _OVERLAP
    local = start.astimezone(zone) if zone else (start - _ALL_ZONES).astimezone(UTC)
    return f"{local:%Y-%m-%d %H:%M}"
