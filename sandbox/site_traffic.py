"""What goes over the wire of the Atlassian applications: counts and a log of requests, faults put in on purpose, and
a limit of the rate."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Any

from sandbox.errors import ChangeError


@dataclass(kw_only=True)
class Fault:
    """Answers `times` requests whose path (with query) matches, after having let `after` of them pass.

    Instead of the application's answer: a status with headers and body, a cut connection, an answer that is cut in
    the middle (`truncate`: after so many bytes, -1 is half of them), or none until the client gives up (`timeout`).
    """

    path: re.Pattern[str]
    method: str | None
    times: int
    after: int
    status: int
    headers: dict[str, str]
    body: str
    reset: bool
    timeout: bool
    truncate: int
    delay_seconds: float


@dataclass(kw_only=True)
class Bucket:
    """A token bucket: `burst` requests at once, and `per_second` more as time goes by."""

    per_second: float
    burst: int
    clock: Callable[[], float] = monotonic
    tokens: float = 0
    filled: float = 0

    def __post_init__(self) -> None:
        self.tokens, self.filled = float(self.burst), self.clock()

    def take(self) -> float:
        """Take a token; what is returned are the seconds to wait where there is none, otherwise 0."""
        now = self.clock()
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.per_second)
        self.filled = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0
        return (1 - self.tokens) / self.per_second

    def headers(self, wait: float) -> dict[str, str]:
        """What a refused request is told, as Atlassian writes it."""
        return {
            "Retry-After": str(max(1, ceil(wait))),
            "X-RateLimit-Limit": str(self.burst),
            "X-RateLimit-Remaining": str(int(self.tokens)),
            "X-RateLimit-NearLimit": "true",
            "RateLimit-Reason": "jira-burst-based",
        }


@dataclass
class Traffic:
    """Requests are counted under method and route template, such as `GET /rest/api/3/issue/{issue}`.

    `log` holds one entry a request while `log_on`: method, route, path, query (pairs, sorted), names of the JSON
    body's fields, status. `refused` counts what the rate limit answered.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    log_on: bool = False
    bucket: Bucket | None = None
    refused: int = 0

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The first fault that applies to this request, used up by one."""
        for fault in list(self.faults):
            if fault.method not in (None, method) or not fault.path.search(path):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
            return fault
        return None


def read_fault(data: dict[str, Any]) -> Fault:
    """Read the admin API's JSON; `status` 0 with a delay only slows the request down.

    Raises:
        ChangeError: the description is not usable.
    """
    try:
        method, body, truncate = data.get("method"), data.get("body", ""), data.get("truncate", 0)
        return Fault(
            path=re.compile(str(data.get("path", ""))),
            method=str(method).upper() if method else None,
            times=int(data.get("times", 1)),
            after=int(data.get("after", 0)),
            status=int(data.get("status", 0)),
            headers={str(name): str(value) for name, value in data.get("headers", {}).items()},
            body=body if isinstance(body, str) else json.dumps(body),
            reset=bool(data.get("reset", False)),
            timeout=bool(data.get("timeout", False)),
            truncate=-1 if truncate is True else int(truncate),
            delay_seconds=float(data.get("delay_seconds", 0)),
        )
    except (re.error, TypeError, ValueError, AttributeError) as exc:
        raise ChangeError(f"That is not a usable fault ({exc}): give path, status and times.") from exc


def read_limit(data: dict[str, Any]) -> Bucket | None:
    """Read `{"per_second", "burst"}`; an empty object lifts the limit. Raises ChangeError."""
    if not data:
        return None
    try:
        bucket = Bucket(per_second=float(data["per_second"]), burst=int(data.get("burst", 1)))
    except (KeyError, TypeError, ValueError) as exc:
        raise ChangeError("A rate limit is {'per_second': number, 'burst': number}.") from exc
    if bucket.per_second <= 0 or bucket.burst < 1:
        raise ChangeError("A rate limit lets something pass: per_second above 0 and a burst of at least 1.")
    return bucket
