"""``lorebot eval``: score retrieval on a judged collection."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lorebot.commands.common import Config, Json, Verbose, console, print_json, start
from lorebot.commands.index import progress_bars


class Strategy(StrEnum):
    """Which rankings retrieval uses."""

    SEED = "seed"
    KEYWORD = "keyword"
    VECTOR = "vector"


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The judged collection (docs/formats.md).")],
    limit: Annotated[int | None, typer.Option(min=1, help="Score the first queries only.")] = None,
    strategy: Annotated[Strategy, typer.Option(help="The rankings to use.")] = Strategy.SEED,
    as_json: Json = False,
    config: Config = None,
    verbose: Verbose = False,
) -> None:
    """Index a judged collection into a scratch schema and score retrieval."""
    settings = start(config, verbose=verbose)
    from lorebot.evaluation import evaluate as score
    from lorebot.wiring import open_services

    with open_services(settings) as services, progress_bars() as progress:
        result = score(services, folder, limit=limit, strategy=strategy.value, progress=progress)
    if as_json:
        print_json(result)
        return
    from rich.table import Table

    table = Table("figure", "value", title=f"{folder.name}, strategy {strategy}")
    for name, value in result.items():
        shown = (
            ", ".join(f"{key} {part}" for key, part in value.items())
            if isinstance(value, dict)
            else str(value)
        )
        table.add_row(name, shown)
    console().print(table)
