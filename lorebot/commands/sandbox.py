"""``lorebot sandbox``: the local Slack workspace and Atlassian site alone."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Deployment(StrEnum):
    """Which Atlassian product the site pretends to be."""

    CLOUD = "cloud"
    DATACENTER = "datacenter"


Site = Annotated[Path, typer.Option("--site", help="The site folder: jira/, confluence/, site.json.")]
Kind = Annotated[Deployment, typer.Option("--deployment", help="Which kind of Atlassian site.")]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=1,
        max=65534,
        help="Of the Slack page; the site takes the next one (default: free ones).",
    ),
]


WithStdin = Annotated[
    bool, typer.Option("--with-stdin", hidden=True, help="End when standard input does, as a child process.")
]


def sandbox(
    site: Site, deployment: Kind = Deployment.CLOUD, port: Port = None, with_stdin: WithStdin = False
) -> None:
    """Serve a local Slack workspace and Atlassian site; print one line of JSON once they answer."""
    from lorebot.telemetry import configure_logging

    configure_logging(verbose=False)
    asyncio.run(_serve(site, deployment, port, with_stdin=with_stdin))


async def _serve(site: Path, deployment: Deployment, port: int | None, *, with_stdin: bool) -> None:
    from sandbox.server import run_sandbox

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if with_stdin:
        # Nothing is ever written there: it becomes readable at its end, whatever ended the parent.
        loop.add_reader(sys.stdin, stop.set)
    async with run_sandbox(
        site, deployment=deployment.value, port=port, manifest=slack_manifest()
    ) as addresses:
        print(json.dumps(addresses), flush=True)  # noqa: T201 (the command's output)
        await stop.wait()


def slack_manifest() -> dict[str, Any]:
    """Lorebot's own Slack app manifest."""
    from importlib import resources

    import yaml

    manifest: dict[str, Any] = yaml.safe_load(
        resources.files("bot").joinpath("manifest.yaml").read_text("utf-8")
    )
    return manifest
