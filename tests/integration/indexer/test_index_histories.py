"""Whatever happens to a source, in whatever order: the index ends equal to a fresh one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.documents import AccessRule, Document, Listed, Section, SectionKind
from connectors.errors import ConnectorError, SourceUnavailableError
from indexer.passes import Pass
from indexer.reading_list import Priority, note

Make = Callable[..., Document]
RULES = {
    name: AccessRule(name=name, principals=frozenset({f"group:{name}"})) for name in ("open", "few", "board")
}
SPACE = AccessRule(name="space", principals=None)

_PAGE = st.integers(0, 4)
_STEPS = st.one_of(
    st.tuples(st.just("write"), _PAGE, st.integers(0, 3)),
    st.tuples(st.just("restrict"), _PAGE, st.sampled_from(sorted(RULES))),
    st.tuples(st.just("include"), _PAGE, _PAGE),
    st.tuples(st.just("attach"), _PAGE, st.integers(0, 3)),
    st.tuples(st.just("delete"), _PAGE, st.none()),
    st.tuples(st.just("hint"), _PAGE, st.none()),
    st.tuples(st.just("space"), st.just(0), st.sampled_from(["group:a", "group:b"])),
    st.tuples(st.just("refresh"), st.just(0), st.sampled_from([*Pass, None])),
    st.tuples(st.just("outage"), _PAGE, st.sampled_from([*Pass, None])),
)


class Site:
    """Pages that take in each other's text and carry a file, written into the source as it renders them."""

    def __init__(self, source: Any, make: Make) -> None:
        self.source, self.make = source, make
        self.texts: dict[int, str] = {}
        self.restrictions: dict[int, str] = {}
        self.included: dict[int, int] = {}
        self.files: dict[int, int] = {}
        self.versions: dict[int, int] = {}
        source.containers = {"space": frozenset({"group:a"})}

    def change(self, kind: str, page: int, value: Any) -> None:
        """One step of a history; whatever makes a new version is told of as a change."""
        if kind == "write":
            self.texts[page] = f"Text {value} of {page}."
        elif kind == "space":
            self.source.containers = {"space": frozenset({value})}
        elif kind == "delete":
            self.texts.pop(page, None)
        elif kind == "restrict":
            self.restrictions[page] = value
        elif kind == "include":
            self.included[page] = value
        elif kind == "attach":
            self.files[page] = value
        if kind in ("write", "include", "attach"):
            self.versions[page] = self.versions.get(page, 0) + 1
        self._render(edited=page if kind in ("write", "include", "attach") else None)

    def _rules(self, page: int) -> tuple[AccessRule, ...]:
        own = self.restrictions.get(page)
        return (SPACE, replace(RULES[own], name=f"page:{page}:{own}")) if own else (SPACE,)

    def _render(self, *, edited: int | None) -> None:
        before, self.source.held = self.source.held, {}
        for page, text in self.texts.items():
            other = self.included.get(page)
            sections = [Section(kind=SectionKind.SECTION, text=text, url=f"https://x/{page}")]
            if other in self.texts and other != page:
                sections.append(
                    Section(
                        kind=SectionKind.SECTION,
                        text=self.texts[other],
                        url=f"https://x/{other}",
                        access_rules=self._rules(other),
                        included_id=str(other),
                    )
                )
            files = ()
            if page in self.files:
                part = f"file:{self.files[page]}"
                file = self.make(
                    page,
                    f"File {self.files[page]} of {page}.",
                    id=f"{page}/file",
                    parent_id=str(page),
                    parts=frozenset({part}),
                    access_rules=self._rules(page),
                )
                self.source.put(file)
                files = (Listed(id=file.id, parts=file.parts),)
            document = self.make(
                page,
                sections=tuple(sections),
                access_rules=self._rules(page),
                handle=f"T{page}",
                includes=() if other is None else (f"T{other}",),
                attachments=files,
                parts=frozenset({f"page:{self.versions.get(page, 0)}"}),
            )
            if page == edited or str(page) not in before:
                self.source.edit(document)
            else:
                self.source.put(replace(document, updated=before[str(page)].updated))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEPS, min_size=4, max_size=20))
def test_after_any_history_the_index_equals_a_fresh_one(
    index: Any, source: Any, document: Make, steps: list[tuple[str, int, Any]]
) -> None:
    """Edits, restrictions, includes, files, deletions, hints, outages and single passes in any order."""
    with index.pool.connection() as connection:
        connection.execute("truncate documents, sources, access_rules, terms, reading_list cascade")
    source.held, source.failures = {}, {}
    site = Site(source, document)
    for kind, page, value in steps:
        if kind == "hint":
            with index.pool.connection() as connection:
                note(connection, "wiki", [str(page)], priority=Priority.HINT)
        elif kind == "refresh":
            index.refresh(source, passes=() if value is None else (value,), mode="lazy")
        elif kind == "outage":
            source.failures = {str(page): SourceUnavailableError("no answer")}
            try:
                index.refresh(source, passes=() if value is None else (value,), mode="lazy")
            except ConnectorError:
                assert str(page) in source.read
            source.failures = {}
        else:
            site.change(kind, page, value)

    index.refresh(source, mode="lazy")
    resumed = index.contents()
    assert index.listed() == []
    with index.pool.connection() as connection:
        connection.execute("truncate documents, sources, access_rules, terms cascade")
    index.refresh(source, mode="lazy")

    assert resumed == index.contents()


@pytest.mark.parametrize("steps", [[("write", 0, 0), ("include", 0, 1), ("write", 1, 0), ("include", 1, 0)]])
def test_pages_that_take_in_each_other_settle(
    index: Any, source: Any, document: Make, steps: list[tuple[str, int, Any]]
) -> None:
    """The first by the second, the second by the first."""
    site = Site(source, document)
    for step in steps:
        site.change(*step)
    index.refresh(source, mode="lazy")

    assert index.listed() == []
    assert len(source.read) <= 6
