"""Learning a tuning from the index as it is now, judging it, and making it live where it gains.

Documents are split into a part to learn from and a part to judge on, the same way every time: what an earlier tuning
was learned from never judges a later one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import count
from typing import Any

import numpy as np
import psycopg
import structlog
from numpy.typing import NDArray
from psycopg import Connection
from psycopg_pool import ConnectionPool

from indexer.adaptation import tunings
from indexer.adaptation.examples import examples
from indexer.adaptation.judging import Scorer, Verdict, by_search, by_vectors, judge, paired_gain
from indexer.adaptation.learning import Floats, Schooling, fit
from indexer.adaptation.pairs import Pair, PairKind, Sample, held_out, read_structure
from indexer.adaptation.tunings import FixedTuning, Tuning, TuningError, TuningState, live_tuning
from indexer.adaptation.weights import tune_weights
from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.locks import own_connection
from indexer.models import follow
from indexer.search import search

log = structlog.get_logger(__name__)

#: Of the documents so many are kept for judging.
HELD_OUT = 0.3
#: With fewer pairs on either side nothing is learned: luck would decide.
FEWEST_PAIRS = 100
#: Names the split; with another number earlier tunings would be judged by what they were learned from.
SPLIT = 1
#: Of each kind, pairs that are searched for at most.
MOST_JUDGED = 400
#: Chunks of a search: enough for ten documents, most of the time.
HITS = 50
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
            # Counting the chunks of tens of millions takes longer than a search may.
            connection.execute("set local statement_timeout = '15min'")
            structure = read_structure(connection, model_id, seed=SPLIT)
            live = live_tuning(connection, model_id)
        learning, judging = _split(structure.pairs)
        metrics: dict[str, Any] = {"chunks": len(structure.sample.chunks), "learned_from": _counts(learning)}
        outcome, tuning_id, taken_back = Outcome.TOO_SMALL, None, None
        if min(len(learning), len(judging)) >= FEWEST_PAIRS:
            school = _School(pool, embedder, structure.sample, progress)
            candidate = school.teach(learning, judging, schooling or Schooling())
            verdict = school.judge(judging, candidate, live)
            metrics |= verdict.metrics
            with pool.connection() as connection, connection.transaction():
                taken_back = tunings.take_back(connection, live.id) if live and verdict.live_loses else None
                tuning_id = _record(connection, model_id, candidate, verdict, metrics)
                if verdict.gains and promote:
                    tunings.promote(connection, tuning_id)
            outcome = _outcome(gains=verdict.gains, promote=promote)
    seconds = round(time.monotonic() - started, 1)
    log.info("adaptation_trained", tuning=tuning_id, outcome=outcome, taken_back=taken_back, seconds=seconds)
    return Training(
        outcome=outcome, tuning_id=tuning_id, taken_back=taken_back, metrics=metrics, seconds=seconds
    )


class _School:
    """Teaches a candidate and judges it; keeps what both need."""

    def __init__(self, pool: ConnectionPool, embedder: Embedder, sample: Sample, progress: Report) -> None:
        self._pool = pool
        self._embedder = embedder
        self._sample = sample
        self._progress = progress

    def teach(self, pairs: Sequence[Pair], judging: Sequence[Pair], schooling: Schooling) -> Tuning:
        """A map from all pairs, then weights from the links among them."""
        questions = self._embed(pairs)
        self._progress("learning", 0, 1)
        # Documents of the pairs that judge are not even held against those that are learned from.
        kept = {document for pair in judging for document in pair.documents}
        allowed: NDArray[np.bool_] = ~np.isin(self._sample.documents, list(kept))
        matrix = fit(examples(pairs, questions, self._sample, allowed, seed=SPLIT), schooling, seed=SPLIT)
        links = [pair for pair in pairs if pair.kind is PairKind.LINK][:MOST_JUDGED]
        weights = None
        if len(links) >= FEWEST_PAIRS:
            weights = tune_weights(links, self._search(links, "learning"), matrix, seed=SPLIT)
        return Tuning(id=0, matrix=matrix, weights=weights)

    def judge(self, pairs: Sequence[Pair], candidate: Tuning, live: Tuning | None) -> Verdict:
        """By what people get; beside it in the metrics by the vectors alone, which shows what the map does."""
        judging = [pair for kind in PairKind for pair in [p for p in pairs if p.kind is kind][:MOST_JUDGED]]
        verdict = judge(judging, self._search(judging, "judging"), candidate, live, seed=SPLIT)
        score = by_vectors(judging, self._embed(judging), self._sample)
        alone = paired_gain(judging, score(None), score(candidate), seed=SPLIT)
        assert candidate.matrix is not None
        moved = float(np.linalg.norm(candidate.matrix - np.eye(len(candidate.matrix))))
        return replace(
            verdict, metrics=verdict.metrics | {"vectors": asdict(alone), "moved": round(moved, 4)}
        )

    def _embed(self, pairs: Sequence[Pair]) -> Floats:
        blocks = []
        for start in range(0, len(pairs), _BATCH):
            self._progress("embedding", start, len(pairs))
            questions = [pair.question for pair in pairs[start : start + _BATCH]]
            blocks.append(self._embedder.encode(questions, query=True))
        return np.concatenate(blocks)

    def _search(self, pairs: Sequence[Pair], phase: str) -> Scorer:
        done = count()

        def retrieve(question: str, tuning: Tuning | None) -> Sequence[tuple[int, int]]:
            self._progress(phase, next(done) % len(pairs), len(pairs))
            result = search(
                self._pool,
                self._embedder,
                question,
                audience=Audience.operator(),
                limit=HITS,
                tunings=FixedTuning(tuning),
            )
            return [(hit.chunk_id, hit.document_id) for hit in result.hits]

        return by_search(pairs, retrieve)


def _record(
    connection: Connection, model_id: int, candidate: Tuning, verdict: Verdict, metrics: Mapping[str, Any]
) -> int:
    return tunings.add(
        connection,
        model_id=model_id,
        matrix=candidate.matrix,
        weights=candidate.weights,
        metrics=metrics,
        state=TuningState.CANDIDATE if verdict.gains else TuningState.REJECTED,
    )


def _outcome(*, gains: bool, promote: bool) -> Outcome:
    if not gains:
        return Outcome.REJECTED
    return Outcome.PROMOTED if promote else Outcome.CANDIDATE


def _split(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Those to learn from and those to judge on, which share no document."""
    sides = [held_out(pair, share=HELD_OUT, seed=SPLIT) for pair in pairs]
    learning = [pair for pair, side in zip(pairs, sides, strict=True) if side is False]
    return learning, [pair for pair, side in zip(pairs, sides, strict=True) if side is True]


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
