"""One history: a served site, what happens to it, and the reader that is disturbed while it reads."""

from __future__ import annotations

import asyncio
import multiprocessing.context
import multiprocessing.process
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg_pool import ConnectionPool

from indexer.embedding import Embedder
from indexer.passes import EVERYTHING, Pass
from indexer.refresh import refresh
from sandbox.site import Site
from sandbox.site_traffic import read_fault
from tests.convergence.histories import edit
from tests.convergence.reader import Task, connectors, run

FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 429, "headers": {"Retry-After": "0"}},
    {"status": 429, "headers": {"Retry-After": "3600"}},
    {"status": 500},
    {"status": 503},
    {"status": 502, "body": "<html>Bad gateway</html>"},
    {"reset": True},
    {"timeout": True},
    {"truncate": -1},
)
PASSES = (
    {Pass.CHANGES},
    {Pass.SWEEP},
    {Pass.PERMISSIONS},
    {Pass.CHANGES, Pass.PERMISSIONS},
    EVERYTHING,
    set(),
)
#: A reader makes about so many requests: it is disturbed at one of them.
REQUESTS = 25


@dataclass(kw_only=True)
class Past:
    """What has happened; ``diary`` tells it to who looks for a fault."""

    site: Site
    #: The loop that serves the site: who changes it there comes between two requests.
    loop: asyncio.AbstractEventLoop
    pool: ConnectionPool
    task: Task
    processes: multiprocessing.context.ForkServerContext
    choose: random.Random
    diary: list[str] = field(default_factory=list)
    kills: int = 0

    def edits(self, count: int) -> None:
        """People work."""
        for _ in range(count):
            self.diary.append(self._between_requests(lambda: edit(self.site, self.choose)))

    def faults(self, count: int) -> None:
        """The next requests, or some later ones, fail."""
        for _ in range(count):
            fault = self.choose.choice(FAULTS) | {"after": self.choose.randint(0, REQUESTS)}
            fault["times"] = self.choose.choice((1, 1, 2, 6))
            self.diary.append(f"fault {fault}")
            self._between_requests(lambda fault=fault: self.site.traffic.faults.append(read_fault(fault)))

    def disturbed_refresh(self) -> None:
        """A refresh in a process of its own, in the middle of which people work and which may be killed."""
        passes = self.choose.choice(PASSES)
        self.diary.append(f"refresh {sorted(passes)}")
        reader = self.processes.Process(target=run, args=(replace(self.task, passes=tuple(passes)),))
        begun = self._requests()
        reader.start()
        if self.choose.random() < 0.5:
            self._wait(reader, begun + self.choose.randint(1, REQUESTS))
            self.edits(self.choose.randint(1, 3))
        if self.choose.random() < 0.5:
            self._wait(reader, self._requests() + self.choose.randint(0, REQUESTS))
            if reader.is_alive():
                reader.kill()
                self.kills += 1
                self.diary.append("kill -9")
        reader.join()
        assert reader.exitcode in (0, -signal.SIGKILL), self.diary

    def peace(self) -> None:
        """Nothing fails any more."""
        self._between_requests(self.site.traffic.faults.clear)

    def refresh(self, task: Task) -> None:
        """One whole refresh that nobody disturbs."""
        for connector in connectors(task):
            refresh(self.pool, connector, Embedder(), mode="lazy", progress=lambda _: None)

    def _wait(self, reader: multiprocessing.process.BaseProcess, requests: int) -> None:
        while reader.is_alive() and self._requests() < requests:
            reader.join(0.002)

    def _requests(self) -> int:
        return sum(list(self.site.traffic.counts.values()))

    def _between_requests(self, act: Callable[[], Any]) -> Any:
        async def step() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(step(), self.loop).result(30)
