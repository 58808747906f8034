"""The runs of refreshes: the job writes how far it is, whoever asked for it reads.

A run waits, is running, and ends as done (with a report) or failed (with one sentence for an admin). At most
one run of a source waits at a time; who asks for another one gets the waiting one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from psycopg import Connection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from indexer import statements
from indexer.passes import EVERYTHING, Pass

if TYPE_CHECKING:
    # Not at run time: who only reads runs needs no embedding model.
    from indexer.refresh import RefreshReport


_TOO_OFTEN = "The refresh was interrupted too often; see the worker's log."
_HANDED_OVER = "The refresh was interrupted; the next one is queued already."


class RunState(StrEnum):
    """Where a run is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class RunTicket:
    """What somebody gets who asks for a refresh."""

    id: int
    source: str
    #: False when a run of this source was waiting already, and this is that one.
    created: bool


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a run is to do."""

    passes: frozenset[Pass]
    full: bool


@dataclass(frozen=True, kw_only=True)
class Run:
    """One refresh of one source."""

    id: int
    source: str
    passes: frozenset[Pass]
    full: bool
    #: A Slack user id, "schedule" or "command line".
    requested_by: str
    state: RunState
    #: What is being done, for people; None before the first progress.
    phase: str | None
    #: Items done of ``total``, when known.
    done: int | None
    total: int | None
    #: The fields of an ``indexer.refresh.RefreshReport``.
    report: dict[str, Any] | None
    error: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def finished(self) -> bool:
        """Done or failed: nothing will change any more."""
        return self.state in (RunState.DONE, RunState.FAILED)


def request(
    connection: Connection,
    source: str,
    *,
    passes: Collection[Pass] = EVERYTHING,
    full: bool,
    requested_by: str,
) -> RunTicket:
    """A waiting run of the source: a new one, or the one that waits already, which then does what both asked for.

    Runs in the caller's transaction, so that the run and the job that does it are created together.
    """
    parameters = {"source": source, "passes": sorted(passes), "full": full, "requested_by": requested_by}
    with connection.cursor(row_factory=class_row(RunTicket)) as cursor:
        ticket = cursor.execute(_sql("request"), parameters).fetchone()
    assert ticket is not None, "insert … returning gives a row"
    return ticket


def start(pool: ConnectionPool, run_id: int, *, source: str) -> tuple[int, Order] | None:
    """Mark a run as running: this one, or when it is over another one of its source that is not.

    Returns which, and what it is to do; None when there is nothing to do.
    """
    with pool.connection() as connection:
        row = connection.execute(_sql("start"), {"id": run_id, "source": source}).fetchone()
    return None if row is None else (row[0], Order(passes=frozenset(map(Pass, row[1])), full=row[2]))


def progress(pool: ConnectionPool, run_id: int, *, phase: str, done: int, total: int | None) -> None:
    """Say how far a running run is."""
    with pool.connection() as connection:
        connection.execute(_sql("progress"), {"id": run_id, "phase": phase, "done": done, "total": total})


def finish(pool: ConnectionPool, run_id: int, report: RefreshReport) -> None:
    """End a run with its figures."""
    with pool.connection() as connection:
        connection.execute(_sql("finish"), {"id": run_id, "report": Jsonb(asdict(report))})


def fail(pool: ConnectionPool, run_id: int, error: str) -> None:
    """End a run with one sentence for an admin; a run that is over stays as it is."""
    with pool.connection() as connection:
        connection.execute(_sql("fail"), {"id": run_id, "error": error})


def interrupt(connection: Connection, source: str, *, most: int) -> int | None:
    """Make what is running of a source wait again, or have the run that waits do it as well.

    A run that was interrupted ``most`` times is given up. Returns the run that waits, if one does.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        running = cursor.execute(_sql("running"), {"source": source}).fetchall()
    for row in running:
        if row["interruptions"] + 1 >= most:
            connection.execute(_sql("fail"), {"id": row["id"], "error": _TOO_OFTEN})
        elif connection.execute(_sql("wait_again"), row).rowcount == 0:
            connection.execute(_sql("hand_over"), row)
            connection.execute(_sql("fail"), {"id": row["id"], "error": _HANDED_OVER})
    row_waiting = connection.execute(_sql("waiting"), {"source": source}).fetchone()
    return None if row_waiting is None else int(row_waiting[0])


def left_behind(pool: ConnectionPool) -> list[str]:
    """Sources with a run that is not over although no job is left to do it."""
    with pool.connection() as connection:
        return [row[0] for row in connection.execute(_sql("left_behind"))]


def read(pool: ConnectionPool, run_ids: Iterable[int]) -> list[Run]:
    """These runs, oldest first; unknown ids are left out."""
    return _runs(pool, "read", {"ids": list(run_ids)})


def latest(pool: ConnectionPool) -> list[Run]:
    """The newest run of each source, by name."""
    return _runs(pool, "latest", {})


def purge(pool: ConnectionPool, *, days: int) -> int:
    """Delete runs that ended more than so many days ago; returns how many."""
    with pool.connection() as connection:
        return connection.execute(_sql("purge"), {"days": days}).rowcount


def _runs(pool: ConnectionPool, name: str, parameters: dict[str, Any]) -> list[Run]:
    with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_sql(name), parameters).fetchall()
    return [
        Run(**(row | {"state": RunState(row["state"]), "passes": frozenset(map(Pass, row["passes"]))}))
        for row in rows
    ]


def _sql(name: str) -> Any:
    return statements.load("indexer", "runs.sql")[name]
