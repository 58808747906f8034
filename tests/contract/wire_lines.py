"""Requests as lines that are checked in and compared.

A line is a shape: the words of the API stay (`expand`, `fields`, `limit`), what is data becomes `…`, or `0` where it
is a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.served import Exchange
from tests.contract.specs import without_gateway

WIRE = Path(__file__).parent / "wire"
HOW_TO_RECORD = (
    "Where the change is meant, record it with `python -m tests.contract` and commit tests/contract/wire."
)
DATA = "…"

#: Parameters whose values are data and not words of the API.
_DATA_NAMES = {
    "accountId",
    "client_id",
    "client_secret",
    "cursor",
    "expires",
    "groupId",
    "groupname",
    "id",
    "issueIdsOrKeys",
    "issueKey",
    "key",
    "keys",
    "levelId",
    "nextPageToken",
    "projectKey",
    "refresh_token",
    "spaceKey",
    "start",
    "startAt",
    "token",
    "username",
}
#: Queries keep their words: `space in (…) and lastmodified >= …`.
_QUERY_NAMES = {"cql", "jql"}
_QUERY_DATA = re.compile(r'"[^"]*"|\b\d+\b')
_LISTED_DATA = re.compile(rf"{DATA}(?:,\s*{DATA})+")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One distinct request."""

    deployment: str
    product: str
    method: str
    #: On the site; what stands before it at the gateway is left out.
    path: str
    #: Parameters of the URL, each with its values, as JSON.
    query: str
    #: The JSON body; `null` without one.
    body: str
    #: How it is signed and sent: `Basic`, `Bearer, gateway`.
    ways: tuple[str, ...] = ()
    #: The connector's methods that send it.
    purposes: tuple[str, ...] = ()

    @property
    def request(self) -> tuple[dict[str, list[str]], Any]:
        """Parameters and body as an :class:`Operation` judges them."""
        return json.loads(self.query), json.loads(self.body)

    @property
    def shape(self) -> tuple[str, ...]:
        """What is sent, without ways and purposes."""
        return (self.deployment, self.product, self.path, self.method, self.query, self.body)

    def to_json(self) -> str:
        """As it is checked in."""
        plain = {
            "deployment": self.deployment,
            "product": self.product,
            "method": self.method,
            "path": self.path,
            "query": json.loads(self.query),
            "body": json.loads(self.body),
            "ways": list(self.ways),
            "for": list(self.purposes),
        }
        return json.dumps(plain, ensure_ascii=False)


def read_lines(path: Path) -> list[Line]:
    """The lines of a checked-in log."""
    rows = [json.loads(row) for row in path.read_text("utf-8").splitlines()]
    return [
        Line(
            **{name: row[name] for name in ("deployment", "product", "method", "path")},
            query=_dumped(row["query"]),
            body=_dumped(row["body"]),
            ways=tuple(row["ways"]),
            purposes=tuple(row["for"]),
        )
        for row in rows
    ]


def differences(checked_in: Iterable[Line], recorded: Iterable[Line]) -> list[str]:
    """What is sent that was not, and what is no longer sent, one sentence each."""
    before, now = {line.shape: line for line in checked_in}, {line.shape: line for line in recorded}
    found = [f"new: {now[shape].to_json()}" for shape in sorted(now.keys() - before.keys())]
    found += [f"no longer sent: {before[shape].to_json()}" for shape in sorted(before.keys() - now.keys())]
    for shape in sorted(now.keys() & before.keys()):
        was, is_now = before[shape], now[shape]
        if was != is_now:
            found.append(f"was {[*was.ways, *was.purposes]}: {is_now.to_json()}")
    return found


def log_name(deployment: str, product: str) -> str:
    """The file that holds the lines of a connector."""
    return f"{deployment}-{product}.jsonl"


def line_of(deployment: str, product: str, exchange: Exchange) -> Line:
    """The shape of a request."""
    query = {name: _shown(name, values) for name, values in exchange.query.items()}
    return Line(
        deployment=deployment,
        product=product,
        method=exchange.method,
        path=without_gateway(exchange.template),
        query=_dumped(query),
        body=_dumped(_masked(exchange.body)),
    )


def way_of(exchange: Exchange) -> str:
    """How a request is signed, and whether it goes through the gateway."""
    signed = exchange.authorization or "unsigned"
    return f"{signed}, gateway" if exchange.path.startswith("/ex/") else signed


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shown(name, inner) for name, inner in sorted(value.items())}
    return [_masked(each) for each in value] if isinstance(value, list) else value


def _shown(name: str, value: Any) -> Any:
    """A value under a name; data keep nothing but their type."""
    if isinstance(value, list):
        shown = [_shown(name, each) for each in value]
        return shown[:1] if name in _DATA_NAMES else shown
    if name in _DATA_NAMES:
        return "0" if str(value).replace(",", "").isdecimal() else DATA  # a number, or some at once
    if name in _QUERY_NAMES and isinstance(value, str):
        return _LISTED_DATA.sub(DATA, _QUERY_DATA.sub(DATA, value))
    return _masked(value)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
