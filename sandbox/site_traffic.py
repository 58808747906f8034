"""What goes over the wire of the Atlassian applications: counts of requests, and faults put in on purpose."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import ChangeError


@dataclass(kw_only=True)
class Fault:
    """Answers the next `times` requests whose path (with query) matches, instead of the application."""

    path: re.Pattern[str]
    method: str | None
    times: int
    status: int
    headers: dict[str, str]
    body: str
    reset: bool
    delay_seconds: float


@dataclass
class Traffic:
    """Requests are counted under method and route template, such as `GET /rest/api/3/issue/{issue}`."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The first fault that applies to this request, used up by one."""
        for fault in self.faults:
            if fault.method in (None, method) and fault.path.search(path):
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
        method = data.get("method")
        body = data.get("body", "")
        return Fault(
            path=re.compile(str(data.get("path", ""))),
            method=str(method).upper() if method else None,
            times=int(data.get("times", 1)),
            status=int(data.get("status", 0)),
            headers={str(name): str(value) for name, value in data.get("headers", {}).items()},
            body=body if isinstance(body, str) else json.dumps(body),
            reset=bool(data.get("reset", False)),
            delay_seconds=float(data.get("delay_seconds", 0)),
        )
    except (re.error, TypeError, ValueError, AttributeError) as exc:
        raise ChangeError(f"That is not a usable fault ({exc}): give path, status and times.") from exc
