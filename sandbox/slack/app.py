"""The web application of the Slack sandbox: Web API, Socket Mode, response URLs, admin API, and the page."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from sandbox.slack.admin_api import add_admin_api
from sandbox.slack.errors import SlackError
from sandbox.slack.page_api import add_page_api
from sandbox.slack.runtime import SlackSandbox
from sandbox.slack.web_api import add_web_api
from sandbox.slack.workspace import Workspace

PAGE_FOLDER = Path(__file__).parent / "page"
SANDBOX = web.AppKey("sandbox", SlackSandbox)

# Scripts and styles from here only: what an app or a person writes can never run or load anything.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'"
)


def create_slack_app(workspace: Workspace, *, base_url: str) -> web.Application:
    """Serve `workspace`; `base_url` is the origin where this application is reached, without a path.

    ``app[SANDBOX]`` is the running `SlackSandbox`. All connections close with the application.
    """
    sandbox = SlackSandbox(workspace, base_url=base_url)
    app = web.Application(client_max_size=8 * 1024**2)
    app[SANDBOX] = sandbox
    add_web_api(app, sandbox)
    add_page_api(app, sandbox)
    add_admin_api(app, sandbox)
    app.router.add_get("/link/", sandbox.socket_mode.serve)
    app.router.add_post("/_response/{key}", _response_handler(sandbox))
    app.router.add_get("/archives/{channel}/{message}", _open_permalink)
    app.router.add_get("/", _page)
    app.router.add_static("/page", PAGE_FOLDER)

    async def close(_: web.Application) -> None:
        await sandbox.close()

    app.on_shutdown.append(close)
    return app


async def _page(request: web.Request) -> web.FileResponse:
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
    return web.FileResponse(PAGE_FOLDER / "index.html", headers=headers)


async def _open_permalink(request: web.Request) -> web.Response:
    """``/archives/C1/p1712345678123456?thread_ts=…`` opens the page at that message."""
    digits = request.match_info["message"].removeprefix("p")
    ts = f"{digits[:-6]}.{digits[-6:]}"
    thread = request.query.get("thread_ts", "")
    target = "/".join(quote(part, safe="") for part in (request.match_info["channel"], thread or ts, ts))
    raise web.HTTPFound(f"/#{target}")


def _response_handler(sandbox: SlackSandbox) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.text())
            sandbox.response_urls.answer(request.match_info["key"], body)
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        except SlackError as error:
            gone = error.code in ("expired_url", "used_url")
            return web.json_response(error.to_json(), status=404 if gone else 400)
        return web.Response(text="ok")

    return handle
