"""What an evaluation leaves in the database, however it ends: nothing, or what the next one clears away."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from indexer.errors import IndexerError
from lorebot.commands.evaluate import _ending_in_order
from lorebot.evaluation.scratch import scratch_index

SENTENCE = "The warden of the hut on the ridge rings the fog bell at dusk, and again when the cloud comes up."


def schemas(connection: psycopg.Connection) -> set[str]:
    """The scratch schemas that there are."""
    found = connection.execute("select nspname from pg_namespace where nspname like 'lorebot\\_eval\\_%'")
    return {name for (name,) in found}


@contextmanager
def evaluating(folder: Path, exports: Path, database_url: str) -> Iterator[subprocess.Popen[str]]:
    """``lorebot eval`` on a collection that takes some minutes, from its first chunk on."""
    rows = [{"_id": f"d{at}", "title": f"Hut {at}", "text": f"{at}: {SENTENCE * 10}"} for at in range(5000)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "fog bell"}))
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td1\t1\n")
    (folder / ".lorebot").mkdir()
    (folder / ".lorebot" / "models").symlink_to(exports, target_is_directory=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "lorebot", "eval", ".", "--json"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("LOREBOT_")}
        | {"PYTHONPATH": str(Path(__file__).parents[3]), "LOREBOT_DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for_chunks(process, database_url)
        yield process
    finally:
        process.kill()
        process.communicate()


def _wait_for_chunks(process: subprocess.Popen[str], database_url: str) -> None:
    pause = threading.Event()
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(1200):
            assert process.poll() is None
            for schema in schemas(connection):
                (table,) = connection.execute("select to_regclass(%s)", [f"{schema}.chunks"]).fetchone() or ()
                if table and connection.execute(f"select 1 from {schema}.chunks limit 1").fetchone():
                    return
            pause.wait(0.05)
    pytest.fail("no chunk in a minute")


def _wait_until_alone(connection: psycopg.Connection) -> None:
    """The server takes a moment to notice that a client was killed."""
    others = "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    pause = threading.Event()
    for _ in range(1200):
        if not connection.execute(others).fetchone():
            return
        pause.wait(0.05)
    pytest.fail("the killed process is still connected after a minute")


def test_sigterm_ends_in_order(tmp_path: Path, exports: Path, database_url: str) -> None:
    """In the middle of indexing: the schema is gone, nothing was printed, and the exit code says why."""
    with evaluating(tmp_path, exports, database_url) as process:
        process.terminate()
        output = process.communicate(timeout=60)

    assert (process.returncode, output) == (128 + signal.SIGTERM, ("", ""))
    with psycopg.connect(database_url) as connection:
        assert schemas(connection) == set()


def test_what_a_killed_evaluation_left_is_cleared_away_by_the_next(
    tmp_path: Path, exports: Path, database_url: str
) -> None:
    """And not before it has ended: while it runs, another one leaves its schema alone."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        with evaluating(tmp_path, exports, database_url) as process:
            (running,) = schemas(connection)
            with scratch_index(database_url, language="english"):
                assert running in schemas(connection)
            process.kill()
            process.communicate()
        _wait_until_alone(connection)
        assert schemas(connection) == {running}

        with scratch_index(database_url, language="english"):
            assert running not in schemas(connection)
        assert schemas(connection) == set()


def test_schemas_that_only_look_alike_are_left_alone(database_url: str) -> None:
    """Somebody else's name for something else."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create schema lorebot_eval_notes; create schema lorebot_eval_0a1b2c3d")
        with scratch_index(database_url, language="english"):
            pass
        assert schemas(connection) == {"lorebot_eval_notes"}


def test_words_are_those_of_the_configured_language(database_url: str) -> None:
    """As in the index itself."""
    with scratch_index(database_url, language="german") as pool, pool.connection() as connection:
        assert connection.execute("select language from word_index").fetchall() == [("german",)]


def test_a_language_that_the_database_lacks_leaves_no_schema(database_url: str) -> None:
    """It is refused with those that there are."""
    with (
        pytest.raises(IndexerError, match="has no 'klingon'"),
        scratch_index(database_url, language="klingon"),
    ):
        pytest.fail("there is no such language")
    with psycopg.connect(database_url) as connection:
        assert schemas(connection) == set()


def test_what_sigterm_cuts_off_is_not_told() -> None:
    """The driver warns of each statement that it could not end, while the block is left; afterwards as before."""
    driver = logging.getLogger("psycopg")
    told = []

    def ended() -> None:
        with _ending_in_order():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                told.append(driver.isEnabledFor(logging.WARNING))

    with pytest.raises(SystemExit):
        ended()

    assert told == [False]
    assert driver.isEnabledFor(logging.WARNING)
