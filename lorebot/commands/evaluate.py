"""``lorebot eval``: score retrieval on a judged collection."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lorebot.commands.common import Config, Json, Verbose, console, print_json, start
from lorebot.commands.index import progress_bars

if TYPE_CHECKING:
    from lorebot.evaluation.results import Results
    from lorebot.settings import Settings

#: What a table of 80 columns has room for, and its headings.
_SHOWN = {
    "recall@1": "R@1",
    "recall@5": "R@5",
    "recall@10": "R@10",
    "recall@100": "R@100",
    "ndcg@10": "nDCG@10",
    "mrr@10": "MRR",
}


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The judged collection (docs/formats.md).")],
    limit: Annotated[int | None, typer.Option(min=1, help="Score the first queries only.")] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="S",
            help="The search's strategy to score (default: its own); again for more; `plain` for the plain ones "
            "beside it, `all` for every one, on one index.",
        ),
    ] = None,
    keep_vectors: Annotated[
        bool,
        typer.Option("--keep-vectors", help="Keep vectors in data_dir: the next run embeds nothing twice."),
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with plots and the worst failures.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(metavar="FILE.md", help="Put the figures into this file's table of quality."),
    ] = None,
    as_json: Json = False,
    config: Config = None,
    verbose: Verbose = False,
) -> None:
    """Index a judged collection into a scratch schema and score retrieval."""
    settings = start(config, verbose=verbose)
    strategies = _strategies(strategy or [])
    for file in (report, table):
        if file is not None and not file.resolve().parent.is_dir():
            raise typer.BadParameter(f"there is no folder {file.resolve().parent}")
    with _ending_in_order():
        results = _run(settings, folder, limit, strategies, keep_vectors=keep_vectors)
    _write(results, report, table)
    if as_json:
        from lorebot.evaluation.results import as_json as to_json

        print_json(to_json(results))
    else:
        _show(results)


def _strategies(names: list[str]) -> list[str]:
    from lorebot.evaluation.strategies import resolve

    try:
        return resolve(names)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--strategy") from error


class _Terminated(KeyboardInterrupt):
    """SIGTERM came. Libraries know the base class: psycopg cancels the statement that is running."""


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that the scratch schema is dropped; the exit code is 143."""

    driver = logging.getLogger("psycopg")
    level = driver.level

    def end(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one would interrupt the clearing away
        driver.setLevel(logging.ERROR)  # it warns of every statement that this cuts off
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _Terminated:
        raise SystemExit(128 + signal.SIGTERM) from None
    finally:
        signal.signal(signal.SIGTERM, before)
        driver.setLevel(level)


def _run(
    settings: Settings, folder: Path, limit: int | None, strategies: list[str], *, keep_vectors: bool
) -> Results:
    from lorebot.evaluation.results import summarise
    from lorebot.evaluation.run import evaluate as run
    from lorebot.wiring import open_services

    with open_services(settings) as services, progress_bars() as progress:
        evaluation = run(
            services,
            folder,
            limit=limit,
            strategies=strategies,
            keep_vectors=keep_vectors,
            progress=progress,
        )
    return summarise(evaluation)


def _write(results: Results, report: Path | None, table: Path | None) -> None:
    if report is not None:
        from lorebot.evaluation.report import write_report

        write_report(results, report)
    if table is not None:
        from lorebot.evaluation.table import write_table

        write_table(results, table)


def _show(results: Results) -> None:
    evaluation = results.evaluation
    _show_table(results)
    embedded = "" if evaluation.embedded is None else f", {evaluation.embedded:,} texts embedded now"
    console().print(
        f"{evaluation.documents:,} documents, {evaluation.chunks:,} chunks{embedded}, "
        f"indexed in {evaluation.index_seconds:.1f} s"
    )
    if len(results.results) == 1:
        low, high = results.main.intervals["ndcg@10"]
        console().print(f"nDCG@10 {results.main.means['ndcg@10']:.3f}, 95 % interval {low:.3f} to {high:.3f}")
    if results.rival is not None:
        difference = results.difference(results.main.strategy, results.rival.strategy)
        low, high = difference.intervals["ndcg@10"]
        console().print(
            f"{results.main.strategy} − {results.rival.strategy}: nDCG@10 {difference.means['ndcg@10']:+.3f} "
            f"({low:+.3f} to {high:+.3f})"
        )


def _show_table(results: Results) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    evaluation = results.evaluation
    title = f"{evaluation.collection}: {len(evaluation.judged.queries):,} questions"
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), title=title)
    table.add_column("strategy", no_wrap=True)
    for heading in (*_SHOWN.values(), "p50 ms", "p95 ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in results.results:
        figures = [f"{each.means[name]:.3f}" for name in _SHOWN]
        table.add_row(each.strategy, *figures, *(f"{value:.1f}" for value in each.latency_ms.values()))
    console().print(table)
