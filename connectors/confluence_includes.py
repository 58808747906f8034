"""Pages whose text other pages take in, by the macros ``include`` and ``excerpt-include``.

Only one level deep: what an included page includes is in that page's own document. The text belongs to its own
page's readers, and so it keeps that page's rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import structlog
from lxml import etree

from connectors.atlassian import Json
from connectors.confluence_api import ConfluenceApi, Space
from connectors.confluence_pages import handle_of
from connectors.confluence_query import titled
from connectors.confluence_rows import is_page
from connectors.errors import UnexpectedAnswerError
from connectors.markup.storage_xml import attribute, child, parse, tag, words

log = structlog.get_logger(__name__)

_ANY = re.compile(r'ac:name="(?:excerpt-)?include"')
#: ``SPACE:Title`` as the oldest editor wrote it; a blank after the colon makes it a title ("FAQ: lamps").
_WITH_SPACE = re.compile(r"(~?[\w.@-]+):(?!\s)(.+)", re.DOTALL)
_MACROS = {"ac:structured-macro", "ac:macro"}
#: Titles stand in the URL of the search.
_CHARACTERS_AT_ONCE = 3000
_ROWS_AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class Include:
    """A macro that takes in a page or blog post."""

    space: str
    title: str
    #: The name of the excerpt, empty for the first one; None for the whole page.
    excerpt: str | None = None

    @property
    def handle(self) -> str:
        """As :attr:`connectors.documents.Document.handle` of what it takes in."""
        return handle_of(self.space, self.title)


def includes_of(storage: str, space: str) -> tuple[Include, ...]:
    """What a body in this space takes in, in its order, each once."""
    if not _ANY.search(storage):
        return ()
    found = (_include(macro, space) for macro in parse(storage).iter() if tag(macro) in _MACROS)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def excerpt_of(storage: str, name: str) -> str:
    """What stands in the excerpt macro of that name, else in the first one; empty without any."""
    macros = [
        each
        for each in parse(storage).iter()
        if tag(each) in _MACROS and attribute(each, "ac:name") == "excerpt"
    ]
    named = [each for each in macros if name and _parameter(each, "name") == name]
    chosen = named or (macros[:1] if not name else [])
    bodies = [child(each, "ac:rich-text-body") for each in chosen[:1]]
    return "".join(
        etree.tostring(body, encoding="unicode", with_tail=False) for body in bodies if body is not None
    )


def find_included(
    api: ConfluenceApi, wanted: Iterable[Include], spaces: Mapping[str, Space]
) -> dict[str, Json]:
    """Rows without bodies, by :attr:`Include.handle`; ``spaces`` are those of the includes, by their keys.

    A page comes before a blog post of the same title; of several posts, the newest. What the search does not show,
    whose index lags, is asked for one by one: nothing would have it looked for again when it is shown.
    """
    found: dict[str, Json] = {}
    places = {each.handle: (each.space, each.title) for each in wanted}
    for batch in _batches(sorted(places.values())):
        _take(found, _titled(api, batch))
    for handle, (key, title) in places.items():
        if handle not in found:
            _take(found, _asked(api, spaces[key], title))
    return found


def _take(found: dict[str, Json], rows: Iterable[Json]) -> None:
    for row in filter(is_page, rows):
        handle = handle_of(str((row.get("space") or {}).get("key")), str(row.get("title")))
        if handle not in found or _rank(row) > _rank(found[handle]):
            found[handle] = row


def _asked(api: ConfluenceApi, space: Space, title: str) -> list[Json]:
    """As :func:`_titled`, from the site's data."""
    try:
        return api.titled(space, title)
    except UnexpectedAnswerError as exc:
        if not _is_refusal(exc):
            raise
        log.warning("confluence.include_refused", space=space.key)
        return []


def _titled(api: ConfluenceApi, places: Sequence[tuple[str, str]]) -> list[Json]:
    """The pages with these titles. A title that the site refuses to look for is none of a page."""
    try:
        pages = api.search(titled(places), expand="space,history", limit=_ROWS_AT_ONCE)
        return [row for rows in pages for row in rows]
    except UnexpectedAnswerError as exc:
        if not _is_refusal(exc):
            raise
        if len(places) > 1:
            return [row for place in places for row in _titled(api, [place])]
        log.warning("confluence.include_refused", space=places[0][0])
        return []


def _is_refusal(error: UnexpectedAnswerError) -> bool:
    """Whether the site refuses a title. A sign-in page or a redirect says nothing of what it has."""
    return "status 400" in str(error)


def _rank(row: Json) -> tuple[bool, str]:
    return row.get("type") == "page", str((row.get("history") or {}).get("createdDate") or "")


def _batches(places: Sequence[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    length = 0
    for space, title in places:
        size = len(quote(space + title)) + 60
        if batch and length + size > _CHARACTERS_AT_ONCE:
            yield batch
            batch, length = [], 0
        batch.append((space, title))
        length += size
    if batch:
        yield batch


def _include(macro: etree._Element, space: str) -> Include | None:
    name = attribute(macro, "ac:name")
    if name not in {"include", "excerpt-include"}:
        return None
    target = next((each for each in macro.iter() if tag(each) in {"ri:page", "ri:blog-post"}), None)
    if target is not None:
        title = attribute(target, "ri:content-title")
        space = attribute(target, "ri:space-key") or space
    else:
        title = _parameter(macro, "") or _default_parameter(macro)
        if named := _WITH_SPACE.fullmatch(title.strip()):
            space, title = named.groups()
    if not title.strip():
        return None
    excerpt = _parameter(macro, "name") if name == "excerpt-include" else None
    return Include(space=space, title=" ".join(title.split()), excerpt=excerpt)


def _default_parameter(macro: etree._Element) -> str:
    """The parameter without a name as the oldest pages write it."""
    element = child(macro, "ac:default-parameter")
    return words(element) if element is not None else attribute(macro, "ac:default-parameter")


def _parameter(macro: etree._Element, name: str) -> str:
    for each in macro:
        if tag(each) == "ac:parameter" and attribute(each, "ac:name") == name:
            return words(each)
    return ""
