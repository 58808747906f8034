"""Learning a tuning from the index as it is now, judging it, and making it live where it gains.

Documents are split into a part to learn from and a part to judge on, the same way every time: what an earlier tuning
was learned from never judges a later one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import psycopg
import structlog
from numpy.typing import NDArray
from psycopg_pool import ConnectionPool

from indexer.adaptation import tunings
from indexer.adaptation.examples import examples
from indexer.adaptation.judging import Gain, Scorer, by_vectors, paired_gain
from indexer.adaptation.learning import Floats, Schooling, fit
from indexer.adaptation.pairs import Pair, PairKind, Sample, held_out, read_structure
from indexer.adaptation.tunings import Tuning, TuningError, TuningState, live_tuning
from indexer.embedding import Embedder
from indexer.locks import own_connection
from indexer.models import follow

log = structlog.get_logger(__name__)

#: Of the documents so many are kept for judging.
HELD_OUT = 0.3
#: With fewer pairs on either side nothing is learned: luck would decide.
FEWEST_PAIRS = 100
#: Names the split; with another number earlier tunings would be judged by what they were learned from.
SPLIT = 1
#: Questions that are embedded at a time.
_BATCH = 64
#: "adapt" in ASCII.
_LOCK = 0x6164617074

#: Told the phase ("reading", "embedding", "learning", "judging") and how much is done, of how much.
Report = Callable[[str, int, int], None]


class Outcome(StrEnum):
    """What a training came to."""

    #: It gains, and is live.
    PROMOTED = "promoted"
    #: It gains, and was not to be promoted.
    CANDIDATE = "candidate"
    #: It does not gain, or it could be luck.
    REJECTED = "rejected"
    #: There is too little to learn from.
    TOO_SMALL = "too small"


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training that is over."""

    outcome: Outcome
    #: Of the tuning; None where there was too little to learn from.
    tuning_id: int | None
    #: What was live and did worse than nothing, so that it was taken back.
    taken_back: int | None
    #: Figures alone (docs/adaptation.md).
    metrics: Mapping[str, Any]
    seconds: float


def train(
    pool: ConnectionPool,
    embedder: Embedder,
    *,
    promote: bool = True,
    schooling: Schooling | None = None,
    progress: Report = lambda phase, done, total: None,
) -> Training:
    """Learn a tuning, and make it live if it gains over what is live with 95 % confidence.

    Raises:
        TuningError: another training is under way.
    """
    started = time.monotonic()
    with _one_training(pool):
        model_id = follow(pool, embedder).id
        progress("reading", 0, 1)
        with pool.connection() as connection:
            structure = read_structure(connection, model_id, seed=SPLIT)
            live = live_tuning(connection, model_id)
        learning, judging = _split(structure.pairs)
        metrics: dict[str, Any] = {"chunks": len(structure.sample.chunks), "learned_from": _counts(learning)}
        outcome, tuning_id, taken_back = Outcome.TOO_SMALL, None, None
        if min(len(learning), len(judging)) >= FEWEST_PAIRS:
            vectors = _embed([*learning, *judging], embedder, progress)
            progress("learning", 0, 1)
            matrix = _learn(
                learning, vectors[: len(learning)], structure.sample, schooling or Schooling(), judging
            )
            progress("judging", 0, 1)
            score = by_vectors(judging, vectors[len(learning) :], structure.sample)
            verdict = _judge(judging, score, matrix, live)
            metrics |= verdict.metrics
            with pool.connection() as connection, connection.transaction():
                taken_back = tunings.take_back(connection, live.id) if live and verdict.live_loses else None
                state = TuningState.CANDIDATE if verdict.gains else TuningState.REJECTED
                tuning_id = tunings.add(
                    connection, model_id=model_id, matrix=matrix, weights=None, metrics=metrics, state=state
                )
                if verdict.gains and promote:
                    tunings.promote(connection, tuning_id)
            outcome = _outcome(gains=verdict.gains, promote=promote)
    seconds = round(time.monotonic() - started, 1)
    log.info("adaptation_trained", tuning=tuning_id, outcome=outcome, taken_back=taken_back, seconds=seconds)
    return Training(
        outcome=outcome, tuning_id=tuning_id, taken_back=taken_back, metrics=metrics, seconds=seconds
    )


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    gains: bool
    #: What is live does worse than nothing.
    live_loses: bool
    metrics: dict[str, Any]


def _outcome(*, gains: bool, promote: bool) -> Outcome:
    if not gains:
        return Outcome.REJECTED
    return Outcome.PROMOTED if promote else Outcome.CANDIDATE


def _split(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Those to learn from and those to judge on, which share no document."""
    sides = [held_out(pair, share=HELD_OUT, seed=SPLIT) for pair in pairs]
    learning = [pair for pair, side in zip(pairs, sides, strict=True) if side is False]
    return learning, [pair for pair, side in zip(pairs, sides, strict=True) if side is True]


def _embed(pairs: Sequence[Pair], embedder: Embedder, progress: Report) -> Floats:
    blocks = []
    for start in range(0, len(pairs), _BATCH):
        progress("embedding", start, len(pairs))
        blocks.append(embedder.encode([pair.question for pair in pairs[start : start + _BATCH]], query=True))
    return np.concatenate(blocks)


def _learn(
    pairs: Sequence[Pair], questions: Floats, sample: Sample, schooling: Schooling, judging: Sequence[Pair]
) -> Floats:
    """The map; documents of the pairs that judge are not even held against those that are learned from."""
    kept = {document for pair in judging for document in pair.documents}
    allowed: NDArray[np.bool_] = ~np.isin(sample.documents, list(kept))
    return fit(examples(pairs, questions, sample, allowed, seed=SPLIT), schooling, seed=SPLIT)


def _judge(pairs: Sequence[Pair], score: Scorer, matrix: Floats, live: Tuning | None) -> _Verdict:
    """Compare with what is live; with nothing, where that does worse than nothing."""
    plain, now = score(None), score(live) if live else None
    present = None if now is None else paired_gain(pairs, plain, now, seed=SPLIT)
    live_loses = present is not None and present.is_confident_loss
    before = plain if now is None or live_loses else now
    after = score(Tuning(id=0, matrix=matrix, weights=None))
    gain = paired_gain(pairs, before, after, seed=SPLIT)
    kinds = _by_kind(pairs, before, after)
    metrics = {
        "ndcg": asdict(gain),
        "kinds": {kind.value: asdict(each) for kind, each in kinds.items()},
        "live": None if present is None else asdict(present),
        "moved": round(float(np.linalg.norm(matrix - np.eye(len(matrix)))), 4),
    }
    harms = any(each.is_confident_loss for each in kinds.values())
    return _Verdict(gains=gain.is_confident and not harms, live_loses=live_loses, metrics=metrics)


def _by_kind(
    pairs: Sequence[Pair], before: NDArray[np.float64], after: NDArray[np.float64]
) -> dict[PairKind, Gain]:
    rows = {kind: [at for at, pair in enumerate(pairs) if pair.kind is kind] for kind in PairKind}
    return {
        kind: paired_gain([pairs[at] for at in chosen], before[chosen], after[chosen], seed=SPLIT)
        for kind, chosen in rows.items()
        if chosen
    }


def _counts(pairs: Sequence[Pair]) -> dict[str, int]:
    return {kind.value: sum(pair.kind is kind for pair in pairs) for kind in PairKind}


@contextlib.contextmanager
def _one_training(pool: ConnectionPool) -> Iterator[None]:
    """Hold the lock of trainings, on a connection of its own: it ends with the process, kill -9 included."""
    with own_connection(pool) as connection:
        (locked,) = connection.execute("select pg_try_advisory_lock(%s)", [_LOCK]).fetchone() or (False,)
        if not locked:
            raise TuningError("The search is being adapted just now; wait until that is done.")
        try:
            yield
        finally:
            with contextlib.suppress(psycopg.OperationalError):
                connection.execute("select pg_advisory_unlock(%s)", [_LOCK])
