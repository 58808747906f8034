"""Asking for work: a refresh is recorded and queued in one transaction, so neither exists without the other.

Needs no running worker and none of the parts that do the work; any process that has the database may ask.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Any

import structlog
from procrastinate import SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task
from psycopg import Connection
from psycopg_pool import ConnectionPool

from indexer import reading_list, runs
from indexer.passes import EVERYTHING, Pass
from indexer.reading_list import Priority
from indexer.runs import RunTicket

log = structlog.get_logger(__name__)

#: The name of the task in ``schedules.jobs`` that does a refresh.
REFRESH_TASK = "lorebot:refresh"

#: That in ``schedules.adaptation`` that adapts the search.
ADAPT_TASK = "lorebot:adapt"

#: Procrastinate takes the highest priority first: somebody waits to see what they just wrote.
_HINT = 10

#: Seconds, for a database that is starting.
_AFTER_INTERRUPTION = 2


class RefreshQueue:
    """Puts refreshes into the queue; thread-safe."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        # Never opened: each job goes in on the connection of the transaction that also records its run.
        self._jobs = JobManager(SyncPsycopgConnector())

    def request(
        self,
        source: str,
        *,
        passes: Collection[Pass] = EVERYTHING,
        full: bool = False,
        requested_by: str,
    ) -> RunTicket:
        """Queue a refresh of the source; one that waits already is returned, and then does what both asked for.

        One that is running does not count: it may have read past what has changed since.
        """
        with self._pool.connection() as connection:
            ticket = self._queue(connection, source, passes=passes, full=full, requested_by=requested_by)
        log.info(
            "refresh_requested",
            source=source,
            run=ticket.id,
            created=ticket.created,
            passes=sorted(passes),
            full=full,
        )
        return ticket

    def hint(self, source: str, source_ids: Collection[str], *, requested_by: str) -> RunTicket:
        """Note that these documents changed, or are gone, and queue a refresh that reads them before all else.

        A refresh that is running reads them too, at its next batch.
        """
        with self._pool.connection() as connection:
            reading_list.note(connection, source, source_ids, priority=Priority.HINT)
            ticket = self._queue(
                connection, source, passes=(), full=False, requested_by=requested_by, priority=_HINT
            )
        log.info("documents_hinted", source=source, run=ticket.id, documents=len(source_ids))
        return ticket

    def queue_again(self, source: str, *, most: int) -> None:
        """What was running of a source, and was interrupted, is queued again, unless that was ``most`` times."""
        with self._pool.connection() as connection:
            again = runs.interrupt(connection, source, most=most)
            if again is not None:
                self._defer(connection, again, source, schedule_in={"seconds": _AFTER_INTERRUPTION})
        log.info("refresh_queued_again", source=source, run=again)

    def _queue(
        self,
        connection: Connection,
        source: str,
        *,
        passes: Collection[Pass],
        full: bool,
        requested_by: str,
        priority: int = 0,
    ) -> RunTicket:
        ticket = runs.request(connection, source, passes=passes, full=full, requested_by=requested_by)
        # Also for a run that waits already: should its job have been lost, there is one again.
        self._defer(connection, ticket.id, source, priority=priority)
        return ticket

    def _defer(self, connection: Connection, run_id: int, source: str, **options: Any) -> None:
        with contextlib.suppress(AlreadyEnqueued), connection.transaction():
            configure_task(
                name=REFRESH_TASK,
                job_manager=self._jobs,
                queueing_lock=f"refresh:{source}",
                lock=f"source:{source}",
                connection=connection,
                **options,
            ).defer(run_id=run_id, source=source)
