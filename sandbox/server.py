"""The whole sandbox in one process: the Slack workspace with its page on one port, the Atlassian site on another.

They are two origins because they are two in real life: paths such as ``/rest/api/3`` belong to the site's root.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from sandbox.atlassian.admin import create_admin_routes
from sandbox.atlassian.app import create_atlassian_app
from sandbox.atlassian.wire import Credentials
from sandbox.errors import SandboxError
from sandbox.site import load_site
from sandbox.slack.app import create_slack_app
from sandbox.slack.models import AppSecrets
from sandbox.slack.workspace import load_workspace

Deployment = Literal["cloud", "datacenter"]

HOST = "127.0.0.1"

#: Made up, and good for nothing but this sandbox.
CREDENTIALS = Credentials(email="service.account@sandbox.example", token="sandbox-atlassian-token")  # noqa: S106


@asynccontextmanager
async def run_sandbox(
    folder: Path, *, deployment: Deployment, port: int | None, manifest: Mapping[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """Serve a site folder until the block is left; gives the addresses and credentials that clients need.

    Args:
        folder: the site folder.
        deployment: which kind of Atlassian site.
        port: of Slack and the page, with the Atlassian site on the next one; None takes two free ones.
        manifest: the Slack app that lives in the workspace, as Slack's app manifest describes it.

    Raises:
        SandboxError: the folder cannot be served, or a port is taken.
    """
    site = load_site(folder)
    sockets = [_listen(port or 0), _listen(port + 1 if port else 0)]
    slack_url, atlassian_url = (f"http://{HOST}:{each.getsockname()[1]}" for each in sockets)
    secrets = AppSecrets()
    workspace = load_workspace(
        _slack_settings(folder),
        [{"name": user.name, "email": user.email, "login": user.login} for user in site.directory.users()],
        manifest=manifest,
        secrets=secrets,
    )
    slack_app = create_slack_app(workspace, base_url=slack_url)
    slack_app.add_routes(create_admin_routes(site))
    atlassian_app = create_atlassian_app(
        site, deployment=deployment, credentials=CREDENTIALS, base_url=atlassian_url
    )
    runners = [web.AppRunner(app, access_log=None, shutdown_timeout=1) for app in (slack_app, atlassian_app)]
    try:
        for runner, listening in zip(runners, sockets, strict=True):
            await runner.setup()
            await web.SockSite(runner, listening).start()
        yield _description(slack_url, atlassian_url, deployment, secrets)
    finally:
        for runner in runners:
            await runner.cleanup()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise SandboxError(f"Port {port} is taken: choose another with --port.") from error


def _slack_settings(folder: Path) -> Mapping[str, Any] | None:
    path = folder / "site.json"
    return json.loads(path.read_text("utf-8")).get("slack") if path.exists() else None


def _description(
    slack_url: str, atlassian_url: str, deployment: Deployment, secrets: AppSecrets
) -> dict[str, Any]:
    jira, confluence = ("", "/wiki") if deployment == "cloud" else ("/jira", "/confluence")
    # A Data Center token stands alone; Cloud wants the account's address beside it.
    account = {"email": CREDENTIALS.email if deployment == "cloud" else None, "token": CREDENTIALS.token}
    return {
        "page_url": f"{slack_url}/",
        "slack": {
            "base_url": f"{slack_url}/api/",
            "bot_token": secrets.bot_token,
            "app_token": secrets.app_token,
            "signing_secret": secrets.signing_secret,
        },
        "jira": {"url": f"{atlassian_url}{jira}", **account},
        "confluence": {"url": f"{atlassian_url}{confluence}", **account},
    }
