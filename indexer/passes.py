"""The passes of a refresh: what a source is asked for, beside the reading of what is listed to be read."""

from __future__ import annotations

from enum import StrEnum


class Pass(StrEnum):
    """One pass; each has a schedule of its own."""

    #: What changed since the last time.
    CHANGES = "changes"
    #: What exists: what is missing in the index, and what is gone from the source.
    SWEEP = "sweep"
    #: Who is who, and who may read what.
    PERMISSIONS = "permissions"


#: Every pass; none at all is a refresh that only reads what is listed, which is what a webhook asks for.
EVERYTHING = frozenset(Pass)
