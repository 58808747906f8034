"""``lorebot index``: refresh now, with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lorebot.commands.common import Config, Json, Verbose, console, print_json, start

if TYPE_CHECKING:
    from indexer.refresh import Progress, RefreshReport
    from lorebot.settings import Settings

_PHASES = {"checking": "checking what there is", "reading": "reading", "embedding": "embedding"}


def index(
    source: Annotated[str | None, typer.Argument(help="The source; without one, all of them.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again, not just what changed.")
    ] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Delete what is gone from the source, however much it is.")
    ] = False,
    embedding_model: Annotated[
        str | None,
        typer.Option(
            help="Change over to this embedding model (a folder, an address, or a name): "
            "make its vectors beside those in use, then let all searches use them."
        ),
    ] = None,
    as_json: Json = False,
    config: Config = None,
    verbose: Verbose = False,
) -> None:
    """Refresh the index from the sources now, or change over to another embedding model."""
    settings = start(config, verbose=verbose)
    if embedding_model is not None:
        if source or full or confirm:
            raise typer.BadParameter("--embedding-model goes alone: it changes every source and reads none.")
        _change_model(settings, embedding_model, as_json=as_json)
        return
    from connectors.errors import ConnectorError
    from indexer.errors import IndexerError
    from indexer.refresh import refresh
    from lorebot.wiring import build_connector, find_sources, open_services

    reports: list[RefreshReport] = []
    failed = False
    tables = find_sources(settings, source)
    with open_services(settings) as services, progress_bars() as progress:
        for table in tables:
            try:
                reports.append(
                    refresh(
                        services.pool,
                        build_connector(table, services.reach),
                        services.embedder,
                        full=full,
                        confirm=confirm,
                        mode=settings.embedding.mode,
                        progress=progress,
                    )
                )
            except (ConnectorError, IndexerError) as error:
                # The other sources go on; the exit code tells.
                typer.echo(f"lorebot: {table.name}: {error}", err=True)
                failed = True
    if as_json:
        print_json({"sources": reports})
    else:
        _show(reports)
    if failed:
        raise typer.Exit(1)


def _change_model(settings: Settings, wanted: str, *, as_json: bool) -> None:
    from indexer.model_build import build_model
    from indexer.refresh import Progress
    from lorebot.wiring import find_model, open_services

    with open_services(settings) as services, progress_bars() as progress:
        model = find_model(services, wanted)
        name = model.name
        report = build_model(
            services.pool,
            services.embedder,
            model,
            progress=lambda done, total: progress(
                Progress(source=name, phase="embedding", done=done, total=total)
            ),
        )
    if as_json:
        print_json({"model": report})
        return
    if report.before is None:
        typer.echo(f"Searches use {report.model} already.")
    else:
        typer.echo(
            f"Searches use {report.model} now, and no longer {report.before}: {report.embedded:,} vectors made."
        )
    if report.in_pieces:
        typer.echo(
            f"{report.in_pieces:,} chunks are longer than it reads at once: the mean of their pieces' vectors "
            "stands for each, until its document changes and is cut anew."
        )


@contextmanager
def progress_bars() -> Iterator[Callable[[Progress], None]]:
    """A bar for each phase of each source on stderr, with rate and time left; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    tasks: dict[tuple[str, str], TaskID] = {}
    with bars:

        def show(progress: object) -> None:
            from indexer.refresh import Progress as Step

            assert isinstance(progress, Step)
            key = (progress.source, progress.phase)
            if key not in tasks:
                tasks[key] = bars.add_task(
                    f"{progress.source}: {_PHASES.get(progress.phase, progress.phase)}", rate=""
                )
            speed = bars.tasks[tasks[key]].finished_speed or bars.tasks[tasks[key]].speed
            bars.update(
                tasks[key],
                completed=progress.done,
                total=progress.total,
                rate=f"{speed:,.0f}/s" if speed else "",
            )

        yield show


def _show(reports: list[RefreshReport]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    headings = ("documents", "new", "changed", "deleted", "chunks", "embedded", "failed", "seconds")
    table = Table("source", *headings, box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for report in reports:
        figures = (
            report.documents,
            report.created,
            report.updated,
            report.deleted,
            report.chunks,
            report.embedded,
            report.failed,
        )
        table.add_row(report.name, *(f"{figure:,}" for figure in figures), f"{report.seconds:.1f}")
    if reports:
        console().print(table)
