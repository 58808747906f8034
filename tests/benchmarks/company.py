"""The sample company as a benchmark needs it: served, indexed by ``lorebot serve``, ready for questions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from people import Question, SlackPeople, company_questions
from processes import sandbox, serve, temporary_folder, until

from connectors.documents import Connector
from indexer import status
from lorebot.commands.demo import sample_company
from lorebot.database import embedded
from lorebot.database.pool import open_pool
from lorebot.sources import ConfluenceTable, JiraTable
from lorebot.wiring import build_connector

#: Seconds; an idle machine with two cores needs half a minute.
_INDEXING = 600.0


@dataclass(frozen=True, kw_only=True)
class RunningCompany:
    """A company whose bot answers."""

    people: SlackPeople
    questions: list[Question]
    sandbox: subprocess.Popen[str]
    serve: subprocess.Popen[str]


@contextmanager
def running_company() -> Iterator[RunningCompany]:
    """The sandbox and ``lorebot serve`` on an empty data folder, from when all documents have vectors."""
    site = sample_company()
    with temporary_folder() as folder, sandbox(site, folder) as (sandbox_process, addresses):
        # The server is shared with the process that is measured.
        server = embedded.start(folder / "data")
        try:
            with open_pool(server.url) as pool, serve(addresses, folder) as serve_process:
                people = SlackPeople(addresses["page_url"])

                def is_ready() -> bool:
                    if serve_process.poll() is not None:
                        raise RuntimeError("lorebot serve has ended; its reason is above")
                    found = status.sources(pool)
                    return len(found) == 2 and all(source.last_finished for source in found)

                until(is_ready, what="all sources are indexed", timeout=_INDEXING, interval=0.5)
                until(people.connected, what="the bot is connected", timeout=30)
                yield RunningCompany(
                    people=people,
                    questions=company_questions(site),
                    sandbox=sandbox_process,
                    serve=serve_process,
                )
        finally:
            server.close()


def company_connectors(addresses: Mapping[str, Any]) -> list[Connector]:
    """The connectors of a sandbox's two sources, as a configuration would give them."""
    return [
        build_connector(ConfluenceTable(name="wiki", kind="confluence", **addresses["confluence"])),
        build_connector(JiraTable(name="tickets", kind="jira", **addresses["jira"])),
    ]
