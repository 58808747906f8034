"""A small company on the sandbox's Atlassian site, served on a real port, and connectors that read it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.atlassian import AtlassianClient, Deployment, Patience
from connectors.atlassian import Site as AtlassianSite
from connectors.confluence import ConfluenceConnector
from connectors.credentials import Credentials, basic, bearer
from connectors.jira import JiraConnector
from connectors.limits import SiteLimiter
from sandbox.atlassian.app import Credentials as SandboxCredentials
from sandbox.atlassian.app import create_atlassian_app
from sandbox.site import Site, load_site
from sandbox.site_traffic import read_fault
from tests.integration.connectors import http_servers
from tests.serving import serving

EMAIL, TOKEN = "reader@acme.example", "s3cret-token-of-the-reader"
QUICK = Patience(timeout=5, attempts=3, first_wait=0.01, longest_wait=0.05, longest_retry_after=5)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A site that is being served."""

    site: Site
    url: str
    deployment: str
    #: Serves it, in a thread of its own.
    loop: asyncio.AbstractEventLoop

    @property
    def jira_url(self) -> str:
        return self.url + ("" if self.deployment == "cloud" else "/jira")

    @property
    def confluence_url(self) -> str:
        return self.url + ("/wiki" if self.deployment == "cloud" else "/confluence")

    def confluence(self, *, name: str = "wiki", spaces: tuple[str, ...] | None = None, **client: Any) -> Any:
        """A connector; ``client`` is what :meth:`client` takes."""
        return ConfluenceConnector(name=name, client=self.client("confluence", **client), spaces=spaces)

    def jira(
        self,
        *,
        name: str = "tickets",
        projects: tuple[str, ...] | None = None,
        options: dict[str, Any] | None = None,
        **client: Any,
    ) -> Any:
        """A connector; ``options`` are its other arguments, ``client`` is what :meth:`client` takes."""
        found = self.client("jira", **client)
        return JiraConnector(name=name, client=found, projects=projects, **(options or {}))

    def fault(self, **description: Any) -> None:
        self.site.traffic.faults.append(read_fault(description))

    def requests(self) -> int:
        return sum(self.site.traffic.counts.values())

    def client(
        self,
        product: str,
        *,
        url: str | None = None,
        token: str = TOKEN,
        credentials: Credentials | None = None,
        patience: Patience = QUICK,
        limiter: SiteLimiter | None = None,
        **site: Any,
    ) -> AtlassianClient:
        """A client of the site's ``confluence`` or ``jira``, or of another address; ``site`` is more of a Site."""
        deployment = Deployment(self.deployment)
        if url is None:
            url = self.jira_url if product == "jira" else self.confluence_url
        where = AtlassianSite(url=url, deployment=deployment, **site)
        if credentials is None:
            credentials = basic(EMAIL, token) if deployment is Deployment.CLOUD else bearer(token)
        return AtlassianClient(where, credentials, patience=patience, limiter=limiter)


@contextmanager
def served(site: Site, deployment: str) -> Iterator[Running]:
    """Serve a site on a free port until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    credentials = SandboxCredentials(email=EMAIL, token=TOKEN)
    app = create_atlassian_app(site, deployment=deployment, credentials=credentials, base_url=url)
    with serving(app, listener) as loop:
        yield Running(site=site, url=url, deployment=deployment, loop=loop)


@pytest.fixture(params=["cloud", "datacenter"])
def running(request: pytest.FixtureRequest, company: Path) -> Iterator[Running]:
    """The small company, once as a Cloud site and once as a Data Center."""
    with served(load_site(company), request.param) as site:
        yield site


@pytest.fixture
def serve(company: Path) -> Callable[..., Any]:
    """Serve the small company, or the folder that is named, as the deployment that is named."""
    return lambda deployment, folder=company: served(load_site(folder), deployment)


@pytest.fixture
def answer() -> dict[str, Any]:
    """What the server answers, in turn: ``replies``; the last one again and again."""
    return {"replies": [http_servers.Reply(body={"ok": True})]}


@pytest.fixture
def server(answer: dict[str, Any]) -> Iterator[http_servers.Server]:
    """A server that answers with the replies."""

    def give(_: http_servers.Call) -> http_servers.Reply:
        replies = answer["replies"]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    with http_servers.serve(give) as running:
        yield running


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A site folder: four pages in a tree, a blog post, three tickets, four people."""
    write_lines(tmp_path / "confluence" / "ENG.jsonl", PAGES)
    write_lines(tmp_path / "jira" / "OPS.jsonl", ISSUES)
    attachments = tmp_path / "confluence" / "attachments" / "102"
    attachments.mkdir(parents=True)
    (attachments / "steps.md").write_text("Call the harbour master before noon.")
    (attachments / "huge.log").write_text("x" * (1024 * 1024 + 1))
    (attachments / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "site.json").write_text(json.dumps(SETTINGS))
    return tmp_path


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)))


def _user(number: int, login: str, *groups: str) -> dict[str, Any]:
    name = login.replace(".", " ").title()
    person = {"id": f"acc-{number}", "login": login, "name": name, "email": f"{login}@acme.example"}
    return {**person, "groups": list(groups), "active": True}


SETTINGS = {
    "users": [
        _user(1, "ann.lee", "staff", "keepers"),
        _user(2, "bo.kim", "staff"),
        _user(3, "cy.fox", "staff", "board"),
        _user(4, "di.ode"),
    ],
    "groups": ["staff", "keepers", "board"],
    "space_permissions": {"ENG": ["group:staff"]},
    "page_restrictions": {"101": ["group:keepers", "user:acc-3"], "103": ["group:board"]},
    "project_permissions": {"OPS": ["group:staff", "user:acc-4"]},
    "issue_security": {"OPS-3": ["group:board"]},
    "spaces": {"ENG": "Engineering"},
}


def _page(number: int, title: str, storage: str, parent: int | None = None, **extra: Any) -> dict[str, Any]:
    row = {"id": str(number), "space": "ENG", "title": title, "parent_id": str(parent) if parent else None}
    dates = {"created": f"2024-01-{number - 90:02}T08:00:00.000Z", "updated": "2024-02-01T08:00:00.000Z"}
    return {
        **row,
        **dates,
        "version": 1,
        "author": "ann.lee",
        "labels": ["lamp"],
        "storage": storage,
        **extra,
    }


PAGES = [
    _page(100, "Lighthouse handbook", "<p>How we keep the light.</p>"),
    _page(
        101, "Lamp room", "<h2>Daily round</h2><p>Trim the wick.</p><h2>Daily round</h2><p>Twice.</p>", 100
    ),
    _page(
        102,
        "Lens care & oil",
        '<p>Ask <ac:link><ri:user ri:account-id="acc-2"/></ac:link> for oil.</p>'
        "<table><tbody><tr><th>Part</th></tr><tr><td>Lens</td></tr></tbody></table>"
        '<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">sh</ac:parameter>'
        "<ac:plain-text-body><![CDATA[polish --lens 1\n\n  && echo done]]></ac:plain-text-body></ac:structured-macro>",
        101,
        comments=[
            {
                "id": "900",
                "author": "bo.kim",
                "created": "2024-01-20T09:00:00.000Z",
                "storage": "<p>Use the <strong>soft</strong> cloth.</p>",
            }
        ],
        attachments=[
            {
                "id": f"att{n}",
                "title": t,
                "media_type": m,
                "author": "bo.kim",
                "created": "2024-01-21T09:00:00.000Z",
            }
            for n, t, m in (
                (1, "steps.md", "text/markdown"),
                (2, "huge.log", "text/plain"),
                (3, "photo.png", "image/png"),
            )
        ],
    ),
    _page(103, "Fog signal secrets", "<p>The horn code.</p>", 102),
    _page(104, "Spring opening", "<p>Visitors are welcome.</p>", type="blogpost"),
]


def _person(login: str) -> dict[str, Any]:
    return {"name": login, "key": login, "displayName": login.replace(".", " ").title(), "active": True}


def _comment(number: int, login: str, day: int, body: str, **extra: Any) -> dict[str, Any]:
    created = f"2024-03-{day:02}T10:00:00.000+0000"
    return {"id": str(number), "author": _person(login), "body": body, "created": created, **extra}


def _issue(number: int, summary: str, comments: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    basic = {
        "summary": summary,
        "project": {"id": "10", "key": "OPS", "name": "Operations"},
        "issuetype": {"id": "1", "name": "Bug"},
        "status": {"id": "6", "name": "Done", "statusCategory": {"id": 3, "key": "done", "name": "Done"}},
        "reporter": _person("ann.lee"),
        "assignee": _person("bo.kim"),
        "created": f"2024-03-0{number}T08:00:00.000+0000",
        "updated": "2024-03-20T08:00:00.000+0000",
        "labels": ["lamp"],
        "components": [{"id": "1", "name": "Lens"}],
        "comment": {"comments": comments, "total": len(comments), "maxResults": len(comments), "startAt": 0},
    }
    return {"id": str(1000 + number), "key": f"OPS-{number}", "fields": {**basic, **fields}}


ISSUES = [
    _issue(
        1,
        "Lamp flickers at dusk",
        [
            _comment(1, "ann.lee", 4, "It began on *Monday*."),
            _comment(2, "bo.kim", 5, "The contact was loose; [~ann.lee], I soldered it."),
            _comment(3, "bo.kim", 12, "Still fine."),
            _comment(
                4, "bo.kim", 6, "The invoice is secret.", visibility={"type": "role", "value": "Admins"}
            ),
            _comment(5, "bo.kim", 6, "The customer is difficult.", jsdPublic=False),
        ],
        description="The lamp flickers.\n\n{code:sh}\nmeter --volts\n{code}",
        resolution={"id": "1", "name": "Fixed"},
        resolutiondate="2024-03-08T10:00:00.000+0000",
        fixVersions=[{"id": "7", "name": "1.2"}],
    ),
    _issue(
        2,
        "Many opinions",
        [_comment(100 + n, "cy.fox", 9, f"Opinion number {n}.") for n in range(130)],
        description="h2. Question\nWhich paint?\n\n||Colour||Votes||\n|red|3|",
    ),
    _issue(3, "Insurance case", [], description="Only for the board."),
]
