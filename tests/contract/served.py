"""A site folder served on a port, every exchange written down."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.atlassian.app import Credentials, create_atlassian_app
from sandbox.atlassian.wire import CLOUD_ID, Deployment
from sandbox.site import Site, load_site
from tests.serving import serving

EMAIL, TOKEN = "reader@acme.example", "token-of-the-reader"
DEPLOYMENTS: tuple[Deployment, ...] = ("cloud", "datacenter")
Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request with its answer as it went over the wire."""

    method: str
    path: str
    #: The path with names in place of ids (`/rest/api/3/issue/{issue}`); the path itself where nothing is served.
    template: str
    query: dict[str, list[str]]
    #: The JSON of the request; None without a body.
    body: Any
    authorization: str
    status: int
    #: None where the answer is not JSON (a file, a redirection).
    answer: Any


@dataclass(kw_only=True)
class Served:
    """A site on a port; `exchanges` grows with every request."""

    site: Site
    deployment: Deployment
    url: str
    app: web.Application
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def jira_url(self) -> str:
        return self.url + ("" if self.deployment == "cloud" else "/jira")

    @property
    def confluence_url(self) -> str:
        return self.url + ("/wiki" if self.deployment == "cloud" else "/confluence")


@contextmanager
def served(folder: Path, deployment: Deployment, *, most: int | None = None) -> Iterator[Served]:
    """Serve the site folder until the block ends, every exchange written down.

    Args:
        most: rows of a listing that are given at once, however many are asked for, so that clients have to page.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    site = load_site(folder)
    app = create_atlassian_app(
        site, deployment=deployment, credentials=Credentials(email=EMAIL, token=TOKEN), base_url=url
    )
    running = Served(site=site, deployment=deployment, url=url, app=app)
    app.middlewares.insert(0, _listening(running.exchanges, most))
    with serving(app, listener):
        yield running


def _listening(exchanges: list[Exchange], most: int | None) -> Any:
    @web.middleware
    async def listen(request: web.Request, handler: Handler) -> web.StreamResponse:
        body = json.loads(await request.read()) if request.can_read_body else None
        response = await handler(_asking_for(request, most) if most else request)
        exchanges.append(
            Exchange(
                method=request.method,
                path=request.path,
                template=template_of(request),
                query={name: request.query.getall(name) for name in request.query},
                body=body,
                authorization=request.headers.get("Authorization", "").partition(" ")[0],
                status=response.status,
                answer=_json_of(response),
            )
        )
        return response

    return listen


def _asking_for(request: web.Request, most: int) -> web.Request:
    """The request with a lower limit, where it asks for a listing in pages."""
    query = request.query
    name = "maxResults" if "startAt" in query else "limit"
    if name not in query or int(query[name]) <= most:
        return request
    return request.clone(rel_url=request.rel_url.update_query({name: str(most)}))


def template_of(request: web.Request) -> str:
    """The route's path with the version of the API that was asked for."""
    resource = request.match_info.route.resource
    if resource is None:
        return request.path
    version = request.match_info.get("version")
    template = resource.canonical.replace(CLOUD_ID, "{cloud}")
    return template.replace("{version}", version) if version else template


def _json_of(response: web.StreamResponse) -> Any:
    if response.content_type != "application/json" or not isinstance(response, web.Response):
        return None
    return json.loads(response.text) if response.text else None
