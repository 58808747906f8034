"""The versions of what a page is made of, each as one word: the same in a search, a listing and a document.

Moves, labels and the renaming of a space or of a page above change no version and no date, and so they are part
of the page's word.
"""

from __future__ import annotations

import hashlib

from connectors.atlassian import Json

#: What the rows of a search must expand for :func:`page_part`.
PAGE_EXPAND = "version,space,metadata.labels,ancestors"
#: And for :func:`child_part`.
CHILD_EXPAND = "version,container,extensions.resolution"
#: What the row of an attachment must expand to make a document of it.
FILE_EXPAND = "version,history,container"


def part_of(row: Json) -> str | None:
    """The word of a page, blog post, comment or attachment; None where the site tells no version."""
    return child_part(row) if row.get("type") in {"comment", "attachment"} else page_part(row)


def page_part(row: Json) -> str | None:
    """``page:<version>:<digest>`` of a page's or blog post's row."""
    number = _version(row)
    if number is None:
        return None
    return f"page:{number}:{_digest([place_part(row), row.get('type'), *label_names(row)])}"


def place_part(row: Json) -> str:
    """``of:<digest>`` of a page's title, space and ancestors: what its attachments show of it."""
    space = row.get("space") or {}
    above = [f"{each.get('id')} {each.get('title')}" for each in row.get("ancestors") or []]
    return f"of:{_digest([row.get('title'), space.get('key'), space.get('name'), *above])}"


def child_part(row: Json) -> str | None:
    """``comment:<id>:<version>``, with ``:resolved`` where it is, or ``attachment:<id>:<version>:<digest>``."""
    number, kind = _version(row), row.get("type")
    if number is None:
        return None
    if kind == "comment":
        return f"comment:{row['id']}:{number}" + (":resolved" if is_resolved(row) else "")
    return f"attachment:{row['id']}:{number}:{_digest([row.get('title')])}"


def is_resolved(row: Json) -> bool:
    """Whether an inline comment is resolved. Source: ``extensions.resolution.status`` of the v1 API."""
    resolution = (row.get("extensions") or {}).get("resolution")
    status = resolution.get("status") if isinstance(resolution, dict) else resolution
    return status == "resolved"


def titles_above(row: Json) -> tuple[str, ...]:
    """The titles of the pages above, the top first, as far as the site tells them."""
    return tuple(str(each["title"]) for each in row.get("ancestors") or () if each.get("title"))


def label_names(row: Json) -> list[str]:
    """The labels of a page, sorted."""
    labels = ((row.get("metadata") or {}).get("labels") or {}).get("results") or []
    return sorted(str(label["name"]) for label in labels if label.get("name"))


def _version(row: Json) -> int | None:
    number = (row.get("version") or {}).get("number")
    return number if isinstance(number, int) else None


def _digest(values: list[object]) -> str:
    return hashlib.sha256("\x1f".join(map(str, values)).encode(errors="replace")).hexdigest()[:12]
