"""``lorebot adapt`` as people and scripts run it: on an empty index, and with tunings that were learned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from indexer.adaptation.tunings import TuningState, add, entries
from indexer.embedding import Embedder
from indexer.models import follow

GAIN = {"pairs": 1_200, "before": 0.5123, "after": 0.5254, "gain": 0.0131, "low": 0.0042, "high": 0.0219}

#: Runs each command line of the JSON list on stdin, and prints exit code, stdout and stderr of each.
_MANY = """
import contextlib, io, json, sys
from lorebot.cli import main
results = []
for arguments in json.load(sys.stdin):
    sys.argv = ["lorebot", "adapt", *arguments]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""


class Adapt:
    """Command lines on one database, one after the other in one process: each alone takes seconds to start."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LOREBOT_")},
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "LOREBOT_DATABASE_URL": database_url,
        }

    def run(self, *lines: str) -> list[tuple[int, str, str]]:
        """Exit code, stdout and stderr of each."""
        process = subprocess.run(
            [sys.executable, "-c", _MANY],
            input=json.dumps([line.split() for line in lines]),
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return [(code, out, err) for code, out, err in json.loads(process.stdout)]


@pytest.fixture
def adapt(tmp_path: Path, exports: Path, database_url: str) -> Adapt:
    """The command on a fresh database."""
    (tmp_path / ".lorebot").mkdir()
    (tmp_path / ".lorebot" / "models").symlink_to(exports, target_is_directory=True)
    return Adapt(tmp_path, database_url)


def one_object(result: tuple[int, str, str]) -> Any:
    """The one JSON object on stdout; nothing is on stderr."""
    code, out, err = result
    assert (code, err, len(out.splitlines())) == (0, "", 1)
    return json.loads(out)


def test_an_empty_index_teaches_nothing(adapt: Adapt) -> None:
    """Which is no failure of `train`; what is not there can be neither promoted nor taken back."""
    trained, said, listed, shown, promoted, taken_back = adapt.run(
        "train --json", "train", "list --json", "list", "promote 7", "rollback --json"
    )

    training = one_object(trained)
    assert set(training) == {"outcome", "tuning_id", "taken_back", "metrics", "seconds"}
    assert (training["outcome"], training["tuning_id"], training["taken_back"]) == ("too small", None, None)
    assert training["metrics"]["chunks"] == 0
    assert said == (0, "There is too little to learn from: searches stay as they are.\n", "")
    assert one_object(listed) == {"tunings": []}
    assert shown == (0, "Nothing was learned yet: `lorebot adapt train` does it now.\n", "")
    assert promoted[:2] == taken_back[:2] == (1, "")
    assert promoted[2] == "lorebot: There is no tuning 7; `lorebot adapt list` shows those that exist.\n"
    assert taken_back[2] == "lorebot: No tuning is live: searches are as they were built.\n"


def learned(pool: ConnectionPool, embedder: Embedder) -> int:
    """A candidate of the model that searches use."""
    model_id = follow(pool, embedder).id
    with pool.connection() as connection:
        return add(
            connection, model_id=model_id, matrix=None, weights={"cosine": 0.7}, metrics={"ndcg": GAIN}
        )


def states(pool: ConnectionPool) -> dict[int, str]:
    """By id."""
    with pool.connection() as connection:
        return {entry.id: entry.state for entry in entries(connection)}


def test_a_tuning_is_listed_with_its_figures(adapt: Adapt, pool: ConnectionPool, embedder: Embedder) -> None:
    """For scripts with every key, for people in one line."""
    tuning = learned(pool, embedder)
    listed, shown = adapt.run("list --json", "list")

    (entry,) = one_object(listed)["tunings"]
    created = entry.pop("created_at")
    assert entry == {
        "id": tuning,
        "model": "all-MiniLM-L6-v2",
        "state": "candidate",
        "adapts_vectors": False,
        "weights": {"cosine": 0.7},
        "metrics": {"ndcg": GAIN},
        "decided_at": None,
    }
    assert created[:2] == "20"
    assert shown[0] == 0
    rows = [" ".join(line.split()) for line in shown[1].splitlines()]
    assert f"{tuning} candidate 0.512 +0.013 [+0.004, +0.022] 1,200 now all-MiniLM-L6-v2" in rows


def test_a_tuning_is_promoted_and_rolled_back(adapt: Adapt, pool: ConnectionPool, embedder: Embedder) -> None:
    """Each time with the ids; what was live before is live again, and at last nothing."""
    first, second = learned(pool, embedder), learned(pool, embedder)
    results = adapt.run(
        f"promote {first} --json", f"promote {second}", f"promote {second}", "rollback --json", "rollback"
    )

    assert one_object(results[0]) == {"live": first}
    assert results[1] == (0, f"The tuning {second} is live.\n", "")
    assert results[2] == (1, "", f"lorebot: The tuning {second} is live already.\n")
    assert one_object(results[3]) == {"rejected": second, "live": first}
    assert results[4] == (0, f"The tuning {first} is rejected; searches are as they were built.\n", "")
    assert states(pool) == {first: TuningState.REJECTED, second: TuningState.REJECTED}


def test_a_tuning_is_named_by_its_number(adapt: Adapt) -> None:
    """Wrong usage otherwise."""
    wrong, missing = adapt.run("promote newest", "promote")

    assert (wrong[:2], missing[:2]) == ((2, ""), (2, ""))
    assert "Invalid value for 'ID'" in wrong[2]
    assert "Missing argument 'ID'" in missing[2]
