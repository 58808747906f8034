"""Dates as Atlassian writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_ZONE = re.compile(r"([+-]\d\d)(\d\d)$")


def parse_time(written: object) -> datetime | None:
    """``2020-04-20T12:24:00.000Z``, ``…+0000`` and ``…+02:00`` with their zone; None for anything else."""
    if not isinstance(written, str):
        return None
    try:
        found = datetime.fromisoformat(_ZONE.sub(r"\1:\2", written.strip()))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
