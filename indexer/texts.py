"""Text as Postgres takes it."""

from __future__ import annotations

import re

#: Postgres text holds no NUL, and UTF-8 no half of a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text without the characters that Postgres refuses."""
    return _UNSTORABLE.sub("", text)
