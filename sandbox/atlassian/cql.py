"""CQL over the site's content: the clauses that API clients use.

https://developer.atlassian.com/cloud/confluence/cql-fields/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sandbox.atlassian.content import Content, all_content
from sandbox.atlassian.query import Clause, Value, compare_time, date_ms, matcher, parse_query, words_of
from sandbox.errors import QueryError
from sandbox.site_access import ancestors
from sandbox.site_account import Sight
from sandbox.site_state import Site
from sandbox.site_times import now_ms

Test = Callable[[Content], bool]
KINDS = {"page", "blogpost", "comment", "attachment"}


def _ancestor_ids(site: Site, content: Content) -> set[str]:
    ids = {page.id for page in ancestors(site.pages, content.page)}
    return ids if content.kind in ("page", "blogpost") else ids | {content.page.id}


def _author_names(site: Site, content: Content) -> set[str]:
    login = content.author
    user = site.directory.find(login)
    return {login.lower()} | ({user.id.lower(), user.name.lower()} if user else set())


EXACT_FIELDS: dict[str, Callable[[Site, Content], set[str]]] = {
    "type": lambda site, content: {content.kind},
    "space": lambda site, content: {content.page.space.lower()},
    "space.key": lambda site, content: {content.page.space.lower()},
    "space.id": lambda site, content: {site.spaces[content.page.space].id},
    "id": lambda site, content: {content.id.lower()},
    "content": lambda site, content: {content.id.lower()},
    "parent": lambda site, content: {content.page.parent_id or ""} if content.kind == "page" else set(),
    "container": lambda site, content: (
        {content.page.id} if content.kind not in ("page", "blogpost") else set()
    ),
    "ancestor": _ancestor_ids,
    "label": lambda site, content: {label.lower() for label in content.page.labels},
    "creator": _author_names,
    "contributor": _author_names,
}
TIME_FIELDS: dict[str, Callable[[Content], int]] = {
    "created": lambda content: content.created,
    "lastmodified": lambda content: content.updated,
}
TEXT_FIELDS = {"title", "text", "sitesearch"}
SORT_KEYS: dict[str, Callable[[Content], int | str]] = {
    **TIME_FIELDS,
    "title": lambda content: content.title.lower(),
    "id": lambda content: content.id.zfill(20),
    "space": lambda content: content.page.space,
    "type": lambda content: content.kind,
}


def search_content(site: Site, cql: str, *, zone: str) -> list[Content]:
    """All current content that matches, in order.

    Raises:
        QueryError: the query cannot be understood or is empty; Confluence answers 400.
    """
    query = parse_query(cql)
    if query.where is None:
        raise QueryError("Could not parse cql : an empty query is not allowed.")
    matches = matcher(query.where, lambda clause: _test(site, clause, zone))
    found = [content for content in _indexed(site) if matches(content)]
    for name, descending in reversed(query.order):
        if name not in SORT_KEYS:
            raise QueryError(f"Could not parse cql : the field '{name}' cannot be ordered by.")
        found.sort(key=SORT_KEYS[name], reverse=descending)
    return found


def _indexed(site: Site) -> list[Content]:
    """All current content as the search index has it."""
    everything, index = all_content(site), site.search_index
    if not index.is_behind:
        return everything
    times = [(each, index.time_of(each.id, each.created, each.updated)) for each in everything]
    return [
        each if updated == each.updated else replace(each, updated=updated)
        for each, updated in times
        if updated is not None
    ]


def _test(site: Site, clause: Clause, zone: str) -> Test:
    if clause.field in EXACT_FIELDS:
        return _exact_test(site, clause)
    if clause.field in TIME_FIELDS:
        time_of = TIME_FIELDS[clause.field]
        test = compare_time(clause.operator, date_ms(clause.values[0], zone, now_ms()))
        return lambda content: test(time_of(content))
    if clause.field in TEXT_FIELDS:
        return _text_test(clause)
    raise QueryError(f"Could not parse cql : No field exists with name '{clause.field}'.")


def _exact_test(site: Site, clause: Clause) -> Test:
    if clause.operator not in ("=", "!=", "in", "not in"):
        raise QueryError(f"Could not parse cql : '{clause.operator}' does not apply to '{clause.field}'.")
    wanted = clause.operator in ("=", "in")
    values = {_normal(site, clause.field, value) for value in clause.values}
    values_of = EXACT_FIELDS[clause.field]
    return lambda content: (not values.isdisjoint(values_of(site, content))) is wanted


def _normal(site: Site, field: str, value: Value) -> str:
    text = value.text.lower()
    if field == "type" and text not in KINDS:
        raise QueryError(f"Could not parse cql : the type '{value.text}' is not supported.")
    if field in ("space", "space.key"):
        sight = Sight(site)
        if not any(key.lower() == text and sight.space(key) for key in site.spaces):
            raise QueryError(f"Could not parse cql : no space exists with key '{value.text}'.")
    return text


def _text_test(clause: Clause) -> Test:
    value, operator = clause.values[0].text, clause.operator
    if clause.field == "title" and operator in ("=", "!="):
        return lambda content: (content.title.lower() == value.lower()) is (operator == "=")
    if operator not in ("~", "!~"):
        raise QueryError(f"Could not parse cql : '{operator}' does not apply to '{clause.field}'.")
    words, wanted = words_of(value), operator == "~"

    def text_of(content: Content) -> str:
        if clause.field == "title":
            return content.title.lower()
        return f"{content.title} {re.sub(r'<[^>]+>', ' ', content.storage)}".lower()

    def test(content: Content) -> bool:
        text = text_of(content)
        return all(word in text for word in words) is wanted

    return test
