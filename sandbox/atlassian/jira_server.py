"""Jira: what the server says of itself and of its fields."""

from __future__ import annotations

from aiohttp import web

from sandbox.atlassian.wire import Context, Json, context_of, reply
from sandbox.site_times import jira_time, now_ms

SYSTEM_FIELDS = {
    "summary": "string",
    "description": "string",
    "environment": "string",
    "status": "status",
    "issuetype": "issuetype",
    "priority": "priority",
    "resolution": "resolution",
    "assignee": "user",
    "reporter": "user",
    "creator": "user",
    "project": "project",
    "security": "securitylevel",
    "labels": "array",
    "components": "array",
    "versions": "array",
    "fixVersions": "array",
    "issuelinks": "array",
    "subtasks": "array",
    "attachment": "array",
    "comment": "comments-page",
    "created": "datetime",
    "updated": "datetime",
    "resolutiondate": "datetime",
}


def jira_server_routes(context: Context) -> list[web.RouteDef]:
    """The routes for facts about the server."""
    api = context.jira_root + "/rest/api/{version:2|3|latest}"
    return [web.get(api + "/serverInfo", get_server_info), web.get(api + "/field", list_fields)]


async def get_server_info(request: web.Request) -> web.Response:
    """What the server says of itself."""
    context = context_of(request)
    version = [1001, 0, 0] if context.is_cloud else [10, 3, 0]
    return reply(
        {
            "baseUrl": context.jira_url,
            "version": ".".join(map(str, version)),
            "versionNumbers": version,
            "deploymentType": "Cloud" if context.is_cloud else "Server",
            "buildNumber": 100290,
            "buildDate": "2025-11-03T00:00:00.000+0000",
            "serverTime": jira_time(now_ms()),
            "scmInfo": "sandbox",
            "serverTitle": "Jira",
        }
    )


async def list_fields(request: web.Request) -> web.Response:
    context = context_of(request)
    fields: list[Json] = []
    for name, kind in SYSTEM_FIELDS.items():
        bean: Json = {"id": name, "name": name.capitalize(), "custom": False, "orderable": True}
        bean |= {"navigable": name != "comment", "searchable": True, "clauseNames": [name]}
        bean["schema"] = {"type": kind, "system": name}
        fields.append({**bean, "key": name} if context.is_cloud else bean)
    return reply(fields)
