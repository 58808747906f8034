"""Refreshing the index of a large real site: everything once, and the changes after 1 % edits; no vectors.

The same site and the same edits as in ``reading``, but through the whole way into Postgres, as the schedules do it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

import requests
from company import company_connectors
from figures import Figure
from processes import sandbox, temporary_folder
from psycopg_pool import ConnectionPool
from reading import SHARE, SHARED, edit_a_hundredth

from connectors.documents import Connector
from indexer.embedding import Embedder
from indexer.passes import EVERYTHING, Pass
from indexer.refresh import refresh
from lorebot.database import embedded
from lorebot.database.pool import open_pool


def measure(repeats: int) -> list[Figure]:
    """One first refresh takes minutes, and has thousands of documents to average over."""
    if not SHARED.exists():
        print(
            "refreshing: skipped, the real data (../shared/data) is not beside this checkout", file=sys.stderr
        )
        return []
    with temporary_folder() as folder, sandbox(SHARED, folder) as (_, addresses):
        counted = f"{addresses['page_url']}_admin/requests"
        connectors = company_connectors(addresses)
        server = embedded.start(folder / "data")
        try:
            with open_pool(server.url) as pool:
                first = _refresh(pool, connectors, EVERYTHING, counted)
                edit_a_hundredth(addresses)
                changes = _refresh(pool, connectors, {Pass.CHANGES}, counted)
                nothing = _refresh(pool, connectors, EVERYTHING, counted)
        finally:
            server.close()
    return [
        Figure(name="first refresh, documents", value=first["documents"], unit=""),
        Figure(name="first refresh", value=first["seconds"], unit="s"),
        Figure(name="first refresh, requests", value=first["requests"], unit=""),
        Figure(name="after 1 % edits, documents read", value=changes["read"], unit=""),
        *(
            Figure(
                name=f"after 1 % edits, {what} of the first",
                value=100 * changes[what] / first[what],
                unit="%",
                at_most=SHARE,
            )
            for what in ("requests", "seconds")
        ),
        Figure(name="every pass, nothing changed", value=nothing["seconds"], unit="s"),
        Figure(name="every pass, nothing changed, requests", value=nothing["requests"], unit=""),
    ]


def _refresh(
    pool: ConnectionPool, connectors: Collection[Connector], passes: Collection[Pass], counted: str
) -> dict[str, float]:
    requests.delete(counted, timeout=60)
    embedder = Embedder()
    reports = [
        refresh(pool, connector, embedder, passes=passes, mode="lazy", progress=lambda _: None)
        for connector in connectors
    ]
    return {
        "documents": sum(report.documents for report in reports),
        "read": sum(report.created + report.updated for report in reports),
        "seconds": sum(report.seconds for report in reports),
        "requests": sum(requests.get(counted, timeout=60).json().values()),
    }
