"""``lorebot adapt``: learn from the index how its questions are best searched, and take that back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lorebot.commands.common import Config, Json, Verbose, ago, console, print_json, start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.adaptation.training import Report, Training
    from indexer.adaptation.tunings import TuningEntry

app = typer.Typer(help="Adapt the search to the company (docs/adaptation.md).", no_args_is_help=True)


@app.command()
def train(
    promote: Annotated[
        bool, typer.Option("--promote/--no-promote", help="Make it live if it gains with confidence.")
    ] = True,
    as_json: Json = False,
    config: Config = None,
    verbose: Verbose = False,
) -> None:
    """Learn from the index now, judge on what was held out, and make live what gains."""
    settings = start(config, verbose=verbose)
    from indexer.adaptation.training import train as learn
    from lorebot.wiring import open_services

    with open_services(settings) as services, _progress_bar() as progress:
        training = learn(services.pool, services.embedder, promote=promote, progress=progress)
    if as_json:
        print_json(training)
    else:
        _show_training(training)


@app.command("list")
def list_tunings(as_json: Json = False, config: Config = None, verbose: Verbose = False) -> None:
    """Show what was learned, the newest first."""
    settings = start(config, verbose=verbose)
    from indexer.adaptation.tunings import entries
    from lorebot.wiring import open_services

    with open_services(settings) as services, services.pool.connection() as connection:
        found = entries(connection)
    if as_json:
        print_json({"tunings": found})
    else:
        _show_list(found)


@app.command()
def promote(
    tuning: Annotated[int, typer.Argument(metavar="ID", help="The tuning's number in the list.")],
    as_json: Json = False,
    config: Config = None,
    verbose: Verbose = False,
) -> None:
    """Make a tuning live, whatever its judgment."""
    settings = start(config, verbose=verbose)
    from indexer.adaptation.tunings import promote as make_live
    from lorebot.wiring import open_services

    with open_services(settings) as services, services.pool.connection() as connection:
        make_live(connection, tuning)
    if as_json:
        print_json({"live": tuning})
    else:
        typer.echo(f"The tuning {tuning} is live.")


@app.command()
def rollback(as_json: Json = False, config: Config = None, verbose: Verbose = False) -> None:
    """Reject the live tuning and bring back what was live before it."""
    settings = start(config, verbose=verbose)
    from indexer.adaptation.tunings import roll_back
    from indexer.models import follow
    from lorebot.wiring import open_services

    with open_services(settings) as services:
        model_id = follow(services.pool, services.embedder).id
        with services.pool.connection() as connection:
            rejected, live = roll_back(connection, model_id)
    if as_json:
        print_json({"rejected": rejected, "live": live})
    else:
        now = f"the tuning {live} is live again" if live else "searches are as they were built"
        typer.echo(f"The tuning {rejected} is rejected; {now}.")


@contextmanager
def _progress_bar() -> Iterator[Report]:
    """One bar on stderr; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("reading")
        yield lambda phase, done, total: bars.update(task, description=phase, completed=done, total=total)


def _show_training(training: Training) -> None:
    gain = training.metrics.get("ndcg")
    if gain is None:
        typer.echo("There is too little to learn from: searches stay as they are.")
        return
    verdict = {
        "promoted": f"The tuning {training.tuning_id} is live",
        "candidate": f"The tuning {training.tuning_id} gains; `lorebot adapt promote` makes it live",
        "rejected": f"The tuning {training.tuning_id} is rejected: its gain could be luck, or harms some questions",
    }[training.outcome]
    typer.echo(f"{verdict} (nDCG@10 {_gain(gain)}, {gain['pairs']:,} pairs held out).")
    if training.taken_back:
        typer.echo(f"The tuning {training.taken_back} was live and did worse than none; it was taken back.")


def _show_list(found: list[TuningEntry]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if not found:
        typer.echo("Nothing was learned yet: `lorebot adapt train` does it now.")
        return
    table = Table(box=SIMPLE_HEAD, padding=0)
    for heading in ("id", "state", "nDCG@10 before, gain, 95 %", "pairs", "learned"):
        table.add_column(heading, no_wrap=True)
    table.add_column("model", overflow="fold")  # it alone may be long
    for each in found:
        gain = each.metrics.get("ndcg", {})
        pairs = f"{gain['pairs']:,}" if gain else ""
        learned = ago(each.created_at, short=True)
        table.add_row(str(each.id), each.state, _gain(gain), pairs, learned, each.model)
    console().print(table)


def _gain(gain: Mapping[str, Any]) -> str:
    if not gain:
        return ""
    return f"{gain['before']:.3f} {gain['gain']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
