"""``lorebot serve`` and its parts ``bot``, ``worker`` and ``scheduler``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lorebot.commands.common import Config, Verbose, start

if TYPE_CHECKING:
    from lorebot.processes import Parts

Ready = Annotated[bool, typer.Option("--ready", help="Print a line on stdout once everything runs.")]


def serve(config: Config = None, verbose: Verbose = False, ready: Ready = False) -> None:
    """Run the bot, the worker and the scheduler in one process."""
    from lorebot.processes import Parts

    _run(config, verbose, Parts(bot=True, worker=True, scheduler=True), say_when_ready=ready)


def bot(config: Config = None, verbose: Verbose = False) -> None:
    """Run the Slack bot alone."""
    from lorebot.processes import Parts

    _run(config, verbose, Parts(bot=True))


def worker(config: Config = None, verbose: Verbose = False) -> None:
    """Run a worker alone: it does the refreshes that others ask for."""
    from lorebot.processes import Parts

    _run(config, verbose, Parts(worker=True))


def scheduler(config: Config = None, verbose: Verbose = False) -> None:
    """Run the scheduler alone: it asks for refreshes when they are due."""
    from lorebot.processes import Parts

    _run(config, verbose, Parts(scheduler=True))


def _run(config: Path | None, verbose: bool, parts: Parts, *, say_when_ready: bool = False) -> None:
    settings = start(config, verbose=verbose)
    from lorebot.processes import run
    from lorebot.wiring import build_slack_config, find_sources, open_services

    # Before anything is started: a missing key is worth knowing at once.
    if parts.bot:
        build_slack_config(settings)
    if parts.worker or parts.scheduler:
        find_sources(settings, None)
    with open_services(settings) as services:
        asyncio.run(run(services, parts, on_ready=_say_ready if say_when_ready else None))


def _say_ready() -> None:
    print("ready", flush=True)  # noqa: T201 (the command's output)
