"""Rate limits: what the headers mean, and how a site's limiter acts on them; no test really sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import SourceUnavailableError
from connectors.limits import SiteLimiter, endpoint
from connectors.rate_headers import Advice, read_advice

NOW = datetime(2026, 3, 26, 16, 24, 52, tzinfo=UTC)
SEARCH, MYSELF = "GET /rest/api/3/search/jql", "GET /rest/api/3/myself"


def in_seconds(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (429, {"Retry-After": "7"}, [Advice(pause=7)]),
        (429, {"retry-after": format_datetime(in_seconds(30), usegmt=True)}, [Advice(pause=30)]),
        (429, {"Retry-After": format_datetime(in_seconds(-30), usegmt=True)}, []),
        (503, {"Retry-After": "7"}, [Advice(pause=7)]),
        (429, {"X-RateLimit-Reset": "2026-03-26T16:25:52Z"}, [Advice(pause=60)]),
        (429, {"X-RateLimit-Reset": "2026-03-26T16:25Z"}, [Advice(pause=8)]),
        (429, {"X-RateLimit-Reset": str(int(in_seconds(9).timestamp()))}, [Advice(pause=9)]),
        (
            429,
            {"Retry-After": "2", "RateLimit-Reason": "jira-burst-based"},
            [Advice(pause=2, endpoint_only=True)],
        ),
        (
            429,
            {"Retry-After": "900", "RateLimit-Reason": "jira-quota-tenant-based"},
            [Advice(pause=900)],
        ),
        (200, {"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "349"}, []),
        (
            200,
            {
                "X-RateLimit-Limit": "100",
                "X-RateLimit-Remaining": "10",
                "X-RateLimit-Reset": "2026-03-26T16:25:02Z",
            },
            [Advice(gap=1, endpoint_only=True)],
        ),
        (200, {"X-RateLimit-NearLimit": "true"}, [Advice(gap=0.5)]),
        (200, {"X-RateLimit-NearLimit": "false"}, []),
        # Data Center: two more every ten seconds
        (
            200,
            {
                "X-RateLimit-Limit": "50",
                "X-RateLimit-Remaining": "1",
                "X-RateLimit-FillRate": "2",
                "X-RateLimit-Interval-Seconds": "10",
                "retry-after": "0",
            },
            [Advice(gap=5)],
        ),
        (
            200,
            {
                "RateLimit-Policy": '"tenant-app-quota";q=1000;w=3600',
                "RateLimit": '"tenant-app-quota";r=100;t=50',
            },
            [Advice(gap=0.5)],
        ),
        (
            200,
            {"RateLimit-Policy": '"a";q=1000;w=3600', "RateLimit": '"a";r=900;t=50, "b";r=0;t=4'},
            [Advice(gap=4)],
        ),
        (200, {"RateLimit-Policy": '"a";q=1000;w=3600', "RateLimit": '"a";r=900;t=50'}, []),
        # announced, and not in force
        (200, {"Beta-RateLimit": '"a";r=0;t=2788', "X-Beta-RateLimit-NearLimit": "true"}, []),
        (429, {}, []),
        (429, {"Retry-After": "soon", "X-RateLimit-Reset": "then"}, []),
        (429, {"Retry-After": "inf"}, []),
        (200, {"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0"}, []),
    ],
)
def test_headers_are_understood(status: int, headers: dict[str, str], advice: list[Advice]) -> None:
    """In each form that a product of Atlassian, or the standard, writes."""
    assert list(read_advice(status, headers, now=NOW)) == advice


_NAMES = ["Retry-After", "X-RateLimit-Reset", "X-RateLimit-Remaining", "X-RateLimit-Limit", "RateLimit"]
_NAMES += [
    "RateLimit-Policy",
    "X-RateLimit-NearLimit",
    "X-RateLimit-FillRate",
    "X-RateLimit-Interval-Seconds",
]
_NAMES += ["RateLimit-Reason"]
_VALUES = st.text(max_size=30) | st.from_regex(r'\A"a";[rqtw]=-?\d{1,30}(;[rqtw]=\d{0,4})?\Z')
_VALUES |= st.integers().map(str) | st.floats().map(str) | st.datetimes().map(datetime.isoformat)


@given(st.dictionaries(st.sampled_from(_NAMES), _VALUES), st.sampled_from([200, 429, 503]))
def test_nonsense_in_headers_is_survived(headers: dict[str, str], status: int) -> None:
    """Whatever they say, seconds are finite, and a gap is never long."""
    for advice in read_advice(status, headers, now=NOW):
        assert 0 <= advice.pause < 1e11
        assert 0 <= advice.gap <= 10


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("rest/api/3/issue/10007/comment?startAt=0", "GET /rest/api/3/issue/*/comment"),
        ("/rest/api/2/project/OPS/role/10002", "GET /rest/api/2/project/*/role/*"),
        (
            "rest/api/content/131090/child/attachment/att1/download",
            "GET /rest/api/content/*/child/attachment/*/download",
        ),
        ("api/v2/spaces/98306/permissions", "GET /api/v2/spaces/*/permissions"),
        ("rest/api/space/~ann/permissions", "GET /rest/api/space/*/permissions"),
        ("rest/api/3/search/jql", "GET /rest/api/3/search/jql"),
        ("rest/api/3/group/member", "GET /rest/api/3/group/member"),
    ],
)
def test_ids_and_keys_do_not_make_another_resource(path: str, resource: str) -> None:
    """A burst limit counts all issues together."""
    assert endpoint("GET", path) == resource


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def today(self) -> datetime:
        return NOW + timedelta(seconds=self.now - 1000)


@pytest.fixture
def clock() -> Clock:
    """Starts at 1000."""
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> SiteLimiter:
    """Without luck: pauses are as long as asked."""
    return SiteLimiter(
        "acme.example", clock=lambda: clock.now, today=clock.today, sleep=clock.sleep, luck=lambda: 0.0
    )


def send(limiter: SiteLimiter, resource: str = MYSELF, *, longest: float = 120) -> None:
    with limiter.turn(resource, longest=longest):
        pass


def test_without_limits_nobody_waits(limiter: SiteLimiter, clock: Clock) -> None:
    """A hundred requests take no time."""
    for _ in range(100):
        send(limiter)
        limiter.learn(MYSELF, 200, {})
    assert clock.slept == []


def test_a_pause_holds_for_every_resource(limiter: SiteLimiter, clock: Clock) -> None:
    """And it is over once."""
    assert limiter.learn(SEARCH, 429, {"Retry-After": "7"})
    send(limiter, MYSELF)
    send(limiter, SEARCH)
    assert clock.slept == [7]


def test_a_burst_limit_slows_its_own_resource_alone(limiter: SiteLimiter, clock: Clock) -> None:
    """The others go on."""
    limiter.learn(SEARCH, 429, {"Retry-After": "7", "RateLimit-Reason": "jira-burst-based"})
    send(limiter, MYSELF)
    assert clock.slept == []
    send(limiter, SEARCH)
    assert clock.slept == [7]


def test_a_quota_pauses_the_whole_site(limiter: SiteLimiter, clock: Clock) -> None:
    """As everything counts."""
    limiter.learn(SEARCH, 429, {"Retry-After": "7", "RateLimit-Reason": "confluence-quota-tenant-based"})
    send(limiter, MYSELF)
    assert clock.slept == [7]


def test_a_refusal_without_a_time_waits_as_long_as_the_caller_says(
    limiter: SiteLimiter, clock: Clock
) -> None:
    """Every thread of the site does."""
    assert limiter.learn(SEARCH, 429, {}, otherwise=3)
    send(limiter, MYSELF)
    assert clock.slept == [3]


def test_a_shorter_pause_does_not_end_a_longer_one(limiter: SiteLimiter, clock: Clock) -> None:
    """Two threads are refused, one after the other."""
    limiter.learn(SEARCH, 429, {"Retry-After": "7"})
    limiter.learn(SEARCH, 429, {"Retry-After": "1"})
    send(limiter)
    assert clock.slept == [7]


def test_wake_up_is_jittered(clock: Clock) -> None:
    """Later than asked, never earlier."""
    luck = iter([0.5, 1.0])
    limiter = SiteLimiter(
        "x", clock=lambda: clock.now, today=clock.today, sleep=clock.sleep, luck=lambda: next(luck)
    )
    limiter.learn(SEARCH, 429, {"Retry-After": "10"})
    send(limiter)
    limiter.learn(SEARCH, 429, {"Retry-After": "10"})
    send(limiter)
    assert clock.slept == [10.5, 11]


def test_a_pause_that_is_too_long_is_an_error_without_a_wait(limiter: SiteLimiter, clock: Clock) -> None:
    """For every thread that comes by, until it is over."""
    limiter.learn(SEARCH, 429, {"Retry-After": "3600"})
    with pytest.raises(SourceUnavailableError, match="3600 seconds"):
        send(limiter)
    assert clock.slept == []
    clock.now += 3500
    send(limiter)
    assert clock.slept == [100]


def test_requests_are_spread_before_the_wall_and_no_longer(limiter: SiteLimiter, clock: Clock) -> None:
    """A gap between any two, until an answer says that there is room again."""
    near = {"RateLimit-Policy": '"a";q=1000;w=3600', "RateLimit": '"a";r=100;t=200'}
    for _ in range(3):
        send(limiter)
        limiter.learn(MYSELF, 200, near)
    send(limiter, SEARCH)
    assert clock.slept == [2, 2]
    limiter.learn(SEARCH, 200, {})
    clock.slept.clear()
    clock.now += 2
    send(limiter)
    send(limiter)
    assert clock.slept == []


def test_a_place_is_given_back_after_an_error(clock: Clock) -> None:
    """Else four errors would stop a source."""
    limiter = SiteLimiter("x", at_once=1, clock=lambda: clock.now, sleep=clock.sleep)
    for _ in range(3):
        with pytest.raises(ValueError, match="boom"), limiter.turn(SEARCH, longest=1):
            raise ValueError("boom")
    send(limiter)
    assert clock.slept == []
