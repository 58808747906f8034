"""What the connectors send, as lines that are checked in and compared.

A line is a shape: the words of the API stay (`expand`, `fields`, `limit`), what is data becomes `…`, or `0` where it
is a number. The log is recorded anew with `python -m tests.contract`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connectors.atlassian import AtlassianClient, Deployment, Patience, Site, confluence_url
from connectors.confluence import ConfluenceConnector
from connectors.credentials import basic, bearer
from connectors.documents import Connector, Document, Listed
from connectors.jira import JiraConnector
from sandbox.atlassian import jira_issues
from sandbox.atlassian.wire import Deployment as WireDeployment
from tests.contract.served import EMAIL, TOKEN, Exchange, Served, served

Json = dict[str, Any]
WIRE = Path(__file__).parent / "wire"
HOW_TO_RECORD = (
    "Where the change is meant, record it with `python -m tests.contract` and commit tests/contract/wire."
)
PRODUCTS = ("confluence", "jira")
SINCE = datetime(2024, 1, 1, tzinfo=UTC)
DATA = "…"

#: Parameters whose values are data and not words of the API.
_DATA_NAMES = {
    "accountId",
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
    """One distinct request; `purposes` are the connector's methods that send it."""

    deployment: str
    product: str
    authorization: str
    method: str
    path: str
    #: Parameters of the URL, each with its values, as JSON.
    query: str
    #: The JSON body; `null` without one.
    body: str
    purposes: tuple[str, ...] = ()

    @property
    def request(self) -> tuple[dict[str, list[str]], Any]:
        """Parameters and body as an :class:`Operation` judges them."""
        return json.loads(self.query), json.loads(self.body)

    @property
    def shape(self) -> tuple[str, ...]:
        """All but what it is for."""
        return (
            self.deployment,
            self.product,
            self.authorization,
            self.method,
            self.path,
            self.query,
            self.body,
        )

    def to_json(self) -> str:
        """As it is checked in."""
        plain = {
            "deployment": self.deployment,
            "product": self.product,
            "authorization": self.authorization,
            "method": self.method,
            "path": self.path,
            "query": json.loads(self.query),
            "body": json.loads(self.body),
            "for": list(self.purposes),
        }
        return json.dumps(plain, ensure_ascii=False)


def read_lines(path: Path) -> list[Line]:
    """The lines of a checked-in log."""
    rows = [json.loads(row) for row in path.read_text("utf-8").splitlines()]
    return [
        Line(
            **{name: row[name] for name in ("deployment", "product", "authorization", "method", "path")},
            query=_dumped(row["query"]),
            body=_dumped(row["body"]),
            purposes=tuple(row["for"]),
        )
        for row in rows
    ]


def differences(checked_in: Iterable[Line], recorded: Iterable[Line]) -> list[str]:
    """What is sent that was not, and what is no longer sent, one sentence each."""
    before, now = {line.shape: line for line in checked_in}, {line.shape: line for line in recorded}
    found = [f"new: {now[shape].to_json()}" for shape in sorted(now.keys() - before.keys())]
    found += [f"no longer sent: {before[shape].to_json()}" for shape in sorted(before.keys() - now.keys())]
    found += [
        f"for {list(now[shape].purposes)} and no longer for {list(before[shape].purposes)}: {now[shape].to_json()}"
        for shape in sorted(now.keys() & before.keys())
        if now[shape].purposes != before[shape].purposes
    ]
    return found


def log_name(deployment: str, product: str) -> str:
    """The file that holds the lines of a connector."""
    return f"{deployment}-{product}.jsonl"


def record(company: Path, deployment: WireDeployment, product: str) -> tuple[list[Line], list[Exchange]]:
    """Everything that a connector sends, by what it is for, with the exchanges themselves.

    The site gives two rows at a time, so that every listing is paged.
    """
    sent: dict[tuple[str, ...], tuple[Line, set[str]]] = {}
    exchanges: list[Exchange] = []
    with pytest.MonkeyPatch.context() as patch, served(company, deployment, most=2) as site:
        patch.setattr(jira_issues, "MAX_IDS_AND_KEYS", 2)
        patch.setattr(jira_issues, "MAX_WITH_FIELDS", 2)
        for purpose, run in _scenarios(partial(connector_of, site, product)):
            site.exchanges.clear()
            run()
            exchanges += site.exchanges
            for exchange in site.exchanges:
                line = line_of(deployment, exchange)
                sent.setdefault(line.shape, (line, set()))[1].add(purpose)
    return [_with(*sent[shape]) for shape in sorted(sent)], exchanges


def connector_of(site: Served, product: str, *, everything: bool = False) -> Connector:
    """A connector that reads the site with all that can be opted for.

    Args:
        everything: whatever the account may read, instead of spaces and projects by their keys.
    """
    deployment = Deployment(site.deployment)
    is_cloud = deployment is Deployment.CLOUD
    url = site.jira_url if product == "jira" else confluence_url(site.confluence_url, deployment)
    client = AtlassianClient(
        Site(url=url, deployment=deployment),
        basic(EMAIL, TOKEN) if is_cloud else bearer(TOKEN),
        patience=Patience(timeout=5, attempts=2, first_wait=0.01, longest_wait=0.01),
    )
    if product == "jira":
        return JiraConnector(
            name="tickets",
            client=client,
            projects=None if everything else ("OPS",),
            restricted_comments=True,
            internal_notes=True,
        )
    return ConfluenceConnector(name="wiki", client=client, spaces=None if everything else ("ENG", "PUB"))


def line_of(deployment: str, exchange: Exchange) -> Line:
    """The shape of a request."""
    query = {name: _shown(name, values) for name, values in exchange.query.items()}
    return Line(
        deployment=deployment,
        product=product_of(exchange.path),
        authorization=exchange.authorization,
        method=exchange.method,
        path=exchange.template,
        query=_dumped(query),
        body=_dumped(_masked(exchange.body)),
    )


def product_of(path: str) -> str:
    """Whose API a path belongs to."""
    return "confluence" if path.startswith(("/wiki/", "/confluence/", "/ex/confluence/")) else "jira"


def _scenarios(connector: Callable[..., Connector]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each way in which a connector is used; every one with a connector that knows nothing yet."""
    yield "check", lambda: connector().check()
    yield "changes", lambda: list(connector().changes(SINCE))
    yield "listing", lambda: list(connector().listing())
    yield "listing of everything", lambda: list(connector(everything=True).listing())
    listed = list(connector().listing())
    ids = [each.id for each in listed]
    found = list(connector().documents(ids))
    documents = [each for each in found if isinstance(each, Document)]
    attachments = [each.id for document in documents for each in document.attachments]
    assert len(documents) == len(ids) > 0
    assert attachments
    yield "documents", lambda: list(connector().documents(ids))
    yield "attachments", lambda: list(connector().documents(attachments))
    yield "deleted documents", lambda: list(connector().documents(["999999"]))
    names = sorted(_rule_names([*listed, *documents]))
    yield "rules", lambda: [connector().rule(name) for name in names]
    yield "memberships", lambda: list(connector().memberships())


def _rule_names(found: Iterable[Listed | Document]) -> set[str]:
    """The names of rules that have to be asked for."""
    rules = [rule for each in found for rule in each.access_rules or ()]
    return {rule.name for rule in rules if rule.principals is None}


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
        return "0" if str(value).isdecimal() else DATA
    if name in _QUERY_NAMES and isinstance(value, str):
        return _LISTED_DATA.sub(DATA, _QUERY_DATA.sub(DATA, value))
    return _masked(value)


def _with(line: Line, purposes: set[str]) -> Line:
    return Line(**{**line.__dict__, "purposes": tuple(sorted(purposes))})


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
