"""Tunings in the database: one live for each model, promoting, rolling back, and what processes see of it."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from indexer.adaptation.tunings import (
    LiveTunings,
    TuningError,
    TuningState,
    add,
    entries,
    live_tuning,
    promote,
    roll_back,
    take_back,
)

MATRIX = np.array([[0, -1], [1, 0]], dtype=np.float32)


def model(connection: Connection, name: str = "tiny") -> int:
    """A model with vectors of two numbers."""
    row = connection.execute(
        "insert into embedding_models (name, dimensions) values (%s, 2) returning id", [name]
    ).fetchone()
    assert row is not None
    return int(row[0])


def learned(connection: Connection, model_id: int) -> int:
    """A candidate."""
    return add(
        connection,
        model_id=model_id,
        matrix=MATRIX,
        weights={"cosine": 0.7},
        metrics={"ndcg": {"gain": 0.01}},
    )


def states(connection: Connection) -> dict[int, str]:
    """By id."""
    return {entry.id: entry.state for entry in entries(connection)}


def test_a_tuning_comes_back_as_it_was_stored(pool: ConnectionPool) -> None:
    """Once it is live; the vector that it gives has length 1."""
    with pool.connection() as connection:
        model_id = model(connection)
        tuning_id = learned(connection, model_id)
        assert live_tuning(connection, model_id) is None
        promote(connection, tuning_id)
        tuning = live_tuning(connection, model_id)
    assert tuning is not None
    assert (tuning.id, tuning.weights) == (tuning_id, {"cosine": 0.7})
    assert tuning.matrix is not None
    assert np.array_equal(tuning.matrix, MATRIX)
    applied = tuning.apply(np.array([[3, 4], [0, 2]], dtype=np.float32))
    assert applied.tolist() == pytest.approx(np.array([[-0.8, 0.6], [-1, 0]]))


def test_rolling_back_brings_back_what_was_live_before(pool: ConnectionPool) -> None:
    """Step by step down to none, and what was rejected stays so."""
    with pool.connection() as connection:
        model_id = model(connection)
        first, second, third = (learned(connection, model_id) for _ in range(3))
        for each in (first, second, third):
            promote(connection, each)
        assert states(connection) == {first: "retired", second: "retired", third: "live"}
        assert roll_back(connection, model_id) == (third, second)
        assert roll_back(connection, model_id) == (second, first)
        assert roll_back(connection, model_id) == (first, None)
        assert set(states(connection).values()) == {TuningState.REJECTED}
        assert live_tuning(connection, model_id) is None
        with pytest.raises(TuningError, match="No tuning is live"):
            roll_back(connection, model_id)


def test_what_was_rejected_can_be_promoted(pool: ConnectionPool) -> None:
    """People decide."""
    with pool.connection() as connection:
        model_id = model(connection)
        first = learned(connection, model_id)
        promote(connection, first)
        roll_back(connection, model_id)
        promote(connection, first)
        assert states(connection) == {first: "live"}


def test_each_model_has_its_own(pool: ConnectionPool) -> None:
    """Promoting one leaves that of another model live."""
    with pool.connection() as connection:
        one, other = model(connection, "one"), model(connection, "other")
        first, second = learned(connection, one), learned(connection, other)
        promote(connection, first)
        promote(connection, second)
        assert states(connection) == {first: "live", second: "live"}
        assert take_back(connection, first) == first
        assert states(connection) == {first: "rejected", second: "live"}


def test_the_database_itself_keeps_two_from_being_live(pool: ConnectionPool) -> None:
    """Whatever statement is run."""
    with pool.connection() as connection:
        model_id = model(connection)
        learned(connection, model_id)
        learned(connection, model_id)
    with pytest.raises(psycopg.errors.UniqueViolation), pool.connection() as connection:
        connection.execute("update tunings set state = 'live'")


@pytest.mark.parametrize("live", [True, False])
def test_what_cannot_be_promoted_is_said(pool: ConnectionPool, live: bool) -> None:
    """In one sentence."""
    with pool.connection() as connection:
        tuning_id = learned(connection, model(connection)) if live else 77
        if live:
            promote(connection, tuning_id)
        with pytest.raises(TuningError, match="is live already" if live else "There is no tuning 77"):
            promote(connection, tuning_id)


def test_processes_see_another_live_tuning_after_their_time(pool: ConnectionPool) -> None:
    """Until then they keep what they have, without asking."""
    patient, eager = LiveTunings(look_again_after=3600), LiveTunings(look_again_after=0)
    with pool.connection() as connection:
        model_id = model(connection)
        first, second = learned(connection, model_id), learned(connection, model_id)
        promote(connection, first)
    seen = [patient.get(pool, model_id), eager.get(pool, model_id)]
    with pool.connection() as connection:
        promote(connection, second)
    seen += [patient.get(pool, model_id), eager.get(pool, model_id)]
    with pool.connection() as connection:
        roll_back(connection, model_id)
        roll_back(connection, model_id)
    assert eager.get(pool, model_id) is None
    assert [tuning and tuning.id for tuning in seen] == [first, first, first, second]
