"""The command line as people and scripts use it: what it prints, how it fails, and how light it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.collection import CollectionConnector
from indexer.embedding import Embedder
from indexer.ranking import DEFAULT_STRATEGY
from indexer.refresh import refresh
from lorebot.commands.demo import demo_settings
from lorebot.commands.sandbox import Deployment
from lorebot.database.pool import open_pool
from lorebot.embedder import embedding_options
from lorebot.settings import load_settings

COMMANDS = [
    "demo",
    "serve",
    "bot",
    "worker",
    "scheduler",
    "sandbox",
    "index",
    "search",
    "ask",
    "eval",
    "status",
    "doctor",
]
CORPUS = {
    "p1": ("Print spooler", "Restart the print spooler with systemctl restart cups."),
    "p2": ("Holidays", "Holidays are requested in the people portal."),
    "p3": ("VPN", "The VPN certificate is renewed in the key portal every year."),
}

#: Runs each command line of the JSON object on stdin, and prints exit code, stdout and stderr of each.
_MANY = """
import contextlib, io, json, sys
from lorebot.cli import main
results = {}
for name, arguments in json.load(sys.stdin).items():
    sys.argv = ["lorebot", *arguments]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    results[name] = {"code": code, "stdout": out.getvalue(), "stderr": err.getvalue()}
print(json.dumps(results))
"""


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``lorebot`` as a process of its own."""
    return _python("-m", "lorebot", *arguments, cwd=cwd, **environment)


def _python(
    *arguments: str, cwd: Path, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith("LOREBOT_")}
        | {"PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "200", "NO_COLOR": "1"}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judged collection of three documents; one of its questions has its answer excluded."""
    folder = tmp_path_factory.mktemp("collection")
    rows = [{"_id": key, "title": title, "text": text} for key, (title, text) in CORPUS.items()]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    queries = {
        "q1": "restart the print spooler",
        "q2": "requesting holidays",
        "q3": "renew the VPN certificate",
    }
    queries["q4"] = "never judged"
    (folder / "queries.jsonl").write_text(
        "\n".join(json.dumps({"_id": key, "text": text}) for key, text in queries.items())
    )
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\tp1\t1\nq2\tp2\t1\nq3\tp3\t1\n"
    )
    (folder / "exclude.tsv").write_text("query-id\tcorpus-id\nq3\tp3\n")
    return folder


@pytest.fixture(scope="module")
def indexed(shared_database_url: str, collection: Path, embedder: Embedder) -> str:
    """The URL of a database with that collection in it."""
    with open_pool(shared_database_url) as pool:
        connector = CollectionConnector(name="wiki", folder=collection)
        refresh(pool, connector, embedder, full=True, mode="eager", progress=lambda _: None)
    return shared_database_url


@pytest.fixture(scope="module")
def printed(indexed: str, collection: Path) -> dict[str, Any]:
    """What each command prints with --json, one after the other in one process: PyTorch takes seconds."""
    calls = {
        "search": ("search", "restart the spooler", "--limit", "2", "--json"),
        "ask": ("ask", "How do I restart the print spooler?", "--thread", "t", "--json"),
        "status": ("status", "--json"),
        "doctor": ("doctor", "--json"),
        "eval": ("eval", str(collection), "--json"),
        "search as": ("search", "spooler", "--as", "Nobody@example.com", "--json"),
    }
    # What is searched is what is configured.
    sources = json.dumps([{"name": "wiki", "kind": "files", "path": str(collection)}])
    environment = {"LOREBOT_DATABASE_URL": indexed, "LOREBOT_SOURCES": sources}
    process = _python("-c", _MANY, cwd=collection, stdin=json.dumps(calls), **environment)
    assert process.returncode == 0, process.stderr
    results: dict[str, Any] = json.loads(process.stdout)
    return results


def one_object(result: Any) -> Any:
    """The one JSON object on stdout; nothing is on stderr."""
    assert len(result["stdout"].splitlines()) == 1, result["stderr"]
    assert result["stderr"] == ""
    return json.loads(result["stdout"])


def test_search_prints_its_hits(printed: dict[str, Any]) -> None:
    """With exactly the keys that scripts rely on."""
    found = one_object(printed["search"])

    assert printed["search"]["code"] == 0
    assert set(found) == {"hits", "timings_ms"}
    assert len(found["hits"]) == 2
    assert set(found["hits"][0]) == {"document_id", "external_id", "title", "url", "kind", "score", "text"}
    assert (found["hits"][0]["external_id"], found["hits"][0]["title"]) == ("p1", "Print spooler")
    assert one_object(printed["search as"])["hits"][0]["external_id"] == "p1"


def test_ask_prints_an_answer_with_citations(printed: dict[str, Any]) -> None:
    """Found, quoted, cited, and with the summary of its thread."""
    answer = one_object(printed["ask"])

    assert set(answer) == {"answer", "found", "citations", "model", "summary", "new_topic", "timings_ms"}
    assert (answer["found"], answer["model"], answer["new_topic"]) == (True, "extractive", False)
    assert "systemctl restart cups" in answer["answer"]
    assert "[1]" in answer["answer"]
    assert set(answer["citations"][0]) == {"number", "title", "url", "external_id", "kind"}
    assert answer["citations"][0]["external_id"] == "p1"
    assert answer["summary"].startswith("Asked: How do I restart")


def test_status_prints_sources_and_models(printed: dict[str, Any]) -> None:
    """Documents, chunks, vectors and freshness."""
    found = one_object(printed["status"])

    assert {"sources", "models", "database"} <= set(found)
    (source,) = found["sources"]
    assert (source["name"], source["documents"], source["chunks"], source["embedded"]) == ("wiki", 3, 3, 3)
    assert (source["last_error"], source["waiting"], source["failed"], source["refused"]) == (None, 0, 0, [])
    assert (
        source["last_changes"] == source["last_sweep"] == source["last_permissions"] == source["last_started"]
    )
    assert found["unreadable"] == []
    assert found["models"] == {"embedding": "all-MiniLM-L6-v2", "answers": "extractive"}


def test_doctor_checks_everything_and_says_how_to_mend_it(printed: dict[str, Any]) -> None:
    """Database, model and source are well; Slack is not configured, which is a failure."""
    found = one_object(printed["doctor"])

    checks = {check["name"]: check for check in found["checks"]}
    assert (found["ok"], printed["doctor"]["code"]) == (False, 1)
    assert [checks[name]["ok"] for name in ("database", "embedding model", "language model")] == [True] * 3
    assert "slack.bot_token is missing" in checks["Slack"]["detail"]
    assert checks["source wiki"]["ok"]


def test_eval_prints_exact_figures_and_leaves_nothing_behind(printed: dict[str, Any], indexed: str) -> None:
    """Two of three questions are answered at the first rank; the third's answer is never returned."""
    figures = one_object(printed["eval"])

    latency, seconds = figures.pop("latency_ms"), figures.pop("index_seconds")
    strategy, intervals = figures.pop("strategy"), figures.pop("intervals")
    assert strategy == DEFAULT_STRATEGY
    assert intervals["ndcg@10"] == [0, 1]
    assert set(latency) == {"p50", "p95"}
    assert 0 < latency["p50"] <= latency["p95"]
    assert seconds > 0
    assert figures == {
        "queries": 3,
        "documents": 3,
        "chunks": 3,
        **{f"recall@{k}": 0.6667 for k in (1, 5, 10, 100)},
        "ndcg@10": 0.6667,
        "mrr@10": 0.6667,
    }
    with psycopg.connect(indexed) as connection:
        schemas = connection.execute(
            "select count(*) from pg_namespace where nspname like 'lorebot_eval%'"
        ).fetchone()
    assert schemas == (0,)


def test_help_names_every_command_and_imports_nothing_heavy(tmp_path: Path) -> None:
    """It answers at once."""
    shown = run("--help", cwd=tmp_path)

    assert shown.returncode == 0
    assert all(f" {command} " in shown.stdout for command in COMMANDS)
    code = (
        "import sys, lorebot.cli; "
        "print([name for name in ('torch', 'psycopg', 'slack_bolt', 'atlassian', 'numpy', 'openai', 'pydantic') "
        "if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--config", "no.toml", "status"], 2, "lorebot: There is no configuration file no.toml."),
        (["status", "--config", "no.toml"], 2, "lorebot: There is no configuration file no.toml."),
        (["status", "--config", "typo.toml"], 2, "lorebot: typo.toml: the key data_dri is unknown"),
        (["--config", "unreachable.toml", "status"], 1, "lorebot: The database does not answer"),
        (["status", "--config", "unreachable.toml", "--json"], 1, "lorebot: The database does not answer"),
        (["index"], 2, "lorebot: No source is configured"),
        (
            ["index", "other", "--config", "source.toml"],
            2,
            "lorebot: There is no source other; there are: wiki.",
        ),
        (
            ["search", "x", "--source", "other", "--config", "source.toml"],
            2,
            "lorebot: There is no source other",
        ),
        (["bot"], 2, "lorebot: slack.bot_token is missing"),
        (["scheduler"], 2, "lorebot: No source is configured"),
    ],
)
def test_a_failure_is_one_line_and_an_exit_code(
    tmp_path: Path, arguments: list[str], code: int, line: str
) -> None:
    """Two for configuration, one for what does not answer; stdout stays empty."""
    (tmp_path / "typo.toml").write_text('data_dri = "x"')
    (tmp_path / "unreachable.toml").write_text('[database]\nurl = "postgresql://u:s3cret@127.0.0.1:1/x"')
    (tmp_path / "source.toml").write_text(
        '[[sources]]\nname = "wiki"\nkind = "jira"\nurl = "http://127.0.0.1:1"\nemail = "a@b.c"\ntoken = "env:HOME"'
    )

    process = run(*arguments, cwd=tmp_path)

    assert (process.returncode, process.stdout) == (code, "")
    assert process.stderr.startswith(line)
    assert len(process.stderr.splitlines()) == 1
    assert "s3cret" not in process.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["search"],
        ["search", "x", "--limit", "0"],
        ["ask", "--json"],
        ["eval", ".", "--strategy", "x"],
    ],
)
def test_wrong_usage_is_exit_code_2_without_a_traceback(tmp_path: Path, arguments: list[str]) -> None:
    """With a word on what was expected."""
    process = run(*arguments, cwd=tmp_path)

    assert (process.returncode, process.stdout) == (2, "")
    assert "Usage: " in process.stderr
    assert "Traceback" not in process.stderr


@pytest.fixture
def closed_site() -> Iterator[str]:
    """The URL of a site that refuses everybody."""

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refuse) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def failed_index(tmp_path: Path, database_url: str, url: str) -> list[str]:
    """The lines on stderr of a refresh that fails: the report is empty and the exit code tells."""
    (tmp_path / "lorebot.toml").write_text(
        f'[[sources]]\nname = "gone"\nkind = "jira"\nurl = "{url}"\nemail = "a@b.c"\ntoken = "env:HOME"'
    )
    process = run("index", "--json", cwd=tmp_path, LOREBOT_DATABASE_URL=database_url)
    assert process.returncode == 1
    assert json.loads(process.stdout) == {"sources": []}
    return process.stderr.splitlines()


def test_a_site_that_refuses_is_one_line(tmp_path: Path, indexed: str, closed_site: str) -> None:
    """It says what to check."""
    (line,) = failed_index(tmp_path, indexed, closed_site)
    assert line.startswith("lorebot: gone: ")
    assert "check e-mail" in line.lower() or "token" in line


@pytest.mark.slow
def test_a_site_that_does_not_answer_ends_in_one_line(tmp_path: Path, indexed: str) -> None:
    """After all retries."""
    (line,) = failed_index(tmp_path, indexed, "http://127.0.0.1:1")
    assert line.startswith("lorebot: gone: ")


def test_eval_of_a_folder_that_is_no_collection_is_one_line(tmp_path: Path, indexed: str) -> None:
    """It says what a collection needs."""
    process = run("eval", str(tmp_path), "--json", cwd=tmp_path, LOREBOT_DATABASE_URL=indexed)

    assert (process.returncode, process.stdout) == (1, "")
    assert "is no judged collection" in process.stderr
    assert len(process.stderr.splitlines()) == 1


def test_a_demo_of_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """Said once, though the sandbox is a process of its own."""
    process = run("demo", "--site", str(tmp_path / "nowhere"), cwd=tmp_path)

    assert (process.returncode, process.stdout) == (1, "")
    (line,) = process.stderr.splitlines()
    assert line.startswith("lorebot: There is no site folder")


def test_the_demo_keeps_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is configured, it writes to no real index and to no real workspace."""
    monkeypatch.setenv("LOREBOT_DATABASE_URL", "postgresql://production/lorebot")
    monkeypatch.setenv("LOREBOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOREBOT_SEARCH_LANGUAGE", "german")
    monkeypatch.setenv("LOREBOT_SLACK_BOT_TOKEN", "xoxb-real")
    real = {"name": "wiki", "kind": "jira", "url": "https://acme.example", "email": "e", "token": "t"}
    monkeypatch.setenv("LOREBOT_SOURCES", json.dumps([real]))
    account = {"url": "http://127.0.0.1:2", "email": "e", "token": "t"}
    slack = {
        "base_url": "http://127.0.0.1:1/api/",
        "bot_token": "xoxb-1",
        "app_token": "xapp-1",
        "signing_secret": "s",
    }

    settings = demo_settings(
        load_settings(None),
        tmp_path,
        Deployment.CLOUD,
        {"slack": slack, "jira": account, "confluence": account},
    )

    assert settings.database.url is None
    assert settings.slack.bot_token is not None
    assert settings.slack.bot_token.get_secret_value() == "xoxb-1"
    assert [source.url for source in settings.sources] == ["http://127.0.0.1:2", "http://127.0.0.1:2"]
    assert settings.data_dir.name.startswith("demo-")
    assert settings.search.language == "german"
    # Every site uses the models that the installation has prepared.
    assert embedding_options(settings).exports == tmp_path / "data" / "models"
