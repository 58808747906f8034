"""What the commands share: their common options, settings, and how they print."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.audience import Audience
    from lorebot.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option("--config", help="The configuration file (default: lorebot.toml, or LOREBOT_CONFIG)."),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log more to stderr.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="EMAIL", help="Answer with this person's permissions (default: see everything)."
    ),
]


def start(config: Path | None, *, verbose: bool = False) -> Settings:
    """Send the logs to stderr and read the configuration.

    Raises:
        ConfigError: the configuration is missing or wrong.
    """
    from lorebot.settings import load_settings
    from lorebot.telemetry import configure_logging

    configure_logging(verbose=verbose or bool(os.environ.pop("LOREBOT_VERBOSE", "")))
    return load_settings(config)


def audience(email: str | None) -> Audience:
    """That person alone; the operator for None."""
    from indexer.audience import Audience

    return Audience.operator() if email is None else Audience.of([email])


def console() -> Console:
    """Where text for people goes."""
    from rich.console import Console

    return Console()


def print_json(value: object) -> None:
    """Print one JSON object on stdout."""
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def ago(moment: datetime | None, *, short: bool = False) -> str:
    """How long ago, for people: "3 minutes ago"; in a narrow table "3m ago"."""
    if moment is None:
        return "never"
    seconds = (datetime.now(moment.tzinfo) - moment).total_seconds()
    for name, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count}{name[0]} ago" if short else f"{count} {name}{'s' if count > 1 else ''} ago"
    return "now" if short else "just now"
