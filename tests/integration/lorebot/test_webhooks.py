"""A webhook of a real (sandbox) site reaches the index within seconds, and only a signed one does anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from psycopg_pool import ConnectionPool

from connectors.documents import Connector
from connectors.webhooks import Product
from indexer.embedding import Embedder
from indexer.refresh import refresh
from lorebot.errors import LorebotError
from lorebot.webhooks import WebhookServer
from sandbox import site_ticket_changes as tickets
from sandbox import site_wiki_changes as wiki
from sandbox.atlassian.webhooks import WebhookSender
from sandbox.site import load_site
from schedules.jobs import create_jobs, ensure_job_schema
from schedules.worker import Worker
from tests.convergence.conftest import write_site
from tests.integration.connectors.conftest import Running, served

SECRET = "signed by the harbour master"
TEXT = "select string_agg(c.text, ' ') from chunks c join documents d on d.id = c.document_id where d.source_id = %s"


@pytest.fixture(params=["cloud", "datacenter"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """A site with a page and a ticket."""
    write_site(tmp_path)
    with served(load_site(tmp_path), request.param) as running:
        yield running


@pytest.fixture
def connectors(site: Running) -> dict[str, Connector]:
    """Both sources of the site."""
    return {"wiki": site.confluence(), "tickets": site.jira()}


Listening = Callable[[], Any]


@pytest.fixture
def listening(
    pool: ConnectionPool, database_url: str, connectors: dict[str, Connector], embedder: Embedder
) -> Listening:
    """Everything indexed, webhooks listened to, and a worker that does what they ask for."""

    def read(source: str, passes: Any = frozenset()) -> Any:
        return refresh(
            pool, connectors[source], embedder, passes=passes, mode="lazy", progress=lambda _: None
        )

    @asynccontextmanager
    async def start() -> AsyncIterator[WebhookServer]:
        ensure_job_schema(pool)
        for connector in connectors.values():
            await asyncio.to_thread(refresh, pool, connector, embedder, mode="lazy", progress=lambda _: None)
        jobs = create_jobs(
            database_url, pool=pool, refresh_source=lambda source, order, _: read(source, order.passes)
        )
        worker = Worker(jobs)
        secrets = {"wiki": (Product.CONFLUENCE, SECRET), "tickets": (Product.JIRA, SECRET)}
        async with AsyncExitStack() as closing:
            task = asyncio.create_task(worker.run())

            async def stop() -> None:
                worker.stop()
                await task

            closing.push_async_callback(stop)
            yield await closing.enter_async_context(
                WebhookServer(pool, secrets=secrets, host="127.0.0.1", port=0)
            )

    return start


def text_of(pool: ConnectionPool, source_id: str) -> str:
    """What is indexed of a document."""
    with pool.connection() as connection:
        row = connection.execute(TEXT, [source_id]).fetchone()
    return str(row[0]) if row and row[0] else ""


async def until(holds: Callable[[], bool]) -> None:
    """Look until it holds; a test that hangs fails."""
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.05)


def register(site: Running, product: str, port: int) -> None:
    """As an admin of the site does it."""
    source = {"jira": "tickets", "confluence": "wiki"}[product]
    WebhookSender(site.site).register(
        {
            "url": f"http://127.0.0.1:{port}/webhooks/{source}",
            "secret": SECRET,
            "product": product,
            "deployment": site.deployment,
        }
    )


async def test_an_edited_ticket_is_searchable_within_seconds(
    site: Running, listening: Listening, pool: ConnectionPool
) -> None:
    """A comment too, and a deletion."""
    issue = next(iter(site.site.issues.values()))
    async with listening() as server:
        register(site, "jira", server.port)
        tickets.update_issue(site.site, issue, {"description": "The bilge pump was replaced."})
        await until(lambda: "bilge pump" in text_of(pool, issue.id))
        tickets.add_issue_comment(site.site, site.site.issues[issue.id], {"body": "It is a quiet pump."})
        await until(lambda: "quiet pump" in text_of(pool, issue.id))
        tickets.delete_issue(site.site, site.site.issues[issue.id])
        await until(lambda: not text_of(pool, issue.id))


async def test_an_edited_page_of_a_data_center_is_searchable_within_seconds(
    site: Running, listening: Listening, pool: ConnectionPool
) -> None:
    """Confluence Cloud has no webhooks that a token could register: there the schedules find it."""
    if site.deployment == "cloud":
        pytest.skip("Confluence Cloud has no such webhooks")
    page = next(iter(site.site.pages.values()))
    async with listening() as server:
        register(site, "confluence", server.port)
        wiki.update_page(site.site, page, {"storage": "<p>The bilge pump was replaced.</p>"})
        await until(lambda: "bilge pump" in text_of(pool, page.id))
        wiki.add_page_comment(site.site, page, {"storage": "<p>A quiet pump.</p>"})
        await until(lambda: "quiet pump" in text_of(pool, page.id))
        wiki.delete_page(site.site, page, purge=False)
        await until(lambda: not text_of(pool, page.id))


@pytest.mark.parametrize("headers", [{}, {"X-Hub-Signature": "sha256=0000"}])
async def test_an_unsigned_webhook_does_nothing(
    headers: dict[str, str], listening: Listening, pool: ConnectionPool
) -> None:
    """And is told so; nothing is noted, nothing is asked for."""
    async with listening() as server, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{server.port}/webhooks/"
        async with session.post(f"{url}tickets", data=b'{"issue": {"id": "1"}}', headers=headers) as answer:
            assert answer.status == 401
        async with session.post(f"{url}nowhere", data=b"{}", headers=headers) as answer:
            assert answer.status == 404
    with pool.connection() as connection:
        assert connection.execute("select count(*) from reading_list").fetchone() == (0,)
        assert connection.execute("select count(*) from refresh_runs").fetchone() == (0,)


async def test_a_taken_port_is_one_sentence(listening: Listening, pool: ConnectionPool) -> None:
    """That says which key to change."""
    async with listening() as server:
        second = WebhookServer(pool, secrets={}, host="127.0.0.1", port=server.port)
        with pytest.raises(LorebotError, match=r"webhooks\.port"):
            await second.__aenter__()
