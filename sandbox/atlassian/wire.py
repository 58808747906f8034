"""What all handlers share: the application's context, JSON answers, paging and the vendors' error shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from aiohttp import web
from yarl import URL

from sandbox.site_people import User
from sandbox.site_state import Site

Deployment = Literal["cloud", "datacenter"]
Json = dict[str, Any]
T = TypeVar("T")
CACHED_RESULTS = 32
CLOUD_ID = "0b0c7a52-5a5d-4a2e-9f0e-5a4d0b0c0001"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What API clients present: Cloud `email:token` as Basic; Data Center the token as Bearer, or Basic."""

    email: str
    token: str


class RestError(Exception):
    """An answer other than success; it is written in the shape of the API that was called."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ResultCache:
    """Search results by query, dropped as soon as the site changes, so that paging does not search anew."""

    def __init__(self) -> None:
        self._revision = -1
        self._results: dict[object, Any] = {}

    def get(self, revision: int, key: object, compute: Callable[[], T]) -> T:
        if revision != self._revision or len(self._results) >= CACHED_RESULTS:
            self._results = {}
            self._revision = revision
        if key not in self._results:
            self._results[key] = compute()
        result: T = self._results[key]
        return result


@dataclass(frozen=True, kw_only=True)
class Context:
    """The site as one deployment shows it."""

    site: Site
    deployment: Deployment
    base_url: str
    credentials: Credentials
    is_gateway: bool = False
    cache: ResultCache = field(default_factory=ResultCache)

    @property
    def is_cloud(self) -> bool:
        return self.deployment == "cloud"

    @property
    def jira_path(self) -> str:
        return "" if self.is_cloud else "/jira"

    @property
    def confluence_path(self) -> str:
        return "/wiki" if self.is_cloud else "/confluence"

    @property
    def jira_root(self) -> str:
        """Where the routes of Jira's API are; through the gateway it is not where people find Jira."""
        return f"/ex/jira/{CLOUD_ID}" if self.is_gateway else self.jira_path

    @property
    def confluence_root(self) -> str:
        return f"/ex/confluence/{CLOUD_ID}/wiki" if self.is_gateway else self.confluence_path

    def public(self, url: URL) -> str:
        """The path and query of a request as the tenant knows it, which is what listings link to."""
        return str(url).removeprefix(f"/ex/confluence/{CLOUD_ID}") if self.is_gateway else str(url)

    @property
    def jira_api_url(self) -> str:
        """Where Jira says that its resources are: at the gateway, for those who came through it."""
        return self.base_url + self.jira_root

    @property
    def jira_url(self) -> str:
        return self.base_url + self.jira_path

    @property
    def confluence_url(self) -> str:
        return self.base_url + self.confluence_path

    @property
    def account(self) -> User:
        """The user as whom API clients are signed in; its time zone is the one that queries are read in."""
        return self.site.service_account(self.credentials.email)


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
GATEWAY: web.AppKey[Context] = web.AppKey("gateway", Context)


def context_of(request: web.Request) -> Context:
    """The site as the request's sender sees it: under its own address, or through the gateway."""
    return request.app[GATEWAY if request.path.startswith("/ex/") and GATEWAY in request.app else CONTEXT]


def reply(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")


async def json_body(request: web.Request) -> Json:
    try:
        data = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise RestError(400, "Unexpected character: the request body is not valid JSON.") from exc
    if not isinstance(data, dict):
        raise RestError(400, "The request body must be a JSON object.")
    return data


def integer(request: web.Request, name: str, default: int) -> int:
    """A non-negative query parameter."""
    text = request.query.get(name)
    if text is None or text == "":
        return default
    if not text.isdecimal():
        raise RestError(400, f"The value '{text}' of the parameter '{name}' is not a non-negative number.")
    return int(text)


def many(request: web.Request, name: str) -> list[str]:
    """A list parameter: repeated, comma-separated or both."""
    return [
        part.strip() for value in request.query.getall(name, []) for part in value.split(",") if part.strip()
    ]


def jira_page(context: Context, request: web.Request, items: Sequence[T], show: Callable[[T], Any]) -> Json:
    """Jira's paged bean: values with startAt, maxResults, total, isLast and nextPage."""
    start, limit = integer(request, "startAt", 0), min(integer(request, "maxResults", 50), 100)
    values = [show(item) for item in items[start : start + limit]]
    is_last = start + len(values) >= len(items)
    page: Json = {
        "self": context.base_url + str(request.rel_url),
        "maxResults": limit,
        "startAt": start,
        "total": len(items),
        "isLast": is_last,
        "values": values,
    }
    if not is_last:
        following = request.rel_url.update_query(startAt=start + limit, maxResults=limit)
        page["nextPage"] = context.base_url + str(following)
    return page


def error_reply(context: Context, path: str, status: int, message: str) -> web.Response:
    """The error in the shape of the API that the path belongs to."""
    if status == 401 and (context.is_gateway or path.startswith("/oauth/")):
        return reply({"code": 401, "message": message}, status=401)
    if context.is_cloud and path.startswith(context.confluence_root + "/api/v2/"):
        title = {400: "Invalid request", 401: "Unauthorized", 404: "Not Found"}.get(status, message)
        code = title.upper().replace(" ", "_")
        error = {"status": status, "code": code, "title": title, "detail": message}
        return reply({"errors": [error]}, status=status)
    if path.startswith(context.confluence_root + "/"):
        data = {"authorized": status not in (401, 403), "valid": True, "errors": [], "successful": False}
        return reply({"statusCode": status, "data": data, "message": message}, status=status)
    if status == 401:
        return reply({"message": message, "status-code": 401}, status=401)
    return reply({"errorMessages": [message], "errors": {}}, status=status)
