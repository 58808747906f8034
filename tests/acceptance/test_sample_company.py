"""The main job over the sample company: real Slack app, real connectors, real database, real embeddings."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest

from indexer.audience import Audience
from lorebot.commands.demo import sample_company
from lorebot.settings import load_settings
from lorebot.wiring import Services, build_assistant, open_services
from tests.acceptance.conftest import (
    Sandbox,
    environment,
    lorebot,
    open_folder,
    running,
    sandbox_of,
    write_config,
)

COMPANY = sample_company()
HANNAH = "hannah.whitlock@ferrowick.example"
BRAM = "bram.dewit@ferrowick.example"
OWEN = "owen.pritchard@ferrowick.example"
PIETER = "pieter.kuipers@ferrowick.example"  # runs IT, and may re-index
FAYE = "faye.donnelly@ferrowick.example"  # a contractor


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (COMPANY / name).read_text("utf-8").splitlines()]


def _tsv(name: str) -> list[list[str]]:
    with (COMPANY / name).open(encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="\t"))[1:]


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    """The sandbox over the sample company."""
    with sandbox_of(COMPANY) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def config(site: Sandbox) -> Iterator[Path]:
    """The configuration of a Lorebot that has indexed the company and is serving it."""
    with open_folder() as folder:
        path = write_config(folder, site.addresses)
        first = lorebot(path, site.addresses, "index", "--json")
        assert first.returncode == 0, first.stderr
        command = [sys.executable, "-m", "lorebot", "--config", str(path), "serve", "--ready"]
        with running(command, ready=lambda line: "ready" in line, env=environment(site.addresses)):
            yield path


@pytest.fixture
def services(site: Sandbox, config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The same configuration, and with it the same database, in this process."""
    for name, value in environment(site.addresses).items():
        if name.startswith("TEST_"):
            monkeypatch.setenv(name, value)
    settings = load_settings(config)
    with open_services(settings) as services:
        yield services


def test_a_mention_in_a_channel_gets_a_cited_answer_whose_links_open(site: Sandbox, config: Path) -> None:
    """The answer needs a page and a ticket; every citation opens at the very place."""
    _, answer = site.ask(
        HANNAH, "general", "@Lorebot My VPN stopped connecting after my holiday, what has changed?"
    )

    assert "OPS-688" in answer
    links = set(re.findall(r"<(http[^|>]+)\|", answer))
    assert links
    for link in links:
        status, html = site.open(link, HANNAH)
        assert status == 200, link
        fragment = unquote(link.partition("#")[2])
        comment = re.search(r"focusedCommentId=(\d+)", link)
        anchor = f"comment-{comment.group(1)}" if comment else fragment
        assert not anchor or f'id="{anchor}"' in html, link


def test_a_follow_up_in_the_thread_is_understood(site: Sandbox, config: Path) -> None:
    """Without a mention, and with words that mean nothing alone."""
    thread, first = site.ask(BRAM, "eng-help", "@Lorebot How long are label files kept?")
    _, second = site.ask(BRAM, "eng-help", "What about those with customs papers?", thread_ts=thread)

    assert "131120" in first
    assert "SHIP-1446" in second


def test_a_direct_message_uses_what_the_asker_alone_may_read(site: Sandbox, config: Path) -> None:
    """Owen is in People and may read the salary bands."""
    _, answer = site.ask(OWEN, "app", "What does a senior engineer in Porto earn at most this year?")

    assert "262208" in answer or "262216" in answer


def test_a_channel_gets_only_what_all_its_members_may_read(site: Sandbox, config: Path) -> None:
    """The same question by the same person, where others read along."""
    question = "@Lorebot What does a senior engineer in Porto earn at most this year?"
    _, answer = site.ask(OWEN, "general", question, contains="Lorebot")

    assert "262208" not in answer
    assert "262216" not in answer
    assert "alary band" not in answer


def test_an_external_channel_is_refused_politely(site: Sandbox, config: Path) -> None:
    """People of another company read along there."""
    _, answer = site.ask(
        "priya.raghunathan@ferrowick.example",
        "ext-swiftlane",
        "@Lorebot Which port does the VPN use?",
        contains="outside",
    )

    assert "OPS-" not in answer
    assert "http" not in answer


@pytest.mark.parametrize(
    "row", _tsv("forbidden.tsv"), ids=lambda row: f"{row[0]}-{row[1].split('@')[0]}-{row[2]}"
)
def test_who_may_not_read_a_document_does_not_learn_that_it_exists(
    row: list[str], site: Sandbox, services: Services
) -> None:
    """Neither in the answer nor among its sources, the nearest included, nor in what is remembered."""
    query, email, document = row
    question = next(each["text"] for each in _rows("queries.jsonl") if each["_id"] == query)
    with services.pool.connection() as connection:
        title = connection.execute(
            "select title from documents where external_id = %s", [document]
        ).fetchone()
    assert title is not None, "the document is indexed, or the test would prove nothing"
    kind = "page" if document.isdigit() else "issue"
    assert not site.may_read(email, **{kind: document})

    answer = build_assistant(services).ask(question, thread=None, audience=Audience.of([email]))

    shown = {citation.external_id for citation in (*answer.citations, *answer.nearest)}
    assert document not in shown
    assert title[0] not in f"{answer.text} {answer.summary}"


def test_the_judged_questions_cite_the_right_document(services: Services) -> None:
    """Sixty questions as the people who asked them: at least nine in ten cite a document that answers."""
    relevant: dict[str, set[str]] = {}
    for query, document, _ in _tsv("qrels/test.tsv"):
        relevant.setdefault(query, set()).add(document)
    assistant = build_assistant(services)

    wrong = []
    for row in _rows("queries.jsonl"):
        audience = Audience.of([row["as"]]) if "as" in row else Audience.operator()
        answer = assistant.ask(row["text"], thread=None, audience=audience)
        if not {citation.external_id for citation in answer.citations} & relevant[row["_id"]]:
            wrong.append(row["_id"])

    assert len(wrong) <= 6, wrong


def test_most_questions_that_nothing_answers_are_refused(services: Services) -> None:
    """The honest answer is "I do not know", with the nearest sources."""
    assistant = build_assistant(services)

    answers = [
        assistant.ask(row["text"], thread=None, audience=Audience.operator())
        for row in _rows("unanswerable.jsonl")
    ]

    refused = [answer for answer in answers if not answer.found]
    assert len(refused) >= 7
    assert all(answer.text == "I do not know." and answer.nearest for answer in refused)


def test_an_edit_a_comment_and_a_deletion_show_after_a_reindex_from_slack(
    site: Sandbox, config: Path
) -> None:
    """An admin types /lore reindex, watches it finish, and asks again."""
    page = site.call("GET", "pages/262231")
    site.call(
        "PUT",
        "pages/262231",
        {"storage": page["storage"] + "<h2>Zebra mode</h2><p>Zebra mode needs code 7741.</p>"},
    )
    site.call(
        "POST",
        "issues/OPS-688/comments",
        {"author": "pieter.kuipers", "body": "The walrus relay moved to rack 9."},
    )
    site.call("DELETE", "pages/262192")
    _, before = site.ask(HANNAH, "app", "What is the code of the Zebra mode of the VPN?", contains="Lorebot")
    assert "7741" not in before

    asked = site.call(
        "POST", "slack/commands", {"user": PIETER, "channel": "app", "command": "/lore", "text": "reindex"}
    )
    assert asked["ok"]
    site.wait("app", user=PIETER, contains="documents (")

    _, edited = site.ask(HANNAH, "app", "What is the code of the Zebra mode of the VPN?")
    assert "7741" in edited
    _, commented = site.ask(HANNAH, "app", "Where did the walrus relay move to?")
    assert "rack 9" in commented
    assert "focusedCommentId=" in commented
    with psycopg.connect(_database_url(config)) as connection:
        assert connection.execute("select 1 from documents where external_id = '262192'").fetchone() is None


def test_refreshing_an_unchanged_site_embeds_nothing(site: Sandbox, config: Path) -> None:
    """Neither incrementally nor in full."""
    lorebot(config, site.addresses, "index")

    for arguments in ([], ["--full"]):
        result = lorebot(config, site.addresses, "index", "--json", *arguments)
        (wiki, tickets) = json.loads(result.stdout)["sources"]
        assert (wiki["embedded"], tickets["embedded"]) == (0, 0)
        assert (wiki["deleted"], tickets["deleted"]) == (0, 0)


def test_the_command_line_answers_from_the_same_index(site: Sandbox, config: Path) -> None:
    """Another process on the same data folder shares the running server."""
    result = lorebot(config, site.addresses, "ask", "Which port does the VPN use?", "--as", HANNAH, "--json")

    answer = json.loads(result.stdout)
    assert answer["found"]
    assert answer["citations"][0]["url"].startswith(site.addresses["confluence"]["url"].removesuffix("/wiki"))


def _database_url(config: Path) -> str:
    from lorebot.database.installation import locate  # noqa: PLC0415

    return locate(config.parent / "data").url
