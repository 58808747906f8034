"""A small site of our own, and both deployments of it on real ports."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer, unused_port
from yarl import URL

from sandbox.atlassian.admin import create_admin_routes
from sandbox.atlassian.app import Credentials, create_atlassian_app
from sandbox.site import Site, load_site

Deployment = Literal["cloud", "datacenter"]
EMAIL, TOKEN = "bot@harbour.example", "s3cret"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A served site: `get` calls the API with the right credentials and returns status and JSON."""

    url: str
    admin_url: str
    site: Site
    deployment: Deployment
    session: ClientSession

    @property
    def headers(self) -> dict[str, str]:
        if self.deployment == "datacenter":
            return {"Authorization": f"Bearer {TOKEN}"}
        return {"Authorization": "Basic " + b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()}

    async def get(self, path: str, **params: Any) -> tuple[int, Any]:
        async with self.session.get(self.url + path, headers=self.headers, params=params) as response:
            return response.status, await response.json()

    async def post(self, path: str, data: Any) -> tuple[int, Any]:
        async with self.session.post(self.url + path, headers=self.headers, json=data) as response:
            return response.status, await response.json()

    async def admin(self, method: str, path: str, data: Any = None) -> tuple[int, Any]:
        async with self.session.request(method, self.admin_url + path, json=data) as response:
            return response.status, await response.json()

    async def page(self, path: str | URL, viewer: str | None = None) -> tuple[int, str]:
        headers = {"Cookie": f"sandbox_user={viewer}"} if viewer else {}
        async with self.session.get(URL(f"{self.url}{path}", encoded=True), headers=headers) as response:
            return response.status, await response.text()


def issue(
    number: int, *, project: str = "ENG", comments: int = 0, updated: str, **fields: Any
) -> dict[str, Any]:
    person = {"name": "ada", "key": "ada", "displayName": "Ada Reed", "emailAddress": "ada@harbour.example"}
    return {
        "id": str(20000 + number + (500 if project == "HR" else 0)),
        "key": f"{project}-{number}",
        "fields": {
            "summary": f"Ticket {number}",
            "description": "h2. Cause\nThe *pump* of [~ada] is {{stuck}}.",
            "project": {"id": "10" if project == "ENG" else "11", "key": project, "name": f"{project} work"},
            "status": {"name": "Open", "id": "1", "statusCategory": {"key": "new", "name": "To Do"}},
            "issuetype": {"name": "Bug", "id": "1"},
            "reporter": person,
            "creator": person,
            "assignee": None,
            "labels": ["pump"],
            "created": "2024-01-01T08:00:00.000+0000",
            "updated": updated,
            "comment": {
                "comments": [
                    {
                        "id": str(90000 + each),
                        "author": person,
                        "body": f"Note *{each}*",
                        "created": "2024-01-02T08:00:00.000+0000",
                        "updated": "2024-01-02T08:00:00.000+0000",
                    }
                    for each in range(comments)
                ]
            },
            **fields,
        },
    }


def wiki_page(number: int, *, space: str = "DOC", parent: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": str(500 + number),
        "space": space,
        "title": f"Page {number}",
        "parent_id": str(500 + parent) if parent else None,
        "version": 3,
        "created": "2023-05-01T10:00:00.000Z",
        "updated": f"2024-02-{number:02d}T10:30:00.000Z",
        "author": "ada",
        "labels": ["guide"],
        "storage": f"<h2>First steps</h2><p>Valve number {number} &nbsp; turns left.</p>",
        **more,
    }


PEOPLE = {"ada": ["staff", "ops"], "bo": ["staff"], "cy": ["guests"], "dee": ["staff", "ops"]}


def write_site(folder: Path) -> None:
    (folder / "jira").mkdir()
    (folder / "confluence" / "attachments" / "501").mkdir(parents=True)
    (folder / "confluence" / "attachments" / "501" / "plan.txt").write_bytes(b"the plan")
    issues = [issue(n, updated=f"2024-03-{n:02d}T09:00:00.000+0000") for n in range(1, 8)]
    issues.append(issue(8, updated="2024-03-08T09:00:00.000+0000", comments=130))
    (folder / "jira" / "ENG.jsonl").write_text("\n".join(map(json.dumps, issues)))
    hr = [issue(1, project="HR", updated="2024-04-01T09:00:00.000+0000")]
    (folder / "jira" / "HR.jsonl.gz").write_bytes(gzip.compress(json.dumps(hr[0]).encode()))
    comment = {
        "id": "7001",
        "author": "bo",
        "created": "2024-02-20T10:00:00.000Z",
        "storage": "<p>Thanks</p>",
    }
    attachment = {"id": "att9001", "title": "plan.txt", "media_type": "text/plain", "author": "ada"}
    attachment["created"] = "2024-02-21T10:00:00.000Z"
    pages = [wiki_page(1, comments=[comment], attachments=[attachment])]
    pages += [wiki_page(2, parent=1), wiki_page(3, parent=2), wiki_page(4), wiki_page(5, space="OPS")]
    pages.append(wiki_page(6, type="blogpost"))
    for space in ("DOC", "OPS"):
        lines = [json.dumps(each) for each in pages if each["space"] == space]
        (folder / "confluence" / f"{space}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    users = [
        {
            "id": f"acc-{login}",
            "login": login,
            "name": f"{login.title()} Reed",
            "email": f"{login}@harbour.example",
            "groups": groups,
            "active": login != "dee",
        }
        for login, groups in PEOPLE.items()
    ]
    settings = {
        "users": users,
        "groups": ["staff", "ops", "guests"],
        "space_permissions": {"DOC": ["group:staff", "user:acc-cy"], "OPS": ["anyone"]},
        "page_restrictions": {"502": ["group:ops"], "503": ["user:acc-bo", "user:acc-ada"]},
        "project_permissions": {
            "ENG": ["group:staff", "group:guests", "user:acc-ada"],
            "HR": ["user:acc-bo"],
        },
        "issue_security": {"ENG-2": ["group:ops"], "ENG-3": ["group:ops", "user:acc-bo"]},
    }
    (folder / "site.json").write_text(json.dumps(settings))


@pytest.fixture
def site_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "harbour"
    folder.mkdir()
    write_site(folder)
    return folder


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve(site_folder: Path) -> AsyncIterator[Serve]:
    """Serve the sample site (or another folder) as one deployment, with the admin API on another port."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession())

        async def start(deployment: Deployment, folder: Path = site_folder) -> Server:
            site, port = load_site(folder), unused_port()
            url = f"http://127.0.0.1:{port}"
            credentials = Credentials(email=EMAIL, token=TOKEN)
            app = create_atlassian_app(site, deployment=deployment, credentials=credentials, base_url=url)
            await stack.enter_async_context(TestServer(app, port=port))
            admin = web.Application()
            admin.add_routes(create_admin_routes(site))
            admin_server = await stack.enter_async_context(TestServer(admin))
            admin_url = str(admin_server.make_url("/_admin"))
            return Server(url=url, admin_url=admin_url, site=site, deployment=deployment, session=session)

        yield start
