"""``lorebot doctor``: checks every connection and says how to mend each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import typer

from lorebot.commands.common import Config, Json, Verbose, console, print_json, start

if TYPE_CHECKING:
    from indexer.embedding import Embedder
    from lorebot.settings import Settings
    from lorebot.sources import SourceTable


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was tried."""

    name: str
    ok: bool
    #: What was found, or what to do.
    detail: str


def doctor(as_json: Json = False, config: Config = None, verbose: Verbose = False) -> None:
    """Check every connection and permission, and say how to mend each."""
    settings = start(config, verbose=verbose)
    from rich.markup import escape

    checks = []
    for name, attempt in _attempts(settings):
        check = _try(name, attempt)
        checks.append(check)
        if not as_json:
            mark = "[green]ok[/green]    " if check.ok else "[red]failed[/red]"
            console().print(
                f"{mark} {escape(f'{check.name}: {check.detail}')}", highlight=False, soft_wrap=True
            )
    healthy = all(check.ok for check in checks)
    if as_json:
        print_json({"ok": healthy, "checks": checks})
    if not healthy:
        raise typer.Exit(1)


def _try(name: str, attempt: Callable[[], str]) -> Check:
    from bot.errors import BotError
    from connectors.errors import ConnectorError
    from indexer.errors import IndexerError
    from inference.errors import InferenceError
    from lorebot.errors import LorebotError

    try:
        return Check(name=name, ok=True, detail=attempt())
    except (LorebotError, ConnectorError, IndexerError, InferenceError, BotError) as error:
        return Check(name=name, ok=False, detail=str(error))


def _attempts(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    from lorebot.wiring import find_sources

    yield "database", lambda: _database(settings)
    yield "permissions", lambda: _wall(settings)
    yield "embedding model", lambda: _embedding(settings)
    yield "language model", lambda: _model(settings)
    yield "Slack", lambda: _slack(settings)
    if not settings.sources:
        yield "sources", lambda: str(find_sources(settings, None))
    for table in settings.sources:
        yield f"source {table.name}", partial(check_source, settings, table)


def _database(settings: Settings) -> str:
    from lorebot.wiring import open_services

    with open_services(settings) as services, services.pool.connection() as connection:
        (server,) = connection.execute("show server_version").fetchone() or ("?",)
        (vector,) = connection.execute(
            "select extversion from pg_extension where extname = 'vector'"
        ).fetchone() or ("?",)
    kind = "embedded" if settings.database.url is None else "external"
    return f"PostgreSQL {server} ({kind}) with pgvector {vector}; the schema is up to date."


def _wall(settings: Settings) -> str:
    from indexer.readers import wall_gap
    from lorebot.errors import DatabaseError
    from lorebot.wiring import open_services

    with open_services(settings) as services:
        gap = wall_gap(services.pool)
    if gap is not None:
        raise DatabaseError(f"Searches are filtered, but have no wall behind the filter: {gap}.")
    return "searches read in a role that sees only what the people who ask may read."


def check_source(settings: Settings, table: SourceTable) -> str:
    from lorebot.sources import FilesTable
    from lorebot.wiring import build_connector, open_services

    if isinstance(table, FilesTable) or table.way_in != "oauth":
        return build_connector(table).check()
    # A refresh token is spent by use: the next one must be kept where the other processes find it.
    with open_services(settings) as services:
        return build_connector(table, services.reach).check()


def _embedding(settings: Settings) -> str:
    from indexer import models
    from lorebot.embedder import build_embedder
    from lorebot.errors import DatabaseError
    from lorebot.wiring import model_disagreement, open_services

    try:
        with open_services(settings) as services:
            live = models.live(services.pool)
            if live:
                services.embedder.use(live.name, live.location)
            return " ".join(filter(None, (_vectors(services.embedder), model_disagreement(services))))
    except DatabaseError:
        # Another check tells of it; the model that is configured may be as it should all the same.
        return _vectors(build_embedder(settings))


def _vectors(embedder: Embedder) -> str:
    length = embedder.encode(["test"]).shape[1]
    by = embedder.model.backend
    return f"{embedder.name} gives vectors of {length} numbers by {by}."


def _model(settings: Settings) -> str:
    from lorebot.wiring import build_model

    model = build_model(settings)
    if model is None:
        return "none is configured: answers are quoted from the sources."
    return f"{model.name} with a context of {model.context_tokens:,} tokens."


def _slack(settings: Settings) -> str:
    from bot.check import check_slack
    from lorebot.wiring import build_slack_config

    return check_slack(build_slack_config(settings))
