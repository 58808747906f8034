"""How the admin API reads its requests and writes its answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.errors import ChangeError
from sandbox.site_access import is_principal
from sandbox.site_records import IssueRow, PageRow, Principals
from sandbox.site_state import Site

LARGEST_BODY = 64 * 2**20
Handler = Callable[[web.Request], Awaitable[Any]]
Table = list[tuple[str, str, Handler]]
"""Method, path and what handles it: it returns what is answered as JSON."""


class NotHereError(ChangeError):
    """The thing that a path names does not exist."""


def answering(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answer with the handler's result as JSON, and with a clear error where it refuses."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await handler(request))
        except NotHereError as exc:
            return web.json_response({"error": str(exc)}, status=404)
        except ChangeError as exc:
            return web.json_response({"error": str(exc)}, status=400)

    return answer


def page_of(site: Site, page_id: str) -> PageRow:
    page = site.pages.get(page_id)
    if page is None:
        raise NotHereError(f"There is no page {page_id}.")
    return page


def issue_of(site: Site, key: str) -> IssueRow:
    issue = site.find_issue(key)
    if issue is None:
        raise NotHereError(f"There is no issue {key}.")
    return issue


async def any_json(request: web.Request) -> Any:
    try:
        large = request.clone(client_max_size=LARGEST_BODY)
        return json.loads(await large.read())
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise ChangeError("The body is not JSON: send a JSON document.") from exc


async def an_object(request: web.Request) -> dict[str, Any]:
    data = await any_json(request)
    if not isinstance(data, dict):
        raise ChangeError("The body must be a JSON object.")
    return data


async def texts(request: web.Request) -> list[str]:
    """A list of texts, by itself or under the key `principals` or `members`."""
    data = await any_json(request)
    if isinstance(data, dict):
        data = data.get("principals", data.get("members"))
    if not isinstance(data, list) or not all(isinstance(each, str) for each in data):
        raise ChangeError("The body must be a list of texts.")
    return data


async def principals_of(request: web.Request, *, jira: bool = False) -> Principals:
    """A list of principals; only Jira knows roles, reporters, assignees and leads."""
    principals = await texts(request)
    for principal in principals:
        if not is_principal(principal, jira=jira):
            more = ", role:<name>, reporter, assignee, lead or applicationRole" if jira else ""
            raise ChangeError(
                f"{principal!r} is no principal: write anyone, group:<name> or user:<id>{more}."
            )
    return tuple(principals)
