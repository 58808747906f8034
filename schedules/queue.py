"""Asking for work: a refresh is recorded and queued in one transaction, so neither exists without the other.

Needs no running worker and none of the parts that do the work; any process that has the database may ask.
"""

from __future__ import annotations

import contextlib

import structlog
from procrastinate import SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task
from psycopg_pool import ConnectionPool

from indexer import runs
from indexer.runs import RunTicket

log = structlog.get_logger(__name__)

#: The name of the task in ``schedules.jobs`` that does a refresh.
REFRESH_TASK = "lorebot:refresh"


class RefreshQueue:
    """Puts refreshes into the queue; thread-safe."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        # Never opened: each job goes in on the connection of the transaction that also records its run.
        self._jobs = JobManager(SyncPsycopgConnector())

    def request(self, source: str, *, full: bool = False, requested_by: str) -> RunTicket:
        """Queue a refresh of the source; when one waits already, that one is returned.

        One that is running does not count: it may have read past what has changed since.
        """
        with self._pool.connection() as connection:
            ticket = runs.request(connection, source, full=full, requested_by=requested_by)
            # Also for a run that waits already: should its job have been lost, there is one again.
            with contextlib.suppress(AlreadyEnqueued), connection.transaction():
                configure_task(
                    name=REFRESH_TASK,
                    job_manager=self._jobs,
                    queueing_lock=f"refresh:{source}",
                    lock=f"source:{source}",
                    connection=connection,
                ).defer(run_id=ticket.id, source=source)
        log.info("refresh_requested", source=source, run=ticket.id, created=ticket.created, full=full)
        return ticket
