"""``lorebot demo``: the whole product on a sample company, on this machine alone."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lorebot.commands.common import Config, Verbose, start
from lorebot.commands.sandbox import Deployment, Kind

if TYPE_CHECKING:
    from lorebot.settings import Settings
    from lorebot.wiring import Services

#: Of the page; the Atlassian site takes the next one. Fixed, so that links in the index stay right.
DEFAULT_PORT = 8765

#: Who may re-index in the demo: the people of these groups, everybody where a site has none of them.
_ADMIN_GROUPS = frozenset({"it", "admins", "site-admins"})


def demo(
    site: Annotated[
        Path | None, typer.Option("--site", help="Another site folder (default: the sample company).")
    ] = None,
    deployment: Kind = Deployment.CLOUD,
    port: Annotated[int, typer.Option(min=1, max=65534, help="Of the page.")] = DEFAULT_PORT,
    config: Config = None,
    verbose: Verbose = False,
) -> None:
    """Try Lorebot: a Slack-like page, a sample company, and everything between them, on this machine."""
    settings = start(config, verbose=verbose)
    folder = (site or sample_company()).resolve()
    with _sandbox_process(folder, deployment, port) as addresses:
        _serve(demo_settings(settings, folder, deployment, addresses), folder, addresses)


def sample_company() -> Path:
    """The site folder of the sample company that comes with Lorebot."""
    return Path(str(resources.files("sandbox").joinpath("company")))


@contextmanager
def _sandbox_process(folder: Path, deployment: Deployment, port: int) -> Iterator[dict[str, Any]]:
    """The sandbox as a process of its own, as Slack and Atlassian are; gives its addresses."""
    command = [sys.executable, "-m", "lorebot", "sandbox", "--site", str(folder)]
    command += ["--deployment", deployment.value, "--port", str(port), "--with-stdin"]
    process = subprocess.Popen(  # noqa: S603 (our own command line)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise typer.Exit(1)  # its reason, one line, is on stderr already
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(timeout=10)


def demo_settings(
    settings: Settings, folder: Path, deployment: Deployment, addresses: dict[str, Any]
) -> Settings:
    """The demo's own sources, Slack and embedded database; embedding, search and model as they are configured.

    Nothing else of the configuration counts: the demo must never write to a real index or a real workspace.
    """
    from lorebot.embedder import model_exports
    from lorebot.settings import build_settings

    slack = addresses["slack"]
    sources = [
        {"name": name, "kind": kind, "deployment": deployment.value, **addresses[kind]}
        for name, kind in (("wiki", "confluence"), ("tickets", "jira"))
    ]
    digest = hashlib.sha256(f"{folder}:{deployment}".encode()).hexdigest()[:8]
    values = {
        "data_dir": settings.data_dir / f"demo-{digest}",
        # Models are prepared once for the installation, and not for each site.
        "embedding": settings.embedding.model_copy(update={"exports": model_exports(settings)}),
        "search": settings.search,
        "model": settings.model,
        "slack": {
            "bot_token": slack["bot_token"],
            "app_token": slack["app_token"],
            "base_url": slack["base_url"],
            "admins": _admins(folder),
        },
        "sources": sources,
        "schedules": {"refresh": "1m", "sweep": ""},
    }
    return build_settings(values, where="the demo", environment=False)


def _people(folder: Path) -> list[dict[str, Any]]:
    path = folder / "site.json"
    return list(json.loads(path.read_text("utf-8")).get("users", [])) if path.exists() else []


def _admins(folder: Path) -> list[str]:
    people = _people(folder)
    admins = [person["email"] for person in people if _ADMIN_GROUPS & set(person.get("groups", []))]
    return admins or [person["email"] for person in people]


def _serve(settings: Settings, folder: Path, addresses: dict[str, Any]) -> None:
    from lorebot.processes import Parts, run
    from lorebot.wiring import open_services
    from schedules.jobs import ensure_job_schema
    from schedules.queue import RefreshQueue

    with open_services(settings) as services:
        ensure_job_schema(services.pool)
        # The sandbox forgets its edits when it ends, so what an earlier demo stored may be newer than the site.
        queue = RefreshQueue(services.pool)
        tickets = [queue.request(source.name, full=True, requested_by="demo") for source in settings.sources]
        watching = threading.Thread(
            target=_watch, args=(services, [ticket.id for ticket in tickets], folder, addresses), daemon=True
        )
        parts = Parts(bot=True, worker=True, scheduler=True)
        asyncio.run(run(services, parts, on_ready=watching.start))


def _watch(services: Services, run_ids: list[int], folder: Path, addresses: dict[str, Any]) -> None:
    """Tell where to go, then show the first indexing until it is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from indexer import runs

    out = Console(stderr=True)
    out.print(_welcome(folder, addresses), highlight=False)
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out) as bars:
        tasks: dict[tuple[str, str], Any] = {}
        open_runs = runs.read(services.pool, run_ids)
        pause = threading.Event()
        while any(not run.finished for run in open_runs):
            pause.wait(0.5)
            open_runs = runs.read(services.pool, run_ids)
            for each in open_runs:
                if each.phase is not None:
                    key = (each.source, each.phase)
                    if key not in tasks:
                        # The phase before may have ended between two looks.
                        for (source, _), task in tasks.items():
                            if source == each.source:
                                bars.update(task, completed=bars.tasks[task].total or 0)
                        tasks[key] = bars.add_task(f"{each.source}: {each.phase}")
                    bars.update(tasks[key], completed=each.done or 0, total=each.total)
    for each in open_runs:
        if each.report:
            out.print(f"  {each.source}: {each.report['documents']:,} documents are searchable.")
        else:
            out.print(f"  [red]{each.source}: {each.error}[/red]")


def _welcome(folder: Path, addresses: dict[str, Any]) -> str:
    lines = [
        f"\n[bold]Open {addresses['page_url']}[/bold] and write to @lorebot in a channel, or to it directly."
    ]
    questions = _questions(folder)
    if questions:
        lines.append("For example:")
        lines += [f"  • {question}" for question in questions]
    lines.append(
        f"Tickets: {addresses['jira']['url']}, pages: {addresses['confluence']['url']}. Ctrl-C ends the demo.\n"
    )
    return "\n".join(lines)


def _questions(folder: Path, count: int = 4) -> list[str]:
    path = folder / "queries.jsonl"
    if not path.exists():
        return []
    rows = path.read_text("utf-8").splitlines()[:count]
    return [str(json.loads(row)["text"]) for row in rows]
