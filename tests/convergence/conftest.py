"""Random histories: a small site that is served, and a reader in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lorebot.database.pool import open_pool
from sandbox.site import load_site
from tests.convergence.histories import GROUPS, PROJECTS, SPACES, settle
from tests.convergence.past import Past
from tests.convergence.reader import Task
from tests.integration.connectors.conftest import EMAIL, TOKEN, served

PRELOADED = ["connectors.confluence", "connectors.jira", "indexer.refresh", "indexer.embedding"]


@pytest.fixture(scope="session")
def processes() -> Any:
    """Where readers come from: a process without threads that has the heavy modules loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@pytest.fixture
def history(
    processes: Any, shared_database_url: str, tmp_path: Path
) -> Callable[[int], AbstractContextManager[Past]]:
    """The beginning of the history with this number: some people, pages and tickets."""

    @contextmanager
    def begin(seed: int) -> Iterator[Past]:
        choose = random.Random(seed)
        deployment = choose.choice(("cloud", "datacenter"))
        write_site(tmp_path)
        site = load_site(tmp_path)
        settle(site, choose)
        with served(site, deployment) as running, open_pool(shared_database_url) as pool:
            task = Task(
                database_url=shared_database_url,
                prefix=f"{seed}-",
                confluence_url=running.confluence_url,
                jira_url=running.jira_url,
                deployment=deployment,
                email=EMAIL if deployment == "cloud" else None,
                token=TOKEN,
            )
            yield Past(
                site=site,
                loop=running.loop,
                pool=pool,
                task=task,
                processes=processes,
                choose=choose,
                diary=[f"{seed}: {deployment}"],
            )

    return begin


def write_site(folder: Path) -> None:
    """Two spaces and two projects with hardly anything in them."""
    for space in SPACES:
        page = {
            "id": str(100 + SPACES.index(space)),
            "space": space,
            "title": f"Home of {space}",
            "parent_id": None,
        }
        dates = {"created": "2024-01-01T08:00:00.000Z", "updated": "2024-01-01T08:00:00.000Z"}
        rest = {"version": 1, "author": "ann.lee", "labels": [], "storage": "<p>Welcome aboard.</p>"}
        _write(folder / "confluence" / f"{space}.jsonl", page | dates | rest)
    for number, project in enumerate(PROJECTS):
        fields = {
            "summary": "The first ticket",
            "project": {"id": str(10 + number), "key": project, "name": project},
            "created": "2024-01-01T08:00:00.000+0000",
            "updated": "2024-01-01T08:00:00.000+0000",
            "comment": {"comments": [], "total": 0, "maxResults": 0, "startAt": 0},
        }
        _write(
            folder / "jira" / f"{project}.jsonl",
            {"id": str(1000 + number), "key": f"{project}-1", "fields": fields},
        )
    logins = ("ann.lee", "bo.kim", "cy.fox", "di.ode")
    users = [
        {
            "id": f"acc-{n}",
            "login": login,
            "name": login,
            "email": f"{login}@acme.example",
            "groups": [GROUPS[0], GROUPS[n % 3]],
        }
        for n, login in enumerate(logins, 1)
    ]
    settings = {
        "users": [user | {"active": True} for user in users],
        "groups": list(GROUPS),
        "space_permissions": {space: ["group:staff"] for space in SPACES},
        "project_permissions": {project: ["group:crew"] for project in PROJECTS},
    }
    (folder / "site.json").write_text(json.dumps(settings))


def _write(path: Path, row: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(row))
