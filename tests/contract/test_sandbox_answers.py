"""Everything that the sandbox serves is what the vendor documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.atlassian.wire import Deployment
from tests.contract.allowed import (
    NOT_AN_API,
    UNDOCUMENTED_PROPERTIES,
    UNDOCUMENTED_ROUTES,
    UNDOCUMENTED_STATUSES,
    is_among,
)
from tests.contract.calls import CALLS, Call
from tests.contract.openapi import Operation
from tests.contract.served import DEPLOYMENTS, EMAIL, TOKEN, Exchange, Served, served
from tests.contract.specs import Specs, without_gateway

Answers = dict[tuple[str, int], Exchange]
EVERY_CALL = [
    pytest.param(deployment, number, id=f"{deployment} {call.method} {call.route} {number}")
    for deployment, calls in CALLS.items()
    for number, call in enumerate(calls)
]


@pytest.fixture(scope="module")
def answers(company: Path) -> Answers:
    """What both sites answered to every call."""
    found: Answers = {}
    for deployment in DEPLOYMENTS:
        with served(company, deployment) as site, requests.Session() as session:
            for number, call in enumerate(CALLS[deployment]):
                _send(session, site, call)
                found[deployment, number] = site.exchanges[-1]
    return found


def _send(session: requests.Session, site: Served, call: Call) -> None:
    version = "3" if site.deployment == "cloud" else "2"
    auth = (EMAIL, TOKEN) if call.signed_in else None
    url = site.url + call.path(version)
    session.request(
        call.method, url, params=call.query, json=call.body, auth=auth, timeout=10, allow_redirects=False
    )


@pytest.mark.parametrize(("deployment", "number"), EVERY_CALL)
def test_an_answer_is_as_documented(deployment: str, number: int, answers: Answers, specs: Specs) -> None:
    """Its status, its types and its required properties, and no property of which the vendor says nothing."""
    exchange = answers[deployment, number]
    assert exchange.status == CALLS[deployment][number].status
    operation = specs.operation(deployment, exchange.method, exchange.path)
    if operation is None:
        assert is_among(UNDOCUMENTED_ROUTES, f"{exchange.method} {exchange.template}")
        return
    if not is_among(UNDOCUMENTED_STATUSES, _status(operation, exchange)):
        assert operation.answer_faults(exchange.status, exchange.answer) == []
    unknown = _unknown(operation, exchange)
    assert {each for each in unknown if not is_among(UNDOCUMENTED_PROPERTIES, each)} == set()


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_no_route_is_left_out(deployment: Deployment, company: Path) -> None:
    """Every route is called here, or is none of an API."""
    called = {(call.method, call.route) for call in CALLS[deployment]}
    with served(company, deployment) as site:
        routes = set(_routes(site))
    assert {route for route in routes - called if not is_among(NOT_AN_API, route[1])} == set()
    assert called - routes == set()


def test_no_allowance_is_idle(answers: Answers, specs: Specs) -> None:
    """What is allowed is needed: an entry that nothing uses any more goes."""
    routes, statuses, properties = set(), set(), set()
    for (deployment, _), exchange in answers.items():
        operation = specs.operation(deployment, exchange.method, exchange.path)
        if operation is None:
            routes.add(f"{exchange.method} {exchange.template}")
            continue
        if str(exchange.status) not in operation.document["responses"]:
            statuses.add(_status(operation, exchange))
        properties |= _unknown(operation, exchange)
    assert _idle(UNDOCUMENTED_ROUTES, routes) == []
    assert _idle(UNDOCUMENTED_STATUSES, statuses) == []
    assert _idle(UNDOCUMENTED_PROPERTIES, properties) == []


def _status(operation: Operation, exchange: Exchange) -> str:
    return f"{operation.spec.name} {operation.method} {operation.path} {exchange.status}"


def _unknown(operation: Operation, exchange: Exchange) -> set[str]:
    found = operation.unknown_properties(exchange.status, exchange.answer)
    return {f"{operation.spec.name} {path}" for path in found}


def _idle(allowed: dict[str, str], used: set[str]) -> list[str]:
    return [pattern for pattern in allowed if not any(re.fullmatch(pattern, each) for each in used)]


def _routes(site: Served) -> Iterator[tuple[str, str]]:
    for route in site.app.router.routes():
        if route.method != "HEAD" and route.resource is not None:
            yield route.method, without_gateway(route.resource.canonical)
