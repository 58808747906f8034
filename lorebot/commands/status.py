"""``lorebot status``: sources, freshness, queue and models at a glance."""

from __future__ import annotations

from typing import Any

import typer

from lorebot.commands.common import Config, Json, Verbose, ago, console, print_json, start


def status(as_json: Json = False, config: Config = None, verbose: Verbose = False) -> None:
    """Show sources, freshness, queue and models."""
    settings = start(config, verbose=verbose)
    from bot.inbox import Inbox
    from indexer import runs
    from indexer.status import sources, unreadable
    from lorebot.wiring import open_services

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
                "embedding": services.embedder.name,
                "answers": settings.model.name or settings.model.base_url or "extractive",
            },
            "database": "embedded" if settings.database.url is None else "external",
        }
    if as_json:
        print_json(found)
    else:
        _show(found, [table.name for table in settings.sources])


def _show(found: dict[str, Any], configured: list[str]) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = console()
    table = Table("source", "documents", "chunks", "with vector", "failed", "refreshed", "newest change")
    for each in found["sources"]:
        figures = (each.documents, each.chunks, each.embedded, each.failed)
        moments = (ago(each.last_finished), ago(each.watermark))
        table.add_row(each.name, *(f"{figure:,}" for figure in figures), *moments)
    for name in sorted(set(configured) - {each.name for each in found["sources"]}):
        table.add_row(name, "0", "0", "0", "0", "never", "never")
    out.print(table)
    for each in found["sources"]:
        if each.last_error:
            out.print(f"[red]{escape(each.name)}[/red] {escape(each.last_error)}")
    for run in found["runs"]:
        if not run.finished:
            of = f" of {run.total:,}" if run.total else ""
            out.print(f"{run.source}: {run.phase or 'waiting'} {f'{run.done:,}{of}' if run.done else ''}")
    for document in found["unreadable"]:
        out.print(
            f"[yellow]{escape(document.source)} {escape(document.external_id)}[/yellow] {escape(document.reason)}"
        )
    out.print(
        f"Waiting or under way: {found['queue']['questions']} questions, {found['queue']['refreshes']} refreshes."
    )
    out.print(
        f"Embeddings by {found['models']['embedding']}, answers: {escape(found['models']['answers'])}, "
        f"database: {found['database']}."
    )
    if not table.row_count:
        typer.echo("No source is configured: add a [[sources]] table to lorebot.toml (see the README).")
