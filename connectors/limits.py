"""Good manners towards one site: few requests at once, and nobody sends while the site asks for quiet.

One :class:`SiteLimiter` is shared by all threads and clients of a process that read the same host.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import BoundedSemaphore, Lock

import structlog

from connectors.errors import SourceUnavailableError
from connectors.rate_headers import Advice, read_advice

log = structlog.get_logger(__name__)

REQUESTS_AT_ONCE = 4

#: Everybody wakes up to this share of the pause later than asked, each at another moment.
_JITTER = 0.1
_SITE = ""
#: Ids and keys in a path: ``rest/api/3/issue/OPS-7/comment`` is the same resource for every issue.
_VARIABLE = re.compile(r"(?<=/)(?!v?\d(?:/|$))(?:[^/]*\d[^/]*|~[^/]*|[A-Z][A-Z0-9_]+)(?=/|$)")


@dataclass
class _Lane:
    """The whole site, or one resource of it. Moments on the limiter's clock."""

    opens_at: float = 0.0
    gap: float = 0.0


def endpoint(method: str, path: str) -> str:
    """The resource that a rate limit counts: method and path with ids and keys left out."""
    return f"{method} {_VARIABLE.sub('*', '/' + path.partition('?')[0].lstrip('/'))}"


class SiteLimiter:
    """Lets threads send to a site, a few at a time and not before it is ready."""

    def __init__(
        self,
        host: str,
        *,
        at_once: int = REQUESTS_AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        luck: Callable[[], float] = random.random,
    ) -> None:
        """The clocks, the sleep and the luck (0 to 1) are for tests."""
        self._host = host
        self._places = BoundedSemaphore(at_once)
        self._clock, self._today, self._sleep, self._luck = clock, today, sleep, luck
        self._lock = Lock()
        self._lanes: dict[str, _Lane] = {_SITE: _Lane()}

    @contextmanager
    def turn(self, resource: str, *, longest: float) -> Iterator[None]:
        """Wait for a place and for the end of every pause, and hold the place inside.

        Args:
            resource: what :func:`endpoint` gives.
            longest: a pause of more seconds than this is not waited for.

        Raises:
            SourceUnavailableError: the site asked for a longer pause.
        """
        while not self._takes_place(resource, longest):
            pass
        try:
            yield
        finally:
            self._places.release()

    def learn(
        self, resource: str, status: int, headers: Mapping[str, str], *, otherwise: float = 0.0
    ) -> bool:
        """Note what an answer says; returns whether the next request to the resource has to wait.

        ``otherwise`` is the pause after a 429 that does not say how long.
        """
        advices = read_advice(status, headers, now=self._today())
        if status == 429 and not any(advice.pause for advice in advices):
            advices += (Advice(pause=otherwise),)
        with self._lock:
            gaps = {_SITE: 0.0, resource: 0.0}
            for advice in advices:
                name = resource if advice.endpoint_only else _SITE
                gaps[name] = max(gaps[name], advice.gap)
                lane = self._lanes.setdefault(name, _Lane())
                lane.opens_at = max(lane.opens_at, self._clock() + advice.pause)
            for name, gap in gaps.items():
                if gap or name in self._lanes:
                    self._lanes.setdefault(name, _Lane()).gap = gap
        pauses = [advice.pause for advice in advices if advice.pause]
        if pauses:
            log.info("site.asks_for_quiet", host=self._host, resource=resource, seconds=max(pauses))
        return bool(pauses)

    def _takes_place(self, resource: str, longest: float) -> bool:
        wait = self._wait(resource, longest)
        if wait > 0:
            self._sleep(wait * (1 + _JITTER * self._luck()))
            return False
        self._places.acquire()
        with self._lock:
            if all(lane.opens_at <= self._clock() for lane in self._lanes_of(resource)):
                for lane in self._lanes_of(resource):
                    lane.opens_at = self._clock() + lane.gap if lane.gap else lane.opens_at
                return True
        self._places.release()  # while we waited for it, the site asked for quiet
        return False

    def _wait(self, resource: str, longest: float) -> float:
        with self._lock:
            wait = max(lane.opens_at for lane in self._lanes_of(resource)) - self._clock()
        if wait > longest:
            raise SourceUnavailableError(f"{self._host} asks to be left alone for {wait:.0f} seconds.")
        return wait

    def _lanes_of(self, resource: str) -> list[_Lane]:
        return [lane for lane in (self._lanes[_SITE], self._lanes.get(resource)) if lane is not None]
