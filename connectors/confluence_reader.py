"""Batches of pages and of attachments, read by id.

A batch of pages costs one search for the pages, one for the comments and attachments of all of them, one more
where an ancestor has not been seen, and two where pages include others; nothing is asked for page by page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors.atlassian import Json
from connectors.batches import batches
from connectors.confluence_access import ancestor_ids
from connectors.confluence_children import ChildReader, Children, author_of, threads
from connectors.confluence_files import listed_files
from connectors.confluence_includes import Include, excerpt_of, find_included, includes_of
from connectors.confluence_known import Known
from connectors.confluence_pages import IncludedPage, Page, page_document
from connectors.confluence_parts import child_part, label_names, page_part, titles_above
from connectors.confluence_rows import PAGES_AT_ONCE, PageRows, body_of, unreadable_page
from connectors.documents import Document, DocumentKind, Unreadable
from connectors.failures import SingleFailures
from connectors.times import parse_time

#: Pages that others of the batch include, by :attr:`Include.handle`; the row of what could be read.
_Included = dict[str, Json | Unreadable]


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
        """The documents of one batch of ids, with the names, children and included pages of all fetched together."""
        found = list(self._rows.read(ids))
        if len(found) < len(ids):
            self._known.spaces.shown()  # raises where the account is shown none: nothing is gone then
        yield from (row for row in found if isinstance(row, Unreadable))
        shown = (row for row in found if not isinstance(row, Unreadable) and self._known.spaces.reads(row))
        rows = {str(row["id"]): row for row in shown}
        self._known.access.learn(list(rows.values()))
        children = self._children.of(list(rows))
        included = self._included(rows)
        comments = (row for each in children.values() for row in each.comments)
        texts = (row for row in included.values() if not isinstance(row, Unreadable))
        self._known.learn_names(filter(None, map(body_of, [*rows.values(), *comments, *texts])))
        for page_id, row in rows.items():
            yield self._document(row, children[page_id], included)

    def _document(self, row: Json, children: Children, included: _Included) -> Document | Unreadable:
        page_id, known = str(row["id"]), self._known
        if children.fault:
            return unreadable_page(page_id, children.fault)
        try:
            wanted = includes_of(body_of(row) or "", row["space"]["key"])
            for each in map(included.get, (include.handle for include in wanted)):
                if isinstance(each, Unreadable):
                    return unreadable_page(page_id, f"A page that it includes is unreadable: {each.reason}")
            page = self._page(row, children, wanted, included)
            return page_document(
                page,
                source=known.source,
                deployment=known.deployment,
                access_rules=known.access.rules(row, known.spaces.of(row)),
                user_name=known.names.get,
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            # A row in a shape that no version of the API documents: this page is lost, the rest is not.
            shape = f"in a form that could not be read ({type(exc).__name__})"
            return unreadable_page(page_id, f"Confluence gave page {page_id} {shape}.")

    def _page(self, row: Json, children: Children, wanted: Sequence[Include], included: _Included) -> Page:
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
            path=titles_above(row),
            ancestors=tuple(ancestor_ids(row)),
            comments=tuple(threads(children.comments)),
            attachments=tuple(listed_files(row, children.attachments)),
            included=tuple(self._texts(str(row["id"]), wanted, included)),
            includes=tuple(dict.fromkeys(include.handle for include in wanted)),
            parts=frozenset(filter(None, words)) if None not in words else frozenset(),
        )

    def _included(self, rows: dict[str, Json]) -> _Included:
        """The pages of spaces to read that the pages of the batch include: one search by titles, one for texts."""
        wanted = {
            each for row in rows.values() for each in includes_of(body_of(row) or "", row["space"]["key"])
        }
        spaces = {key: self._known.spaces.find(key) for key in {each.space for each in wanted}}
        readable = {key: space for key, space in spaces.items() if space is not None}
        if not readable:
            return {}
        shown = find_included(self._known.api, (each for each in wanted if each.space in readable), readable)
        ids = {handle: str(row["id"]) for handle, row in shown.items()}
        found: dict[str, Json | Unreadable] = {each: rows[each] for each in ids.values() if each in rows}
        if missing := sorted(set(ids.values()) - found.keys()):
            for row in self._rows.read(missing):
                if isinstance(row, Unreadable):
                    found[row.id] = row
                elif self._known.spaces.reads(row):
                    found[str(row["id"])] = row
        self._known.access.learn([row for row in found.values() if not isinstance(row, Unreadable)])
        return {handle: found[number] for handle, number in ids.items() if number in found}

    def _texts(self, page_id: str, wanted: Iterable[Include], included: _Included) -> Iterator[IncludedPage]:
        for include in wanted:
            row = included.get(include.handle)
            if row is None or isinstance(row, Unreadable) or str(row["id"]) == page_id:
                continue
            body = body_of(row) or ""
            yield IncludedPage(
                id=str(row["id"]),
                title=row["title"],
                url=self._known.link_to(row),
                storage=body if include.excerpt is None else excerpt_of(body, include.excerpt),
                access_rules=self._known.access.rules(row, self._known.spaces.of(row)),
            )
