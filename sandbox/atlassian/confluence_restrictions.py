"""Confluence's v1 REST API: the restrictions of content, which are paged here and cut where they are expanded."""

from __future__ import annotations

from aiohttp import web

from sandbox.atlassian.confluence_beans import restriction_bean
from sandbox.atlassian.confluence_v1 import content_of, linked
from sandbox.atlassian.wire import Context, Json, RestError, context_of, integer, reply

RESTRICTIONS_ON_A_PAGE = 100
RESTRICTIONS_CAP = 200


def confluence_restriction_routes(context: Context) -> list[web.RouteDef]:
    """The routes for who may read and edit a page."""
    content = context.confluence_root + "/rest/api/content/{content}"
    routes = [
        web.get(content + "/restriction/byOperation", restrictions_by_operation),
        web.get(content + "/restriction/byOperation/{operation}", restriction_of_operation),
    ]
    # Data Center has no read under this address.
    return [web.get(content + "/restriction", list_restrictions), *routes] if context.is_cloud else routes


async def list_restrictions(request: web.Request) -> web.Response:
    beans = [_restriction(request, operation) for operation in ("read", "update")]
    listing = {"results": beans, "start": 0, "limit": 100, "size": len(beans), "restrictionsHash": "0"}
    return reply(linked(request, listing))


async def restrictions_by_operation(request: web.Request) -> web.Response:
    beans = {operation: _restriction(request, operation) for operation in ("read", "update")}
    return reply(linked(request, beans))


async def restriction_of_operation(request: web.Request) -> web.Response:
    operation = request.match_info["operation"]
    if operation not in ("read", "update"):
        raise RestError(400, f"The operation '{operation}' is not supported.")
    return reply(_restriction(request, operation))


def _restriction(request: web.Request, operation: str) -> Json:
    context, content = context_of(request), content_of(request)
    start, limit = integer(request, "start", 0), integer(request, "limit", RESTRICTIONS_ON_A_PAGE)
    limit = max(1, min(limit, RESTRICTIONS_CAP))
    return restriction_bean(context, content.id, operation, start=start, limit=limit)
