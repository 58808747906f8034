"""What the tests of the client's transport have in common: a quick client of a server that answers as told."""

from __future__ import annotations

from typing import Any

from connectors.atlassian import AtlassianClient, Deployment, Patience, Site
from connectors.credentials import bearer
from tests.integration.connectors.http_servers import Server

QUICK = Patience(
    timeout=1, attempts=3, first_wait=0.01, longest_wait=0.05, longest_retry_after=5, longest_answer=0.4
)
SECRET = "s3cret-token-of-the-reader"


def client_of(server: Server, *, patience: Patience = QUICK, **options: Any) -> AtlassianClient:
    """A client of the server as a Data Center's Jira; ``options`` are its other arguments."""
    site = Site(url=f"{server.url}/jira", deployment=Deployment.DATACENTER)
    return AtlassianClient(site, bearer(SECRET), patience=patience, **options)
