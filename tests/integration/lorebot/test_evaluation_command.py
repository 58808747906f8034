"""``lorebot eval`` as people and scripts run it, over a small judged collection of tickets and pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import html5lib
import psycopg
import pytest

from indexer.ranking import DEFAULT_STRATEGY, Strategy
from lorebot.evaluation.plain import PLAIN
from lorebot.evaluation.scores import FIGURES
from tests.conftest import link_exports

TICKETS = {
    "HUT-1": (
        "Stove smokes when the wind is from the east",
        "Smoke enters the bunk room with an easterly wind.",
    ),
    "HUT-2": (
        "Smoke in the bunk room",
        "The stove fills the room with smoke; we had to open the marmot shutters.",
    ),
    "HUT-3": ("Bell rope frayed", "The rope of the fog bell is worn through near the pulley."),
}
PAGES = {
    "501": ("Guest book", "Guests sign on arrival and note the route they came by."),
    "502": ("Water", "The spring dries up in August; melt snow on the stove after that."),
}
QUERIES = {
    "HUT-2": "smoke in the bunk room",
    "signing": "where do guests sign",
    "bell": "frayed rope of the bell",
    "unjudged": "who is the warden",
}
#: A phrase that stands in a document's text alone.
SECRET = "marmot shutters"


def run(*arguments: str, cwd: Path, database_url: str) -> subprocess.CompletedProcess[str]:
    """Run ``lorebot eval`` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lorebot", "eval", *arguments],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith("LOREBOT_")}
        | {"PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "200", "NO_COLOR": "1"}
        | {"LOREBOT_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def issue(number: int, key: str, summary: str, description: str) -> dict[str, Any]:
    """A ticket as Jira's REST API v2 gives it."""
    day = "2026-02-03T10:00:00.000+0000"
    fields = {
        "summary": summary,
        "description": description,
        "project": {"key": "HUT", "name": "Hut"},
        "issuetype": {"name": "Task"},
        "status": {"name": "Open"},
        "created": day,
        "updated": day,
        "labels": [],
        "comment": {"comments": [], "total": 0},
    }
    return {"id": str(number), "key": key, "fields": fields}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, exports: Path) -> Path:
    """Three tickets and two pages; a ticket's summary asks for the other one of the same thing."""
    folder = tmp_path_factory.mktemp("work") / "hut"
    link_exports(folder.parent / ".lorebot", exports)
    for name in ("jira", "confluence", "qrels"):
        (folder / name).mkdir(parents=True)
    tickets = [issue(100 + at, key, *words) for at, (key, words) in enumerate(TICKETS.items())]
    pages = [
        {"id": key, "space": "HUT", "title": title, "storage": f"<p>{text}</p>", "version": 1}
        for key, (title, text) in PAGES.items()
    ]
    questions = [{"_id": key, "text": text} for key, text in QUERIES.items()]
    files = {"jira/HUT.jsonl": tickets, "confluence/HUT.jsonl": pages, "queries.jsonl": questions}
    for name, rows in files.items():
        (folder / name).write_text("\n".join(map(json.dumps, rows)))
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nHUT-2\tHUT-1\t1\nsigning\t501\t1\nbell\tHUT-3\t1\n"
    )
    (folder / "exclude.tsv").write_text("query-id\tcorpus-id\nHUT-2\tHUT-2\n")
    return folder


@pytest.fixture(scope="module")
def everything(folder: Path, shared_database_url: str) -> dict[str, Any]:
    """All strategies on one index, with the report and the table."""
    process = run(
        *("hut", "--strategy", "all", "--json", "--keep-vectors"),
        *("--report", "report.html", "--table", "quality.md"),
        cwd=folder.parent,
        database_url=shared_database_url,
    )
    assert (process.returncode, process.stderr) == (0, "")
    result: dict[str, Any] = json.loads(process.stdout)
    return result


def test_one_strategy_is_the_flat_object(folder: Path, shared_database_url: str) -> None:
    """The search's own default, on the questions that are judged; nothing stays in the database."""
    process = run("hut", "--json", cwd=folder.parent, database_url=shared_database_url)

    assert (process.returncode, process.stderr) == (0, "")
    figures = json.loads(process.stdout)
    assert set(figures) == {
        *("queries", *FIGURES, "latency_ms", "documents", "chunks", "index_seconds"),
        *("strategy", "intervals"),
    }
    assert (figures["queries"], figures["documents"]) == (3, 5)
    assert figures["strategy"] == DEFAULT_STRATEGY
    assert figures["recall@5"] == 1
    assert all(low <= figures[name] <= high for name, (low, high) in figures["intervals"].items())
    with psycopg.connect(shared_database_url) as connection:
        schemas = "select count(*) from pg_namespace where nspname like 'lorebot_eval%'"
        assert connection.execute(schemas).fetchone() == (0,)


def test_all_strategies_are_scored_on_one_index(everything: dict[str, Any]) -> None:
    """Those of the search and the plain ones, and every two of them compared."""
    names = [each["strategy"] for each in everything["strategies"]]

    assert set(names) == {*get_args(Strategy), *PLAIN}
    assert names[0] == DEFAULT_STRATEGY
    assert (everything["collection"], everything["documents"]) == ("hut", 5)
    # Titles are texts too.
    assert everything["embedded"] >= everything["chunks"]
    assert len(everything["differences"]) == len(names) * (len(names) - 1) // 2
    # The ticket that asks is the best match of its own summary; left out, the other one comes first.
    assert {each["recall@1"] for each in everything["strategies"] if each["strategy"] in PLAIN} == {1}


def test_kept_vectors_are_not_made_again(
    everything: dict[str, Any], folder: Path, shared_database_url: str
) -> None:
    """The figures stay the same, and the output says that nothing was embedded."""
    process = run(
        *("hut", "--json", "--keep-vectors", "--limit", "2"),
        cwd=folder.parent,
        database_url=shared_database_url,
    )

    figures = json.loads(process.stdout)
    assert (figures["embedded"], figures["queries"], figures["chunks"]) == (0, 2, everything["chunks"])


def test_report_and_table_hold_titles_but_no_text(everything: dict[str, Any], folder: Path) -> None:
    """The report is valid HTML; the table has a row for each strategy."""
    page = (folder.parent / "report.html").read_text()
    table = (folder.parent / "quality.md").read_text()

    html5lib.HTMLParser(strict=True).parse(page)
    assert SECRET not in page + table
    assert all(each["strategy"] in page for each in everything["strategies"])
    assert table.count("\n| `") == len(everything["strategies"])


def test_people_get_a_table(folder: Path, shared_database_url: str) -> None:
    """With intervals, and the difference in a sentence."""
    process = run(
        *("hut", "--strategy", "keyword", "--strategy", "plain-bm25"),
        cwd=folder.parent,
        database_url=shared_database_url,
    )

    assert (process.returncode, process.stderr) == (0, "")
    assert "hut: 3 questions" in process.stdout
    assert "keyword − plain-bm25: nDCG@10" in process.stdout
    assert "5 documents, " in process.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["hut", "--strategy", "guess"], "'guess' is none of "),
        (["hut", "--report", "nowhere/report.html"], "there is no folder "),
    ],
)
def test_wrong_usage_is_said_before_any_work(
    folder: Path, shared_database_url: str, arguments: list[str], line: str
) -> None:
    """Exit code 2, with a word on what was expected."""
    process = run(*arguments, cwd=folder.parent, database_url=shared_database_url)

    assert (process.returncode, process.stdout) == (2, "")
    assert "Usage: " in process.stderr
    assert line in process.stderr


def test_a_broken_collection_is_one_line(folder: Path, tmp_path: Path, shared_database_url: str) -> None:
    """Exit code 1, nothing on stdout; the unit tests go through the kinds of broken files."""
    _copy_questions(folder, tmp_path)
    (tmp_path / "exclude.tsv").write_text("HUT-2\n")

    process = run(str(tmp_path), "--json", cwd=tmp_path, database_url=shared_database_url)

    assert (process.returncode, process.stdout) == (1, "")
    assert "exclude.tsv, line 1: 2 columns parted by tabs are needed" in process.stderr
    assert len(process.stderr.splitlines()) == 1


def _copy_questions(folder: Path, to: Path) -> None:
    for file in ("queries.jsonl", "qrels/test.tsv"):
        (to / file).parent.mkdir(exist_ok=True)
        (to / file).write_text((folder / file).read_text())


def test_a_collection_without_documents_is_one_line(
    folder: Path, tmp_path: Path, shared_database_url: str
) -> None:
    """It says which files were looked for."""
    _copy_questions(folder, tmp_path)

    process = run(str(tmp_path), cwd=tmp_path, database_url=shared_database_url)

    assert (process.returncode, process.stdout) == (1, "")
    assert "holds no corpus.jsonl, jira/ or confluence/" in process.stderr

    (tmp_path / "corpus.jsonl").write_text("no JSON\n")
    process = run(str(tmp_path), cwd=tmp_path, database_url=shared_database_url)

    assert (process.returncode, process.stdout) == (1, "")
    assert "No document of " in process.stderr
