"""What a server says about its rate limits, in the words of all the headers that Atlassian's products use.

Sources: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/ (``Retry-After``, ``RateLimit-Reason``,
``X-RateLimit-*``; the ``Beta-`` forms announce limits that do not hold yet and are ignored),
https://confluence.atlassian.com/doc/adjusting-your-code-for-rate-limiting-992679012.html (Data Center),
draft-ietf-httpapi-ratelimit-headers (``RateLimit``, ``RateLimit-Policy``) and RFC 9110 10.2.3 (``Retry-After``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: Below this share of what a limit allows, requests are spread over the time that is left.
_NEAR = 0.2
#: Where nothing says how long that is.
_SOME_GAP = 0.5
#: However little is left: beyond it the server says so itself.
_LONGEST_GAP = 10.0
#: A number of seconds since 1970 rather than from now.
_EPOCH = 1_000_000_000

_ITEM = re.compile(r'"(?P<name>[^"]*)"(?P<parameters>(?:\s*;\s*[a-z*][\w.*-]*(?:=[^;,"]*)?)*)')
_PARAMETER = re.compile(r";\s*([a-z*][\w.*-]*)=\s*([0-9.]+)")


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What an answer asks of whoever sends the next request; seconds."""

    #: Send nothing for so long.
    pause: float = 0.0
    #: Leave so much between two requests until an answer says otherwise.
    gap: float = 0.0
    #: It holds for the resource that was asked for; otherwise for the whole site.
    endpoint_only: bool = False


def read_advice(status: int, headers: Mapping[str, str], *, now: datetime) -> tuple[Advice, ...]:
    """What the headers (names in any case, as requests gives them) ask for. Nonsense in them is passed over."""
    lower = {name.lower(): value for name, value in headers.items()}
    pause = _pause(status, lower, now)
    reason = lower.get("ratelimit-reason", "").lower()
    one_endpoint = "burst" in reason or "per-issue" in reason
    found = [Advice(pause=pause, endpoint_only=one_endpoint)] if pause else []
    if status != 429:
        found += [advice for advice in (_window(lower, now), _quota(lower)) if advice]
    return tuple(found)


def _pause(status: int, headers: Mapping[str, str], now: datetime) -> float:
    asked = _seconds_from(headers.get("retry-after"), now)
    if asked is None and status == 429:
        asked = _seconds_from(headers.get("x-ratelimit-reset"), now)
    return asked or 0.0


def _window(headers: Mapping[str, str], now: datetime) -> Advice | None:
    """``X-RateLimit-*``: on Cloud the burst limit of one resource, on Data Center the account's whole allowance."""
    left, limit = _number(headers.get("x-ratelimit-remaining")), _number(headers.get("x-ratelimit-limit"))
    near = headers.get("x-ratelimit-nearlimit", "").strip().lower() == "true"
    if left is not None and limit:
        near = near or left / limit < _NEAR
    if not near:
        return None
    interval = _number(headers.get("x-ratelimit-interval-seconds"))
    if interval is not None:  # Data Center: so many new ones every interval
        filled = _number(headers.get("x-ratelimit-fillrate")) or 1.0
        return Advice(gap=min(interval / filled, _LONGEST_GAP))
    seconds = _seconds_from(headers.get("x-ratelimit-reset"), now)
    return Advice(gap=_gap(seconds, left), endpoint_only=left is not None)


def _quota(headers: Mapping[str, str]) -> Advice | None:
    """``RateLimit: "name";r=<left>;t=<seconds>`` with ``RateLimit-Policy: "name";q=<allowed>;w=<window>``."""
    allowed = {name: values.get("q") for name, values in _items(headers.get("ratelimit-policy", ""))}
    gaps = []
    for name, values in _items(headers.get("ratelimit", "")):
        left, limit = values.get("r"), allowed.get(name)
        if left is not None and (left == 0 or (limit and left / limit < _NEAR)):
            gaps.append(_gap(values.get("t"), left))
    return Advice(gap=max(gaps)) if gaps else None


def _gap(seconds: float | None, left: float | None) -> float:
    if seconds is None or left is None:
        return _SOME_GAP
    return min(seconds / max(left, 1.0), _LONGEST_GAP)


def _items(header: str) -> Iterator[tuple[str, dict[str, float]]]:
    for item in _ITEM.finditer(header):
        numbers = {key: _number(value) for key, value in _PARAMETER.findall(item["parameters"])}
        yield item["name"], {key: number for key, number in numbers.items() if number is not None}


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _seconds_from(text: str | None, now: datetime) -> float | None:
    """Seconds from now of a number of seconds, an HTTP date, an ISO 8601 date or seconds since 1970."""
    number = _number(text)
    if text is None or (number is not None and number < _EPOCH):
        return number
    try:
        moment = datetime.fromtimestamp(number, UTC) if number is not None else _moment(text.strip())
        return max(0.0, (moment - now).total_seconds())
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
