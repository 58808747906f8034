"""What the connectors send while each of their methods is used; `python -m tests.contract` writes it down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from connectors.atlassian import AtlassianClient, Deployment, Patience, Site
from connectors.confluence import ConfluenceConnector
from connectors.confluence_cloud import CloudConfluence
from connectors.confluence_datacenter import DataCenterConfluence
from connectors.credentials import Credentials, basic, bearer
from connectors.documents import Connector, Document, Listed
from connectors.jira import JiraConnector
from connectors.jira_cloud import CloudJira
from connectors.jira_datacenter import DataCenterJira
from connectors.oauth import Grant, OAuthCredentials, Tokens, TokenSlot
from connectors.site import Gateway
from sandbox import site_changes
from sandbox.atlassian import jira_issues
from sandbox.atlassian.wire import Deployment as WireDeployment
from sandbox.site_identity import OFFLINE, OAuthClient
from sandbox.site_traffic import read_fault
from tests.contract.served import EMAIL, TOKEN, Exchange, Served, served
from tests.contract.wire_lines import Line, line_of, way_of

#: What a connector is used for, and doing it.
Scenario = tuple[str, Callable[[], object]]
PRODUCTS = ("confluence", "jira")
#: What a token with scopes needs for all that is read.
SCOPES = {
    "confluence": frozenset(
        "read:confluence-content.all read:confluence-groups read:confluence-user search:confluence "
        "read:space:confluence read:page:confluence read:content.metadata:confluence "
        "read:attachment:confluence".split()
    ),
    "jira": frozenset("manage:jira-configuration read:jira-user read:jira-work".split()),
}
QUICK = Patience(timeout=30, attempts=2, first_wait=0.01, longest_wait=0.01)
SINCE = datetime(2024, 1, 1, tzinfo=UTC)


def record(company: Path, deployment: WireDeployment, product: str) -> tuple[list[Line], list[Exchange]]:
    """Everything that a connector sends, by what it is for, with the exchanges themselves.

    The site gives two rows at a time, so that every listing is paged.
    """
    seen: set[tuple[Line, str, str]] = set()
    exchanges: list[Exchange] = []
    with pytest.MonkeyPatch.context() as patch, served(company, deployment, most=2) as site:
        patch.setattr(jira_issues, "MAX_IDS_AND_KEYS", 2)
        patch.setattr(jira_issues, "MAX_WITH_FIELDS", 2)
        for purpose, run in _scenarios(site, product):
            site.exchanges.clear()
            run()
            exchanges += site.exchanges
            for exchange in site.exchanges:
                seen.add((line_of(deployment, product, exchange), way_of(exchange), purpose))
    return _gathered(seen), exchanges


def _gathered(seen: Iterable[tuple[Line, str, str]]) -> list[Line]:
    """One line for each shape, with all its ways and purposes, in a stable order."""
    ways: dict[Line, set[str]] = {}
    purposes: dict[Line, set[str]] = {}
    for line, way, purpose in seen:
        ways.setdefault(line, set()).add(way)
        purposes.setdefault(line, set()).add(purpose)
    return [
        replace(line, ways=tuple(sorted(ways[line])), purposes=tuple(sorted(purposes[line])))
        for line in sorted(ways, key=lambda line: line.shape)
    ]


def connector_of(
    site: Served,
    product: str,
    *,
    everything: bool = False,
    gateway: Gateway | None = None,
    credentials: Credentials | None = None,
) -> Connector:
    """A connector that reads the site with all that can be opted for.

    Args:
        everything: whatever the account may read, instead of spaces and projects by their keys.
        gateway: the way to the API, instead of the site's own address.
        credentials: instead of the account's own token.
    """
    client = _client(site, product, gateway, credentials)
    if product == "jira":
        return JiraConnector(
            name="tickets",
            client=client,
            projects=None if everything else ("OPS",),
            restricted_comments=True,
            internal_notes=True,
        )
    return ConfluenceConnector(name="wiki", client=client, spaces=None if everything else ("ENG", "PUB"))


def _client(
    site: Served, product: str, gateway: Gateway | None = None, credentials: Credentials | None = None
) -> AtlassianClient:
    if credentials is None:
        credentials = basic(EMAIL, TOKEN) if site.deployment == "cloud" else bearer(TOKEN)
    return AtlassianClient(_site(site, product, gateway), credentials, patience=QUICK)


def _site(site: Served, product: str, gateway: Gateway | None = None) -> Site:
    url = site.jira_url if product == "jira" else site.confluence_url
    return Site(url=url, deployment=Deployment(site.deployment), gateway=gateway)


class KeptTokens:
    """A store of tokens for one process."""

    def __init__(self) -> None:
        self.tokens: Tokens | None = None

    def load(self, key: str) -> Tokens | None:
        """The tokens of the only grant."""
        return self.tokens

    @contextmanager
    def exclusive(self, key: str) -> Iterator[TokenSlot]:
        """Itself; there is nobody else."""
        yield self

    def save(self, tokens: Tokens) -> None:
        """Keep them."""
        self.tokens = tokens


def _scenarios(site: Served, product: str) -> Iterator[Scenario]:
    """Each way in which a connector is used; every time with a connector that knows nothing yet."""
    connector = partial(connector_of, site, product)
    yield from _reading(connector)
    yield "listing of everything", lambda: list(connector(everything=True).listing())
    yield from _rarer(site, product)
    if site.deployment == "cloud":
        gateway = Gateway(product="jira" if product == "jira" else "confluence", url=site.url)
        site.site.identity.scoped["token-with-scopes"] = SCOPES[product]
        yield from _reading(
            partial(connector, gateway=gateway, credentials=basic(EMAIL, "token-with-scopes"))
        )
        app = _oauth(site, product, gateway)
        yield "check", lambda: connector(gateway=gateway, credentials=app).check()


def _rarer(site: Served, product: str) -> Iterator[Scenario]:
    """What is asked for where a site does not give all at once, or not in the usual form."""
    client = _client(site, product)
    if product == "jira":
        jira = CloudJira(client) if site.deployment == "cloud" else DataCenterJira(client)
        yield "comments of a long ticket", lambda: list(jira.comments("1002"))
        yield "custom fields", jira.fields
        return
    confluence = CloudConfluence(client) if site.deployment == "cloud" else DataCenterConfluence(client)
    yield "all spaces", lambda: list(confluence.spaces(None))
    yield from _unsearched(site, partial(connector_of, site, product))
    sourceless = {"id": "100", "type": "page", "status": "current", "title": "Lighthouse handbook"}
    answer = {"results": [sourceless], "start": 0, "limit": 50, "size": 1, "_links": {}}
    fault = {"path": r"/content/search.*body\.storage.*metadata", "status": 200, "body": answer}
    site.site.traffic.faults.append(read_fault(fault))
    yield "a page without its source", lambda: list(connector_of(site, product).documents(["100"]))


def _unsearched(site: Served, connector: Callable[[], Connector]) -> Iterator[Scenario]:
    """What is read by its id, because the search does not show it."""
    wiki = site.site
    labels = [f"label{number}" for number in range(60)]
    site_changes.update_page(wiki, wiki.pages["101"], {"labels": labels})
    storage = (
        '<ac:structured-macro ac:name="include"><ri:page ri:content-title="Nowhere"/></ac:structured-macro>'
    )
    site_changes.update_page(wiki, wiki.pages["101"], {"storage": storage})
    site_changes.update_attachment(wiki, wiki.pages["102"], "att1", {"title": "steps.md"})
    empty = {"results": [], "start": 0, "limit": 50, "size": 0, "_links": {}}
    for ids in (["101", "104"], ["102/att1"], ["999"]):
        wiki.traffic.faults.append(
            read_fault({"path": r"/content/search", "status": 200, "body": empty, "times": 9})
        )
        yield "what the search does not show", lambda ids=ids: list(connector().documents(ids))
        wiki.traffic.faults.clear()


def _reading(connector: Callable[[], Connector]) -> Iterator[Scenario]:
    yield "check", lambda: connector().check()
    yield "changes", lambda: list(connector().changes(SINCE))
    yield "listing", lambda: list(connector().listing())
    listed = list(connector().listing())
    ids = [each.id for each in listed]
    documents = [each for each in connector().documents(ids) if isinstance(each, Document)]
    attachments = [each.id for document in documents for each in document.attachments]
    assert len(documents) == len(ids) > 0
    assert attachments
    yield "documents", lambda: list(connector().documents(ids))
    yield "attachments", lambda: list(connector().documents(attachments))
    yield "deleted documents", lambda: list(connector().documents(["999999"]))
    names = sorted(_rule_names([*listed, *documents]))
    yield "rules", lambda: [connector().rule(name) for name in names]
    yield "memberships", lambda: list(connector().memberships())


def _oauth(site: Served, product: str, gateway: Gateway) -> OAuthCredentials:
    app = OAuthClient(id="app", secret="secret", scopes=SCOPES[product] | {OFFLINE})
    tokens = site.site.identity.consent(app)
    grant = Grant(
        client_id=app.id,
        client_secret=app.secret,
        refresh_token=str(tokens["refresh_token"]),
        token_url=f"{site.url}/oauth/token",
    )
    return OAuthCredentials(grant, KeptTokens(), site=_site(site, product, gateway), patience=QUICK)


def _rule_names(found: Iterable[Listed | Document]) -> set[str]:
    """The names of rules that have to be asked for."""
    rules = [rule for each in found for rule in each.access_rules or ()]
    return {rule.name for rule in rules if rule.principals is None}
