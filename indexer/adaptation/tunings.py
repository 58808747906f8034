"""Tunings in the database: which one is live, promoting, rolling back.

A tuning belongs to an embedding model and changes nothing that is stored: its matrix is multiplied by the
question's vector, its weights replace those of the fusion. Taking it back is therefore one statement.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from indexer.errors import IndexerError
from indexer.statements import load

SQL = load("indexer.adaptation", "tunings.sql")

#: Seconds after which a process looks again whether another tuning became live.
LOOK_AGAIN_AFTER = 5.0


class TuningError(IndexerError):
    """A tuning cannot be promoted or rolled back."""


class TuningState(StrEnum):
    """Where a tuning is."""

    CANDIDATE = "candidate"
    LIVE = "live"
    RETIRED = "retired"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What searches with a model apply."""

    id: int
    #: Shape (dimensions, dimensions), float32; None: vectors stay as they are.
    matrix: NDArray[np.float32] | None
    #: Fields of :class:`indexer.ranking.Ranking` by name; None: all stay as they are.
    weights: Mapping[str, float] | None

    def apply(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """The question's vector, or one a row, as it is to be searched with: of length 1."""
        if self.matrix is None:
            return vector
        mapped = vector @ self.matrix.T
        return np.asarray(mapped / np.linalg.norm(mapped, axis=-1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class TuningEntry:
    """A tuning as it is listed."""

    id: int
    #: The name of the embedding model.
    model: str
    state: str
    adapts_vectors: bool
    weights: dict[str, float] | None
    #: Figures alone (docs/adaptation.md names them).
    metrics: dict[str, Any]
    created_at: datetime
    decided_at: datetime | None


def live_tuning(connection: Connection, model_id: int) -> Tuning | None:
    """The tuning that searches with this model use now; None for none.

    Half a megabyte: who searches often asks :class:`LiveTunings`.
    """
    row = connection.execute(SQL["live_tuning"], {"model_id": model_id}).fetchone()
    if row is None:
        return None
    id_, matrix, weights = row
    return Tuning(id=id_, matrix=None if matrix is None else _matrix(matrix), weights=weights)


class LiveTunings:
    """The live tuning of each model, read again when another one became live. Thread-safe."""

    def __init__(self, *, look_again_after: float = LOOK_AGAIN_AFTER) -> None:
        self._look_again_after = look_again_after
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, Tuning | None]] = {}

    def get(self, pool: ConnectionPool, model_id: int) -> Tuning | None:
        """The tuning to search with; at most ``look_again_after`` seconds old."""
        with self._lock:
            looked_at, tuning = self._known.get(model_id, (float("-inf"), None))
        now = time.monotonic()
        if now - looked_at <= self._look_again_after:
            return tuning
        with pool.connection() as connection:
            row = connection.execute(SQL["live_tuning_id"], {"model_id": model_id}).fetchone()
            if (row and row[0]) != (tuning and tuning.id):
                tuning = live_tuning(connection, model_id)
        with self._lock:
            self._known[model_id] = (now, tuning)
        return tuning


class FixedTuning(LiveTunings):
    """One tuning, or none, for searches that try it out."""

    def __init__(self, tuning: Tuning | None) -> None:
        super().__init__()
        self._tuning = tuning

    def get(self, pool: ConnectionPool, model_id: int) -> Tuning | None:
        """That one, whichever is live."""
        return self._tuning


def add(
    connection: Connection,
    *,
    model_id: int,
    matrix: NDArray[np.float32] | None,
    weights: Mapping[str, float] | None,
    metrics: Mapping[str, Any],
    state: TuningState = TuningState.CANDIDATE,
) -> int:
    """Store a tuning that was learned; returns its id. ``promote`` makes it live."""
    row = {
        "model_id": model_id,
        "matrix": None if matrix is None else np.ascontiguousarray(matrix, dtype="<f4").tobytes(),
        "weights": None if weights is None else Jsonb(dict(weights)),
        "metrics": Jsonb(dict(metrics)),
        "state": state.value,
    }
    (id_,) = connection.execute(SQL["add"], row).fetchone() or (0,)
    return int(id_)


def promote(connection: Connection, tuning_id: int) -> None:
    """Make a tuning live, whatever it is now; the one that was live before is retired.

    Raises:
        TuningError: there is no such tuning, or it is live already.
    """
    with connection.transaction():
        key = {"id": tuning_id}
        connection.execute(SQL["lock_model"], key)
        row = connection.execute(SQL["state"], key).fetchone()
        if row is None:
            raise TuningError(f"There is no tuning {tuning_id}; `lorebot adapt list` shows those that exist.")
        if row[0] == TuningState.LIVE:
            raise TuningError(f"The tuning {tuning_id} is live already.")
        connection.execute(SQL["retire_live"], key)
        connection.execute(SQL["make_live"], key)


def roll_back(connection: Connection, model_id: int) -> tuple[int, int | None]:
    """Reject the live tuning and bring back what was live before it, be it none; returns both ids.

    Raises:
        TuningError: no tuning is live.
    """
    with connection.transaction():
        key = {"model_id": model_id}
        connection.execute(SQL["lock_live_model"], key)
        rejected = connection.execute(SQL["reject_live"], key).fetchone()
        if rejected is None:
            raise TuningError("No tuning is live: searches are as they were built.")
        previous = connection.execute(SQL["previous"], key).fetchone()
        if previous is None:
            return rejected[0], None
        connection.execute(SQL["make_live"], {"id": previous[0]})
        return rejected[0], previous[0]


def take_back(connection: Connection, tuning_id: int) -> int:
    """Reject a tuning that is live, without another one in its place; returns its id."""
    connection.execute(SQL["take_back"], {"id": tuning_id})
    return tuning_id


def entries(connection: Connection, *, limit: int = 50) -> list[TuningEntry]:
    """The newest tunings of all models, newest first."""
    with connection.cursor(row_factory=class_row(TuningEntry)) as cursor:
        return cursor.execute(SQL["entries"], {"limit": limit}).fetchall()


def _matrix(stored: bytes) -> NDArray[np.float32]:
    values = np.frombuffer(stored, dtype="<f4")
    dimensions = round(len(values) ** 0.5)
    return values.reshape(dimensions, dimensions).astype(np.float32, copy=False)
