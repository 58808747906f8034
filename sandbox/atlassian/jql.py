"""JQL over the site's issues: the clauses that API clients use.

https://support.atlassian.com/jira-software-cloud/docs/jql-fields/
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from sandbox.atlassian.query import Clause, Value, compare_time, date_ms, matcher, parse_query, words_of
from sandbox.errors import QueryError
from sandbox.site_account import Sight
from sandbox.site_records import IssueRow
from sandbox.site_state import Site
from sandbox.site_times import now_ms

Test = Callable[[IssueRow], bool]
TIME_FIELDS = {
    "updated": "updated",
    "updateddate": "updated",
    "created": "created",
    "createddate": "created",
}
KEY_FIELDS = {"key", "id", "issue", "issuekey"}
FACETS = {
    "status": "status",
    "statuscategory": "statuscategory",
    "issuetype": "issuetype",
    "type": "issuetype",
    "priority": "priority",
    "resolution": "resolution",
    "assignee": "assignee",
    "reporter": "reporter",
    "labels": "labels",
    "component": "component",
    "fixversion": "fixversion",
}
SORT_KEYS: dict[str, Callable[[IssueRow], tuple[int | str, ...]]] = {
    "updated": lambda issue: (issue.updated,),
    "created": lambda issue: (issue.created,),
    "key": lambda issue: (issue.project, issue.number),
    "issuekey": lambda issue: (issue.project, issue.number),
    "id": lambda issue: (int(issue.id),),
    "project": lambda issue: (issue.project,),
}


def search_issues(
    site: Site, jql: str, *, zone: str, bounded: bool, known: Collection[str] = (), lenient: bool = False
) -> list[IssueRow]:
    """All issues that match, in order (newest first where the query names no order).

    Args:
        zone: time zone of the API's user, in which dates are read.
        known: ids of issues that are found as they are, also when the index is behind (`reconcileIssues`).
        bounded: whether a query without any condition is refused, as Jira Cloud does.
        lenient: values that do not exist match nothing instead of making the query wrong (`validateQuery=false`).

    Raises:
        QueryError: the query cannot be understood; Jira answers 400.
    """
    query = parse_query(jql)
    if bounded and query.where is None:
        raise QueryError(
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
        )
    found = list(
        filter(matcher(query.where, lambda clause: _test(site, clause, zone, lenient)), _indexed(site, known))
    )
    for name, descending in reversed(query.order or (("created", True),)):
        if name not in SORT_KEYS:
            raise QueryError(f"Field '{name}' does not exist or cannot be sorted by.")
        found.sort(key=SORT_KEYS[name], reverse=descending)
    return found


def _indexed(site: Site, known: Collection[str]) -> list[IssueRow]:
    """The issues as the search index has them."""
    seen, index = _seen_issues(site), site.search_index
    if not index.is_behind:
        return seen
    rows = []
    for issue in seen:
        updated = index.time_of(issue.id, issue.created, issue.updated)
        if issue.id in known or updated == issue.updated:
            rows.append(issue)
        elif updated is not None:
            rows.append(replace(issue, updated=updated))
    return rows


def _seen_issues(site: Site) -> list[IssueRow]:
    """The issues that the account sees, by id."""

    def collect() -> list[IssueRow]:
        sight = Sight(site)
        seen = list(site.issues.values())
        if site.account.is_limited:
            seen = [issue for issue in seen if sight.issue(issue)]
        return sorted(seen, key=lambda issue: int(issue.id))

    return site.remembered("seen issues", collect)


def _test(site: Site, clause: Clause, zone: str, lenient: bool) -> Test:
    field = clause.field
    if field == "project":
        return _project_test(site, clause, lenient)
    if field in KEY_FIELDS:
        return _key_test(site, clause, lenient)
    if field in TIME_FIELDS:
        return _time_test(clause, zone)
    if field in ("level", "security"):
        return _level_test(clause)
    if field in FACETS:
        return _facet_test(site, clause)
    if field in ("text", "summary", "description", "comment"):
        return _text_test(clause)
    raise QueryError(f"Field '{clause.field}' does not exist or you do not have permission to view it.")


def _membership(clause: Clause) -> bool:
    """Whether the clause asks for (True) or excludes (False) its values."""
    if clause.operator not in ("=", "!=", "in", "not in"):
        raise QueryError(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")
    return clause.operator in ("=", "in")


def _project_test(site: Site, clause: Clause, lenient: bool) -> Test:
    wanted, keys = _membership(clause), set()
    for value in clause.values:
        project = site.find_project(value.text) or next(
            (p for p in site.projects.values() if p.name.lower() == value.text.lower()), None
        )
        if project is not None and Sight(site).project(project.key):
            keys.add(project.key)
        elif not lenient:
            raise QueryError(f"The value '{value.text}' does not exist for the field 'project'.")
    return lambda issue: (issue.project in keys) is wanted


def _key_test(site: Site, clause: Clause, lenient: bool) -> Test:
    wanted, ids = _membership(clause), set()
    for value in clause.values:
        issue = site.find_issue(value.text)
        if issue is not None and Sight(site).issue(issue):
            ids.add(issue.id)
        elif not lenient:
            raise QueryError(f"An issue with key '{value.text}' does not exist for field '{clause.field}'.")
    return lambda issue: (issue.id in ids) is wanted


def _time_test(clause: Clause, zone: str) -> Test:
    value = clause.values[0]
    test = compare_time(clause.operator, _time(value, zone))
    if TIME_FIELDS[clause.field] == "updated":
        return lambda issue: test(issue.updated)
    return lambda issue: test(issue.created)


def _time(value: Value, zone: str) -> int:
    """An unquoted number is milliseconds since 1970; everything else is a date in the user's zone."""
    if not value.quoted and value.text.isdecimal():
        return int(value.text)
    return date_ms(value, zone, now_ms())


def _level_test(clause: Clause) -> Test:
    values = {value.text.lower() for value in clause.values}
    if clause.operator in ("is", "is not") or values & {"empty", "null"}:
        empty = clause.operator in ("is", "=")
        return lambda issue: (issue.security is None) is empty
    wanted = _membership(clause)
    return lambda issue: (
        (
            issue.security is not None
            and not values.isdisjoint((issue.security.id, issue.security.name.lower()))
        )
        is wanted
    )


def _facet_test(site: Site, clause: Clause) -> Test:
    facet = FACETS[clause.field]
    values = {value.text.lower() for value in clause.values}
    if clause.operator in ("is", "is not") or values & {"empty", "null"}:
        empty = clause.operator in ("is", "=")
        return lambda issue: (not issue.facets[facet]) is empty
    if facet in ("assignee", "reporter"):
        people = [site.directory.find(value.text) for value in clause.values]
        values |= {user.login.lower() for user in people if user}
    wanted = _membership(clause)
    if facet == "resolution" and "unresolved" in values:
        return lambda issue: (not issue.facets[facet]) is wanted
    return lambda issue: (not values.isdisjoint(issue.facets[facet])) is wanted


def _text_test(clause: Clause) -> Test:
    if clause.operator not in ("~", "!~"):
        raise QueryError(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")
    words, wanted = words_of(clause.values[0].text), clause.operator == "~"

    def text_of(issue: IssueRow) -> str:
        if clause.field == "text":
            return issue.text()
        fields = issue.document()["fields"]
        if clause.field == "comment":
            comments = (fields.get("comment") or {}).get("comments", [])
            return " ".join(comment.get("body") or "" for comment in comments).lower()
        return (fields.get(clause.field) or "").lower()

    return lambda issue: all(word in text_of(issue) for word in words) is wanted
