"""Planned failures of the Web API and the record of its calls: how tests see 429s, 500s and retries."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.slack.models import Json


@dataclass(kw_only=True)
class Fault:
    """Answer `method` (``*``: any) with this status, headers and body, `times` times."""

    method: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    times: int = 1
    delay: float = 0.0


class FaultPlan:
    """The faults that are still to come, first planned first served."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plan one fault."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Plan none."""
        self._faults.clear()

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets, if any."""
        fault = next((each for each in self._faults if each.method in ("*", method)), None)
        if fault:
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
        return fault


class CallRecord:
    """How often each method was called, and the last arguments (without tokens)."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.calls: deque[tuple[str, Json]] = deque(maxlen=500)

    def add(self, method: str, args: Json) -> None:
        """Note one call."""
        self.counts[method] += 1
        self.calls.append((method, {key: value for key, value in args.items() if key != "token"}))
