"""The reader of a history: a process that refreshes both sources once, and that may be killed at any moment."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass

from connectors.atlassian import AtlassianClient, Patience
from connectors.confluence import ConfluenceConnector
from connectors.credentials import basic, bearer
from connectors.documents import Connector
from connectors.errors import ConnectorError
from connectors.jira import JiraConnector
from connectors.site import Deployment, Site
from indexer.embedding import Embedder
from indexer.errors import IndexerError
from indexer.passes import EVERYTHING, Pass
from indexer.refresh import refresh
from lorebot.database.pool import open_pool

#: Gives up soon: the next refresh goes on.
QUICK = Patience(timeout=2, attempts=2, first_wait=0.01, longest_wait=0.02, longest_retry_after=0.1)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process is to do."""

    database_url: str
    #: In front of the sources' names: one database holds many histories.
    prefix: str
    confluence_url: str
    jira_url: str
    deployment: str
    email: str | None
    token: str
    passes: Collection[Pass] = EVERYTHING


def run(task: Task) -> None:
    """Refresh; a source that fails is left as it is."""
    with open_pool(task.database_url) as pool:
        for connector in connectors(task):
            with contextlib.suppress(ConnectorError, IndexerError):
                refresh(
                    pool,
                    connector,
                    Embedder(),
                    passes=frozenset(task.passes),
                    mode="lazy",
                    progress=lambda _: None,
                )


def connectors(task: Task) -> list[Connector]:
    """A wiki and a tracker."""

    def client(url: str) -> AtlassianClient:
        site = Site(url=url, deployment=Deployment(task.deployment))
        credentials = basic(task.email, task.token) if task.email else bearer(task.token)
        return AtlassianClient(site, credentials, patience=QUICK)

    return [
        ConfluenceConnector(name=f"{task.prefix}wiki", client=client(task.confluence_url)),
        JiraConnector(name=f"{task.prefix}tickets", client=client(task.jira_url)),
    ]
