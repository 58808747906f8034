"""The long-running parts, together or apart: the bot, the worker and the scheduler in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import structlog

from bot.app import create_bot
from indexer.adaptation.training import Report, train
from indexer.passes import EVERYTHING, Pass
from indexer.refresh import Progress, RefreshReport, refresh
from indexer.runs import Order, RunTicket
from lorebot.settings import SchedulesTable
from lorebot.webhooks import WebhookServer
from lorebot.wiring import (
    Services,
    build_assistant,
    build_connector,
    build_slack_config,
    find_sources,
    webhook_secrets,
)
from schedules.adaptation import schedule_adaptation
from schedules.jobs import create_jobs, ensure_job_schema
from schedules.queue import RefreshQueue
from schedules.triggers import ScheduledRefresh, create_scheduler, parse_schedule
from schedules.worker import Worker

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What this process does."""

    bot: bool = False
    worker: bool = False
    scheduler: bool = False


async def run(services: Services, parts: Parts, *, on_ready: Callable[[], None] | None = None) -> None:
    """Run the parts until SIGINT or SIGTERM, then stop them in order, letting running answers finish.

    Raises:
        ConfigError: a part is not configured.
        SlackRefusedError: Slack refuses the tokens or does not answer.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ensure_job_schema(services.pool)
    async with contextlib.AsyncExitStack() as stack:
        # What asks for work is stopped before what does it.
        if parts.worker:
            await stack.enter_async_context(_worker(services))
        if parts.scheduler:
            stack.enter_context(_scheduler(services))
            await stack.enter_async_context(_webhooks(services))
        if parts.bot:
            await stack.enter_async_context(_bot(services))
        if on_ready:
            on_ready()
        await stop.wait()
        log.info("stopping")


@contextlib.asynccontextmanager
async def _worker(services: Services) -> AsyncIterator[None]:
    def refresh_source(source: str, order: Order, progress: Callable[[Progress], None]) -> RefreshReport:
        (table,) = find_sources(services.settings, source)
        return refresh(
            services.pool,
            build_connector(table, services.reach),
            services.embedder,
            passes=order.passes,
            full=order.full,
            mode=services.settings.embedding.mode,
            progress=progress,
        )

    def adapt(report: Report) -> None:
        train(services.pool, services.embedder, progress=report)

    app = create_jobs(services.database_url, pool=services.pool, refresh_source=refresh_source, adapt=adapt)
    worker = Worker(app, concurrency=max(2, len(services.settings.sources)))
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task


@contextlib.contextmanager
def _scheduler(services: Services) -> Iterator[None]:
    entries = [
        ScheduledRefresh(source=source.name, trigger=parse_schedule(text), passes=passes, full=full)
        for source in services.settings.sources
        for text, passes, full in _passes(services.settings.schedules)
        if text
    ]
    scheduler = create_scheduler(entries, RefreshQueue(services.pool), run_at_start=True)
    if services.settings.schedules.adaptation:
        trigger = parse_schedule(services.settings.schedules.adaptation)
        schedule_adaptation(scheduler, trigger, services.pool)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


@contextlib.asynccontextmanager
async def _webhooks(services: Services) -> AsyncIterator[None]:
    """Beside the scheduler, because they too only ask for work."""
    table, secrets = services.settings.webhooks, webhook_secrets(services.settings)
    if table.port is None or not secrets:
        yield
        return
    async with WebhookServer(services.pool, secrets=secrets, host=table.host, port=table.port):
        yield


def _passes(schedules: SchedulesTable) -> list[tuple[str, frozenset[Pass], bool]]:
    """When which passes are made, and which of them in full."""
    return [
        (schedules.refresh, frozenset({Pass.CHANGES}), False),
        (schedules.permissions, frozenset({Pass.PERMISSIONS}), False),
        (schedules.sweep, frozenset({Pass.SWEEP}), False),
        (schedules.full, EVERYTHING, True),
    ]


@contextlib.asynccontextmanager
async def _bot(services: Services) -> AsyncIterator[None]:
    queue = RefreshQueue(services.pool)
    names = [source.name for source in services.settings.sources]

    async def reindex(source: str | None, full: bool, requested_by: str) -> list[RunTicket]:
        wanted = [name for name in names if source in (None, name)]
        return [
            await asyncio.to_thread(queue.request, name, full=full, requested_by=requested_by)
            for name in wanted
        ]

    bot = create_bot(
        build_slack_config(services.settings),
        pool=services.pool,
        assistant=build_assistant(services),
        reindex=reindex,
        source_names=names,
        model=model_name(services),
    )
    # The first question should not wait for PyTorch.
    loading = asyncio.create_task(asyncio.to_thread(services.embedder.load))
    await bot.start()
    try:
        yield
    finally:
        await bot.stop()
        await loading


def model_name(services: Services) -> str:
    """What answers, for people."""
    model = services.settings.model
    if model.base_url is None:
        return "none (answers are quoted from the sources)"
    return model.name or f"the model at {model.base_url}"
