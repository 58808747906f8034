"""``make bench``: measure, print one table, and write the figures as JSON where asked to."""

from __future__ import annotations

import inspect
import json
import os
import platform
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import command_line
import converting
import demo_start
import indexing
import ingest
import large
import memory
import million
import peers_table
import quantised
import reading
import refreshing
import search_latency
import slack_latency
import typer
from figures import Figure
from rich.console import Console
from rich.table import Table

from lorebot.telemetry import configure_logging

BENCHMARKS: dict[str, Callable[..., list[Figure]]] = {
    "help": command_line.measure,
    "demo": demo_start.measure,
    "converting": converting.measure,
    "reading": reading.measure,
    "refreshing": refreshing.measure,
    "indexing": indexing.measure,
    "search": search_latency.measure,
    "slack": slack_latency.measure,
    "memory": memory.measure,
    "ingest": ingest.measure,
    "large": large.measure,
    "million": million.measure,
    "quantised": quantised.measure,
    "peers": peers_table.measure,
}


def _keywords(name: str) -> dict[str, inspect.Parameter]:
    """The settings of a benchmark: the keyword-only parameters of its function."""
    parameters = inspect.signature(BENCHMARKS[name], eval_str=True).parameters
    return {key: each for key, each in parameters.items() if each.kind is each.KEYWORD_ONLY}


def _known_settings() -> list[str]:
    return sorted({key for name in BENCHMARKS for key in _keywords(name)} - {"cache"})


def main(
    only: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(BENCHMARKS)}; may be given again.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Of each measurement that can be repeated.")] = 3,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep vectors and other stores' packages there between runs."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help=f"One of {', '.join(_known_settings())}."),
    ] = None,
) -> None:
    """Measure Lorebot on this machine (docs/benchmarks.md says what the figures mean)."""
    unknown = set(only or ()) - set(BENCHMARKS)
    if unknown:
        raise typer.BadParameter(f"{min(unknown)} is none of {', '.join(BENCHMARKS)}.", param_hint="--only")
    options = _settings(settings or ()) | ({"cache": cache} if cache else {})
    configure_logging(verbose=False)
    # As Ctrl-C does: what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    progress = Console(stderr=True)
    results: dict[str, list[Figure]] = {}
    for name in only or BENCHMARKS:
        progress.print(f"{name} …", highlight=False)
        results[name] = BENCHMARKS[name](repeats, **_options_of(name, options))
        if json_file:  # after each, so that an interruption costs one benchmark alone
            content = {"machine": _machine(), "figures": _plain(results)}
            json_file.write_text(json.dumps(content, indent=1), "utf-8")
    Console().print(_table(results))


def _settings(given: Sequence[str]) -> dict[str, str]:
    pairs = dict(each.partition("=")[::2] for each in given)
    unknown = set(pairs) - set(_known_settings())
    if unknown:
        known = ", ".join(_known_settings())
        raise typer.BadParameter(f"{min(unknown)} is none of {known}.", param_hint="--set")
    return pairs


def _options_of(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options that a benchmark has, as the type that its function says."""
    keywords = _keywords(name)
    return {
        key: value if isinstance(value, Path) else keywords[key].annotation(value)
        for key, value in options.items()
        if key in keywords
    }


def _machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        # Above the number of cores, others were at work too and the figures are too high.
        "load": round(os.getloadavg()[0], 1),
    }


def _table(results: dict[str, list[Figure]]) -> Table:
    table = Table(
        "benchmark", "figure", title=", ".join(f"{key} {value}" for key, value in _machine().items())
    )
    for heading in ("value", "unit", "lowest to highest", "target"):
        table.add_column(heading, justify="left" if heading == "unit" else "right", no_wrap=True)
    for name, figures in results.items():
        for figure in figures:
            samples = figure.samples
            spread = f"{_number(min(samples))} to {_number(max(samples))}" if len(samples) > 1 else ""
            style = "red" if figure.missed else None
            table.add_row(
                name, figure.name, _number(figure.value), figure.unit, spread, figure.target, style=style
            )
        table.add_section()
    return table


def _number(value: float) -> str:
    whole = value >= 100 or value == int(value)
    return f"{value:,.0f}" if whole else f"{value:.3g}"


def _plain(results: dict[str, list[Figure]]) -> list[dict[str, object]]:
    return [{"benchmark": name, **asdict(figure)} for name, figures in results.items() for figure in figures]


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
