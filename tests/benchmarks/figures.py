"""What a benchmark measures: figures with their unit, their samples and, where there is one, their target."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str
    #: The repeats that the value is the median of; empty for a single measurement and for percentiles.
    samples: tuple[float, ...] = ()
    #: The value should stay at or below it; None where nothing is promised.
    at_most: float | None = None
    #: The value should stay at or above it.
    at_least: float | None = None

    @property
    def missed(self) -> bool:
        """The value is on the wrong side of its target."""
        too_much = self.at_most is not None and self.value > self.at_most
        return too_much or (self.at_least is not None and self.value < self.at_least)

    @property
    def target(self) -> str:
        """The promise in words; empty where there is none."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return "" if self.at_most is None else f"at most {self.at_most:g}"


def median(
    name: str,
    samples: Sequence[float],
    unit: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Figure:
    """The median of repeats, which a single disturbance on a busy machine does not move."""
    return Figure(
        name=name,
        value=statistics.median(samples),
        unit=unit,
        samples=tuple(samples),
        at_most=at_most,
        at_least=at_least,
    )


def percentiles(name: str, samples: Sequence[float], unit: str) -> list[Figure]:
    """p50 and p95 (nearest rank) of many single measurements."""
    ordered = sorted(samples)
    return [
        Figure(
            name=f"{name}, p{percent}",
            value=ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)],
            unit=unit,
        )
        for percent in (50, 95)
    ]
