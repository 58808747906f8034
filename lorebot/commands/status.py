"""``lorebot status``: sources, freshness, queue and models at a glance."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import typer

from lorebot.commands.common import Config, Json, Verbose, ago, console, print_json, start


def status(as_json: Json = False, config: Config = None, verbose: Verbose = False) -> None:
    """Show sources, freshness, queue and models."""
    settings = start(config, verbose=verbose)
    from bot.inbox import Inbox
    from indexer import models, runs
    from indexer.status import sources, unreadable
    from lorebot.wiring import model_disagreement, model_in_use, open_services

    with open_services(settings) as services:
        latest = runs.latest(services.pool)
        found = {
            "sources": sources(services.pool),
            "runs": latest,
            "queue": {
                "questions": Inbox(services.pool, lease_seconds=0).open_count(),
                "refreshes": sum(not run.finished for run in latest),
            },
            "unreadable": unreadable(services.pool),
            "models": {
                "embedding": model_in_use(services),
                "answers": settings.model.name or settings.model.base_url or "extractive",
            },
            "vectors": models.coverage(services.pool),
            "disagreement": model_disagreement(services),
            "database": "embedded" if settings.database.url is None else "external",
        }
    if as_json:
        print_json(found)
    else:
        _show(found, [table.name for table in settings.sources])


def _show(found: dict[str, Any], configured: list[str]) -> None:
    from rich.markup import escape

    out = console()
    _show_sources(found["sources"], configured)
    for each in found["sources"]:
        for sentence in dict.fromkeys(filter(None, (each.last_error, *each.refused))):
            out.print(f"[red]{escape(each.name)}[/red] {escape(sentence)}")
    for run in found["runs"]:
        if not run.finished:
            of = f" of {run.total:,}" if run.total else ""
            out.print(f"{run.source}: {run.phase or 'waiting'} {f'{run.done:,}{of}' if run.done else ''}")
    _show_unreadable(found["unreadable"])
    out.print(
        f"Waiting or under way: {found['queue']['questions']} questions, {found['queue']['refreshes']} refreshes."
    )
    out.print(
        f"Embeddings by {escape(found['models']['embedding'])}, answers: {escape(found['models']['answers'])}, "
        f"database: {found['database']}."
    )
    for model in found["vectors"]:
        if not model.live:
            out.print(
                f"Vectors of {escape(model.name)} are being made: {model.embedded:,} of {model.chunks:,}; if nobody "
                f"is at it, `lorebot index --embedding-model {escape(model.name)}` goes on.",
                highlight=False,
            )
    if found["disagreement"]:
        out.print(escape(found["disagreement"]), highlight=False)


def _show_sources(sources: list[Any], configured: list[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    # Whole headings and as little else as there can be, so that millions of chunks fit 80 columns.
    table = Table("source", box=SIMPLE_HEAD, padding=0)
    for heading in ("documents", "chunks", "vectors", "to read", "failed"):
        table.add_column(heading, min_width=len(heading), justify="right")
    for heading in ("changes", "sweep", "rights"):
        table.add_column(heading, no_wrap=True)
    for each in sources:
        figures = (each.documents, each.chunks, each.embedded, each.waiting, each.failed)
        moments = (each.last_changes, each.last_sweep, each.last_permissions)
        times = (ago(moment, short=True) for moment in moments)
        table.add_row(each.name, *(f"{figure:,}" for figure in figures), *times)
    for name in sorted(set(configured) - {each.name for each in sources}):
        table.add_row(name, *["0"] * 5, *["never"] * 3)
    console().print(table)
    if not table.row_count:
        typer.echo("No source is configured: add a [[sources]] table to lorebot.toml (see the README).")


def _show_unreadable(documents: list[Any]) -> None:
    """What could not be read, why, and when it is tried again."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if not documents:
        return
    table = Table(box=SIMPLE_HEAD, padding=0)
    table.add_column("not read", no_wrap=True)
    # Ids are broken where they are longer than 24 characters; else the reason gives way.
    longest = max(len(each.external_id) for each in documents)
    table.add_column("document", width=max(8, min(longest, 24)), overflow="fold")
    table.add_column("reason")
    for heading in ("attempts", "next try (UTC)"):
        table.add_column(heading, no_wrap=True)
    for each in documents:
        next_try = f"{each.next_try.astimezone(UTC):%Y-%m-%d %H:%M}"
        table.add_row(each.source, Text(each.external_id), Text(each.reason), str(each.attempts), next_try)
    console().print(table)
