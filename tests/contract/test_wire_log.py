"""What the connectors send is what is checked in, and what the vendor documents."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from atlassian.rest_client import AtlassianRestAPI

from sandbox.atlassian.wire import Deployment
from tests.contract.allowed import UNDOCUMENTED_REQUESTS, is_among
from tests.contract.recording import PRODUCTS, SCOPES, record
from tests.contract.served import DEPLOYMENTS, Exchange
from tests.contract.specs import Specs
from tests.contract.wire_lines import HOW_TO_RECORD, WIRE, Line, differences, log_name, read_lines

Recorded = tuple[list[Line], list[Exchange]]
BOTH = [(deployment, product) for deployment in DEPLOYMENTS for product in PRODUCTS]


@pytest.fixture(scope="module", params=BOTH, ids=" ".join)
def both(request: pytest.FixtureRequest) -> tuple[Deployment, str]:
    """Deployment and product."""
    found: tuple[Deployment, str] = request.param
    return found


@pytest.fixture(scope="module")
def sent(both: tuple[Deployment, str], company: Path) -> Recorded:
    """What the connector sends now."""
    return record(company, *both)


@pytest.fixture(scope="module")
def checked_in(both: tuple[Deployment, str]) -> list[Line]:
    """What it sent when the log was recorded."""
    return read_lines(WIRE / log_name(*both))


def test_the_connectors_send_what_is_checked_in(checked_in: list[Line], sent: Recorded) -> None:
    """No URL, parameter or body changes unseen, be it through our code or through a library's upgrade."""
    changed = differences(checked_in, sent[0])
    assert not changed, "\n".join([*changed, HOW_TO_RECORD])


def test_every_line_is_a_documented_request(checked_in: list[Line], specs: Specs) -> None:
    """A documented operation with documented parameters and values, the required ones among them."""
    assert [fault for line in checked_in for fault in line_faults(line, specs)] == []


def test_every_exchange_is_as_documented(both: tuple[Deployment, str], sent: Recorded, specs: Specs) -> None:
    """The same of the real values, and of the answers that the connectors are tested with."""
    faults = set()
    for exchange in sent[1]:
        operation = specs.operation(both[0], exchange.method, exchange.path)
        if operation is None:
            continue  # the lines tell
        found = operation.request_faults(exchange.query, exchange.body)
        if exchange.status < 400:
            found += operation.answer_faults(exchange.status, exchange.answer)
        faults |= {f"{exchange.method} {exchange.template}: {fault}" for fault in found}
    assert faults == set()


def test_no_allowance_is_idle() -> None:
    """What is allowed is sent."""
    sent = {f"{line.method} {line.path}" for log in WIRE.iterdir() for line in read_lines(log)}
    idle = [each for each in UNDOCUMENTED_REQUESTS if not any(re.fullmatch(each, name) for name in sent)]
    assert idle == []


def test_the_scopes_are_enough_and_all_needed(specs: Specs) -> None:
    """Of a token with scopes: those that admins are asked for are the documented ones of what is sent."""
    for product in PRODUCTS:
        found = [
            specs.operation("cloud", line.method, line.path)
            for line in read_lines(WIRE / log_name("cloud", product))
        ]
        needed = [operation.scopes for operation in found if operation and operation.scopes]
        assert all(any(each <= SCOPES[product] for each in alternatives) for alternatives in needed)
        for scope in SCOPES[product]:
            fewer = SCOPES[product] - {scope}
            assert not all(any(each <= fewer for each in alternatives) for alternatives in needed), scope


def test_the_documentation_asks_for_these_scopes() -> None:
    """Admins read there which scopes a token needs."""
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
    listed = text.partition("Scopes that Lorebot needs")[2].partition("\n\nA refresh token")[0]
    for product in PRODUCTS:
        own = listed.partition(f"- {product.title()}:")[2].partition("\n- ")[0]
        assert set(re.findall(r"`([\w.-]+(?::[\w.-]+)+)`", own)) == SCOPES[product]


def line_faults(line: Line, specs: Specs) -> list[str]:
    """What is wrong with a request, each fault with the request's name."""
    name = f"{line.method} {line.path}"
    operation = specs.operation(line.deployment, line.method, line.path)
    if operation is None:
        return [] if is_among(UNDOCUMENTED_REQUESTS, name) else [f"{name}: not documented"]
    faults = operation.request_faults(*line.request)
    faults += ["is deprecated"] if operation.is_deprecated else []
    return [f"{name}: {fault}" for fault in faults]


def a_line(path: str) -> Line:
    lines = [line for log in WIRE.iterdir() for line in read_lines(log)]
    return next(line for line in lines if line.path == path)


def test_a_library_that_asks_elsewhere_is_seen(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when an upgrade makes its URLs in another way, though everything still can be read there."""
    join = AtlassianRestAPI.url_joiner

    def join_otherwise(url: str | None, path: str, trailing: bool | None = None) -> str:
        return str(join(url, path.replace("rest/api/3/myself", "rest/api/latest/myself"), trailing))

    monkeypatch.setattr(AtlassianRestAPI, "url_joiner", staticmethod(join_otherwise))
    lines, _ = record(company, "cloud", "jira")
    changed = differences(read_lines(WIRE / log_name("cloud", "jira")), lines)
    assert [text.partition(": ")[0] for text in changed] == ["new", "no longer sent"]
    assert "/rest/api/latest/myself" in changed[0]
    assert "/rest/api/3/myself" in changed[1]


def test_a_changed_url_is_seen(specs: Specs) -> None:
    """Of a path that does not exist neither the comparison nor the vendor's file lets pass."""
    line = a_line("/wiki/rest/api/content/search")
    moved = replace(line, path="/wiki/rest/api/content/find")
    assert line_faults(line, specs) == []
    assert line_faults(moved, specs) == ["GET /wiki/rest/api/content/find: not documented"]


def test_a_difference_is_told_in_both_directions() -> None:
    """The message names what is new, what is gone and what it is for."""
    line = a_line("/wiki/rest/api/content/search")
    moved, other = replace(line, path="/elsewhere"), replace(line, purposes=("check",))
    assert differences([line], [line]) == []
    assert [text.partition(":")[0] for text in differences([line], [moved])] == ["new", "no longer sent"]
    assert differences([line], [other])[0].startswith(f"was {[*line.ways, *line.purposes]}: ")


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ('{"keys": ["ENG"], "limit": ["250"], "expnad": ["space"]}', "parameter 'expnad' is not documented"),
        ('{"limit": ["251"]}', "parameter 'limit': $: 251 is greater than the maximum of 250"),
        ('{"limit": ["many"]}', "parameter 'limit': $: 'many' is not of type 'integer'"),
        (
            '{"status": ["any"]}',
            "parameter 'status': $: 'any' is not one of ['current', 'archived', 'trashed']",
        ),
    ],
)
def test_a_wrong_parameter_is_seen(query: str, fault: str, specs: Specs) -> None:
    """Names, types, words and highest values."""
    line = replace(a_line("/wiki/api/v2/spaces"), query=query)
    assert line_faults(line, specs) == [f"GET /wiki/api/v2/spaces: {fault}"]


def test_a_missing_parameter_and_a_wrong_body_are_seen(specs: Specs) -> None:
    """What an operation requires has to be there, and a body must fit its schema."""
    search = replace(a_line("/wiki/rest/api/content/search"), query="{}")
    assert line_faults(search, specs) == ["GET /wiki/rest/api/content/search: parameter 'cql' is required"]
    fetch = replace(a_line("/rest/api/3/issue/bulkfetch"), body='{"issueIdsOrKeys": "1", "field": ["id"]}')
    assert sorted(fault.partition(": ")[2] for fault in line_faults(fetch, specs)) == [
        "body: $.issueIdsOrKeys: '1' is not of type 'array'",
        "body: $: Additional properties are not allowed ('field' was unexpected)",
        "body: 'field' is not documented",
    ]


def test_a_wrong_answer_is_seen(specs: Specs) -> None:
    """A type, a missing property, one that nobody knows, a status."""
    operation = specs.operation("cloud", "GET", "/rest/api/3/issue/OPS-1/comment")
    assert operation is not None
    good = {
        "startAt": 0,
        "maxResults": 5,
        "total": 1,
        "comments": [{"id": "1", "created": "2024-03-05T10:00:00.000+0000"}],
    }
    assert operation.answer_faults(200, good) == []
    assert operation.answer_faults(200, {**good, "total": "1"}) == ["$.total: '1' is not of type 'integer'"]
    assert operation.answer_faults(200, {**good, "comments": [{"created": "yesterday"}]}) == [
        "$.comments[0].created: 'yesterday' is not a 'date-time'"
    ]
    assert operation.answer_faults(299, good) == ["status 299 is not documented"]
    spaces = specs.operation("cloud", "GET", "/wiki/api/v2/spaces")
    assert spaces is not None
    unknown = spaces.unknown_properties(200, {"results": [{"id": "1", "text": ""}], "isLast": True})
    assert unknown == {"isLast", "results[].text"}
    permissions = specs.operation("cloud", "POST", "/rest/api/3/permissions/check")
    assert permissions is not None
    assert permissions.answer_faults(200, {"globalPermissions": []}) == [
        "$: 'projectPermissions' is a required property"
    ]
