"""Jira: search, issues, comments and links."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Collection
from hashlib import sha256

from aiohttp import web

from sandbox.atlassian.adf_html import adf_to_html
from sandbox.atlassian.jira_beans import comment_bean, issue_bean, seen_comments, text_value
from sandbox.atlassian.jql import search_issues
from sandbox.atlassian.wire import Context, Json, RestError, context_of, integer, json_body, many, reply
from sandbox.site_account import Sight
from sandbox.site_records import IssueRow

MAX_WITH_FIELDS = 100
MAX_IDS_AND_KEYS = 5000
MAX_BULK = 100
MAX_ON_DATA_CENTER = 1000
NOT_NAVIGABLE = ("-comment", "-attachment")


def jira_issue_routes(context: Context) -> list[web.RouteDef]:
    """The routes for issues, their comments, and searches."""
    api = context.jira_root + "/rest/api/{version:2|3|latest}"
    issue = api + "/issue/{issue}"
    routes = [
        web.get(issue, get_issue),
        web.get(issue + "/comment", list_comments),
        web.get(issue + "/comment/{comment}", get_comment),
        web.get(issue + "/remotelink", list_remote_links),
    ]
    if context.is_cloud:
        return [
            web.post(api + "/issue/bulkfetch", bulk_fetch),
            web.get(api + "/search/jql", search_cloud),
            web.post(api + "/search/jql", search_cloud),
            web.get(api + "/search", removed_search),
            web.post(api + "/search", removed_search),
            web.post(api + "/search/approximate-count", approximate_count),
            *routes,
        ]
    return [
        web.get(api + "/search", search_data_center),
        web.post(api + "/search", search_data_center),
        *routes,
    ]


async def removed_search(_: web.Request) -> web.Response:
    raise RestError(
        410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."
    )


async def search_cloud(request: web.Request) -> web.Response:
    """`isLast` and `nextPageToken` instead of a total; only ids come unless fields are asked for."""
    context = context_of(request)
    given = await _search_parameters(request)
    fields = given.get("fields") or ["id"]
    limit = max(1, min(_number(given, "maxResults", 50), _cloud_cap(fields)))
    jql = str(given.get("jql") or "")
    start = _read_token(given.get("nextPageToken"), jql)
    found = _search(context, jql, list(map(str, given.get("reconcileIssues") or [])))
    version = version_of(request)
    issues = [_found_bean(context, row, version, fields, given) for row in found[start : start + limit]]
    answer: Json = {"issues": issues, "isLast": start + limit >= len(found)}
    if not answer["isLast"]:
        answer["nextPageToken"] = _token(jql, start + limit)
    return reply(answer)


async def approximate_count(request: web.Request) -> web.Response:
    jql = str((await json_body(request)).get("jql") or "")
    return reply({"count": len(_search(context_of(request), jql))})


async def search_data_center(request: web.Request) -> web.Response:
    context = context_of(request)
    given = await _search_parameters(request)
    start = _number(given, "startAt", 0)
    limit = min(_number(given, "maxResults", 50), MAX_ON_DATA_CENTER)
    lenient = str(given.get("validateQuery")).lower() == "false"
    found = _search(context, str(given.get("jql") or ""), lenient=lenient)
    fields = given.get("fields") or ["*navigable", *NOT_NAVIGABLE]
    version = version_of(request)
    issues = [_found_bean(context, row, version, fields, given) for row in found[start : start + limit]]
    answer = {"expand": "schema,names", "startAt": start, "maxResults": limit, "total": len(found)}
    return reply({**answer, "issues": issues})


async def bulk_fetch(request: web.Request) -> web.Response:
    """Up to a hundred issues by id or key, in the order of their ids; what is not found is no error."""
    context, given = context_of(request), await json_body(request)
    sight = Sight(context.site)
    names = given.get("issueIdsOrKeys")
    if not isinstance(names, list) or not names or len(names) > MAX_BULK:
        raise RestError(400, f"issueIdsOrKeys must hold between 1 and {MAX_BULK} issue IDs or keys.")
    fields = given.get("fields") or ["*navigable", *NOT_NAVIGABLE]
    found = {
        row.id: row for name in names if (row := context.site.find_issue(str(name))) and sight.issue(row)
    }
    version, rows = version_of(request), sorted(found.values(), key=lambda row: int(row.id))
    issues = [_found_bean(context, row, version, fields, given) for row in rows]
    return reply({"issues": issues, "issueErrors": []})


async def get_issue(request: web.Request) -> web.Response:
    context = context_of(request)
    expand = many(request, "expand")
    fields = many(request, "fields") or ["*all"]
    return reply(_found_bean(context, issue_of(request), version_of(request), fields, {"expand": expand}))


async def list_comments(request: web.Request) -> web.Response:
    """The comments of an issue, paged by offset."""
    context, row = context_of(request), issue_of(request)
    comments = seen_comments(context, row, row.document())
    if request.query.get("orderBy") == "-created":
        comments = comments[::-1]
    start = integer(request, "startAt", 0)
    limit = integer(request, "maxResults", 100 if context.is_cloud else len(comments))
    limit = min(limit, 100) if context.is_cloud else limit
    version = version_of(request)
    shown = [comment_bean(context, row, comment, version) for comment in comments[start : start + limit]]
    expand = many(request, "expand")
    for bean, comment in zip(shown, comments[start : start + limit], strict=True):
        if "renderedBody" in expand:
            bean["renderedBody"] = rendered(context, comment.get("body"))
        if "properties" in expand:
            bean["properties"] = _properties(comment)
    return reply({"startAt": start, "maxResults": limit, "total": len(comments), "comments": shown})


async def get_comment(request: web.Request) -> web.Response:
    row = issue_of(request)
    for comment in seen_comments(context_of(request), row, row.document()):
        if comment["id"] == request.match_info["comment"]:
            return reply(comment_bean(context_of(request), row, comment, version_of(request)))
    raise RestError(404, f"Can not find a comment for the id: {request.match_info['comment']}.")


def _properties(comment: Json) -> list[Json]:
    """How Data Center tells that a comment is an internal note of the service desk."""
    if comment.get("jsdPublic", True):
        return []
    return [{"key": "sd.public.comment", "value": {"internal": True}}]


async def list_remote_links(request: web.Request) -> web.Response:
    """Links as stored with the issue under `remotelinks`; most have none."""
    return reply(issue_of(request).document().get("remotelinks") or [])


def issue_of(request: web.Request) -> IssueRow:
    site = context_of(request).site
    row = site.find_issue(request.match_info["issue"])
    if row is None or not Sight(site).issue(row):
        raise RestError(404, "Issue does not exist or you do not have permission to see it.")
    return row


def version_of(request: web.Request) -> str:
    version = request.match_info["version"]
    if version == "latest":
        return "3" if context_of(request).is_cloud else "2"
    if version == "3" and not context_of(request).is_cloud:
        raise RestError(404, "null for uri: there is no version 3 of this API on Data Center.")
    return version


def rendered(context: Context, markup: str | None) -> str:
    return adf_to_html(text_value(context, markup or "", "3"))


async def _search_parameters(request: web.Request) -> Json:
    if request.method == "POST":
        given = await json_body(request)
    else:
        single = ("jql", "nextPageToken", "maxResults", "startAt", "validateQuery")
        given = {name: request.query.get(name) for name in single}
        given |= {"fields": many(request, "fields"), "expand": many(request, "expand")}
        given["reconcileIssues"] = many(request, "reconcileIssues")
    return given


def _number(given: Json, name: str, default: int) -> int:
    text = str(given.get(name) if given.get(name) is not None else default)
    if not text.isdecimal():
        raise RestError(400, f"The value '{text}' of '{name}' is not a non-negative number.")
    return int(text)


def _search(
    context: Context, jql: str, known: Collection[str] = (), *, lenient: bool = False
) -> list[IssueRow]:
    zone, cloud = context.account.time_zone, context.is_cloud
    if context.site.search_index.is_behind:
        found = search_issues(context.site, jql, zone=zone, bounded=cloud, known=known, lenient=lenient)
        return [context.site.issues[row.id] for row in found]
    return context.cache.get(
        context.site.revision,
        ("jql", jql, lenient),
        lambda: search_issues(context.site, jql, zone=zone, bounded=cloud, lenient=lenient),
    )


def _cloud_cap(fields: list[str]) -> int:
    return MAX_IDS_AND_KEYS if set(fields) <= {"id", "key"} else MAX_WITH_FIELDS


def _found_bean(context: Context, row: IssueRow, version: str, fields: list[str], given: Json) -> Json:
    if fields == ["id"] and context.is_cloud:
        return {"id": row.id}
    bean = issue_bean(context, row, version=version, fields=fields)
    expand = given.get("expand") or []
    names = expand.split(",") if isinstance(expand, str) else expand
    if "renderedFields" in names and "fields" in bean:
        bean["renderedFields"] = _rendered_fields(context, row, bean["fields"])
    if "changelog" in names:
        bean["changelog"] = {"startAt": 0, "maxResults": 0, "total": 0, "histories": []}
    return bean


def _rendered_fields(context: Context, row: IssueRow, shown: Json) -> Json:
    stored = row.document()["fields"]
    html: Json = {
        name: rendered(context, stored.get(name)) for name in ("description", "environment") if name in shown
    }
    if "comment" in shown:
        bodies = [
            {"id": c["id"], "body": rendered(context, c.get("body"))}
            for c in seen_comments(context, row, {"fields": stored})
        ]
        html["comment"] = {"comments": bodies}
    return html


def _token(jql: str, start: int) -> str:
    digest = sha256(jql.encode()).hexdigest()[:12]
    return urlsafe_b64encode(json.dumps([digest, start]).encode()).decode()


def _read_token(token: object, jql: str) -> int:
    """Where the page starts; a token is good for the query that it was made for."""
    if not token:
        return 0
    try:
        digest, start = json.loads(urlsafe_b64decode(str(token)))
        if digest == sha256(jql.encode()).hexdigest()[:12]:
            return int(start)
    except (Base64Error, ValueError, TypeError):
        pass
    raise RestError(400, "The provided next page token is invalid or belongs to another query.")
