"""From rankings to figures: means, intervals and differences, and the JSON that ``lorebot eval`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.ranking import DEFAULT_STRATEGY
from lorebot.evaluation.bootstrap import interval, resampled_means
from lorebot.evaluation.plain import PLAIN
from lorebot.evaluation.run import Evaluation, Run
from lorebot.evaluation.scores import FIGURES, percentile, score_queries

Bounds = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much better one strategy is than another on the same questions, by figure."""

    strategy: str
    against: str
    means: Mapping[str, float]
    intervals: Mapping[str, Bounds]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One strategy's figures."""

    run: Run
    #: Shape (questions, figures), in the order of the collection and of :data:`scores.FIGURES`.
    by_query: NDArray[np.float64]
    means: Mapping[str, float]
    intervals: Mapping[str, Bounds]
    #: Milliseconds: p50 and p95.
    latency_ms: Mapping[str, float]

    @property
    def strategy(self) -> str:
        """Its name."""
        return self.run.strategy

    def figure(self, name: str) -> NDArray[np.float64]:
        """One figure of every question."""
        return self.by_query[:, FIGURES.index(name)]


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything that an evaluation gives."""

    evaluation: Evaluation
    results: Sequence[Result]
    #: Of every two strategies.
    differences: Sequence[Difference]

    @property
    def main(self) -> Result:
        """The strategy that the others are shown against: the search's default, else the first of the search's."""
        ours = [each for each in self.results if each.strategy not in PLAIN]
        default = [each for each in ours if each.strategy == DEFAULT_STRATEGY]
        return (default or ours or list(self.results))[0]

    @property
    def rival(self) -> Result | None:
        """What the main one is held against: the best plain strategy, else the best other one, by nDCG@10."""
        others = [each for each in self.results if each is not self.main]
        plain = [each for each in others if each.strategy in PLAIN]
        return max(plain or others, key=lambda each: each.means["ndcg@10"], default=None)

    def difference(self, strategy: str, against: str) -> Difference:
        """Of two strategies, in this order."""
        for each in self.differences:
            if (each.strategy, each.against) == (strategy, against):
                return each
            if (each.strategy, each.against) == (against, strategy):
                return Difference(
                    strategy=strategy,
                    against=against,
                    means={name: -mean for name, mean in each.means.items()},
                    intervals={name: (-high, -low) for name, (low, high) in each.intervals.items()},
                )
        raise KeyError((strategy, against))


def summarise(evaluation: Evaluation) -> Results:
    """Score every run, with 95 % bootstrap intervals of the figures and of the differences."""
    scores = [score_queries(run.rankings, evaluation.judged.relevant) for run in evaluation.runs]
    # The same resamples for all: (resamples, strategies, figures).
    means = resampled_means(np.stack(scores, axis=1))
    results = [
        Result(
            run=run,
            by_query=scores[number],
            means=_named(scores[number].mean(axis=0)),
            intervals=_bounds(means[:, number]),
            latency_ms={f"p{percent}": percentile(run.latencies_ms, percent) for percent in (50, 95)},
        )
        for number, run in enumerate(evaluation.runs)
    ]
    differences = [
        Difference(
            strategy=results[one].strategy,
            against=results[other].strategy,
            means=_named((scores[one] - scores[other]).mean(axis=0)),
            intervals=_bounds(means[:, one] - means[:, other]),
        )
        for one, other in combinations(range(len(results)), 2)
    ]
    return Results(evaluation=evaluation, results=results, differences=differences)


def _named(values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(FIGURES, values, strict=True)}


def _bounds(means: NDArray[np.float64]) -> dict[str, Bounds]:
    low, high = interval(means)
    return {name: (_named(low)[name], _named(high)[name]) for name in FIGURES}


def as_json(results: Results) -> dict[str, Any]:
    """What ``--json`` prints: the flat object for one strategy, a list of them and their differences for several."""
    evaluation = results.evaluation
    index: dict[str, Any] = {
        "documents": evaluation.documents,
        "chunks": evaluation.chunks,
        "index_seconds": evaluation.index_seconds,
    }
    if evaluation.embedded is not None:
        index["embedded"] = evaluation.embedded
    strategies = [_flat(each) for each in results.results]
    if len(strategies) == 1:
        return strategies[0] | index
    return {
        "collection": evaluation.collection,
        **index,
        "strategies": [each | index for each in strategies],
        "differences": [
            {
                "strategy": each.strategy,
                "against": each.against,
                **each.means,
                "intervals": each.intervals,
            }
            for each in results.differences
        ],
    }


def _flat(result: Result) -> dict[str, Any]:
    return {
        "strategy": result.strategy,
        "queries": len(result.by_query),
        **result.means,
        "latency_ms": result.latency_ms,
        "intervals": result.intervals,
    }
