"""Batches of pages and of attachments, read by id.

A batch of pages costs one search for the pages, one for the comments and attachments of all of them, one more
where an ancestor has not been seen, and two where pages include others; nothing is asked for page by page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.atlassian import Json
from connectors.batches import batches
from connectors.confluence_children import ChildReader, Children, author_of, threads
from connectors.confluence_files import listed_files
from connectors.confluence_includes import Include, excerpt_of, find_included, includes_of
from connectors.confluence_known import Known
from connectors.confluence_pages import IncludedPage, Page, page_document
from connectors.confluence_parts import child_part, label_names, page_part
from connectors.confluence_rows import PAGES_AT_ONCE, PageRows, body_of, unreadable_page
from connectors.documents import Document, DocumentKind, Unreadable
from connectors.failures import SingleFailures
from connectors.times import parse_time


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """What a page includes: what it asks for, and what of it was found; or why that could not be read."""

    wanted: tuple[Include, ...] = ()
    found: tuple[IncludedPage, ...] = ()
    handles: tuple[str, ...] = ()
    fault: str | None = None


def read_pages(known: Known, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
    """The pages and blog posts with these ids, as far as they exist and lie in a space to read."""
    failures = SingleFailures()
    for batch in batches(dict.fromkeys(ids), PAGES_AT_ONCE):
        yield from _PageBatch(known, failures).documents(batch)


class _PageBatch:
    def __init__(self, known: Known, failures: SingleFailures) -> None:
        self._known = known
        self._rows = PageRows(known.api, failures)
        self._children = ChildReader(known.api, failures)

    def documents(self, ids: Sequence[str]) -> Iterator[Document | Unreadable]:
        rows: dict[str, Json] = {}
        for row in self._rows.read(ids):
            if isinstance(row, Unreadable):
                yield row
            elif self._known.shows(row):
                rows[str(row["id"])] = row
        self._known.access.learn(list(rows.values()))
        children = self._children.of(list(rows))
        included = self._included(rows)
        comments = (row for each in children.values() for row in each.comments)
        bodies = [body_of(row) for row in [*rows.values(), *comments]]
        bodies += [page.storage for each in included.values() for page in each.found]
        self._known.learn_names(filter(None, bodies))
        for page_id, row in rows.items():
            yield self._document(row, children[page_id], included.get(page_id, _Taken()))

    def _document(self, row: Json, children: Children, taken: _Taken) -> Document | Unreadable:
        page_id, known = str(row["id"]), self._known
        if fault := children.fault or taken.fault:
            return unreadable_page(page_id, fault)
        try:
            page = self._page(row, children, taken)
            rules = known.access.rules(row, page.space)
            return page_document(
                page,
                source=known.source,
                deployment=known.deployment,
                access_rules=rules,
                user_name=known.names.get,
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            # A row in a shape that no version of the API documents: this page is lost, the rest is not.
            shape = f"in a form that could not be read ({type(exc).__name__})"
            return unreadable_page(page_id, f"Confluence gave page {page_id} {shape}.")

    def _page(self, row: Json, children: Children, taken: _Taken) -> Page:
        if not isinstance(row["title"], str):
            raise TypeError("title")
        words = [page_part(row), *map(child_part, [*children.comments, *children.attachments])]
        return Page(
            id=str(row["id"]),
            kind=DocumentKind.BLOGPOST if row["type"] == "blogpost" else DocumentKind.PAGE,
            space=row["space"]["key"],
            place=row["space"].get("name") or row["space"]["key"],
            title=row["title"],
            storage=body_of(row) or "",
            url=self._known.link_to(row),
            author=author_of({"history": row.get("history")}),
            created=parse_time((row.get("history") or {}).get("createdDate")),
            updated=parse_time((row.get("version") or {}).get("when")),
            labels=tuple(label_names(row)),
            path=tuple(str(each["title"]) for each in row.get("ancestors") or ()),
            comments=tuple(threads(children.comments)),
            attachments=tuple(listed_files(row, children.attachments)),
            included=taken.found,
            includes=taken.handles,
            parts=frozenset(filter(None, words)) if None not in words else frozenset(),
        )

    def _included(self, rows: dict[str, Json]) -> dict[str, _Taken]:
        """What the pages of the batch include, by the including page's id; only those that include something."""
        wanted = {
            number: includes_of(body_of(row) or "", row["space"]["key"]) for number, row in rows.items()
        }
        wanted = {number: includes for number, includes in wanted.items() if includes}
        if not wanted:
            return {}
        readable = {
            each for includes in wanted.values() for each in includes if self._known.spaces.find(each.space)
        }
        places = find_included(self._known.api, readable)
        ids = {str(row["id"]) for row in places.values()}
        found: dict[str, Json | Unreadable] = {number: rows[number] for number in ids if number in rows}
        for row in self._rows.read(sorted(ids - found.keys())) if ids - found.keys() else ():
            if isinstance(row, Unreadable) or self._known.shows(row):
                found[str(row.id if isinstance(row, Unreadable) else row["id"])] = row
        self._known.access.learn([row for row in found.values() if not isinstance(row, Unreadable)])
        keys = {key: str(row["id"]) for key, row in places.items()}
        return {
            number: self._taken(number, includes, {key: found.get(each) for key, each in keys.items()})
            for number, includes in wanted.items()
        }

    def _taken(
        self,
        number: str,
        wanted: tuple[Include, ...],
        places: dict[tuple[str, str], Json | Unreadable | None],
    ) -> _Taken:
        found, handles = list[IncludedPage](), list[str]()
        for include in wanted:
            row = places.get(include.key)
            if isinstance(row, Unreadable):
                return _Taken(fault=f"A page that page {number} includes could not be read: {row.reason}")
            handles.append(f"{include.space}:{row['title'] if row else include.title}")
            if row is not None and str(row["id"]) != number:
                found.append(self._text_of(row, include))
        return _Taken(wanted=wanted, found=tuple(found), handles=tuple(dict.fromkeys(handles)))

    def _text_of(self, row: Json, include: Include) -> IncludedPage:
        body = body_of(row) or ""
        return IncludedPage(
            id=str(row["id"]),
            title=row["title"],
            url=self._known.link_to(row),
            storage=body if include.excerpt is None else excerpt_of(body, include.excerpt),
            access_rules=self._known.access.rules(row, row["space"]["key"]),
        )
