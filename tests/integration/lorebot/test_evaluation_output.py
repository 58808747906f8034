"""What ``lorebot eval`` prints for people in a terminal of 80 columns, over texts that have no titles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lorebot.evaluation.plain import PLAIN

TEXTS = {
    "13054": "The bell rope of the tower is replaced every spring.",
    "13055": "Marmots are fed by nobody; they sleep from October on.",
    "13056": "The upper bunk room has nine beds and one window.",
}
QUERIES = {
    "q1": "replacing the bell rope",
    "q2": "when do marmots sleep",
    "q3": "beds in the upper bunk room",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, exports: Path) -> Path:
    """Three texts without titles, in each way that there is."""
    folder = tmp_path_factory.mktemp("untitled")
    titles: tuple[dict[str, str | None], ...] = ({}, {"title": ""}, {"title": None})
    rows = [
        {"_id": key, "text": text, **title} for (key, text), title in zip(TEXTS.items(), titles, strict=True)
    ]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    questions = [json.dumps({"_id": key, "text": text}) for key, text in QUERIES.items()]
    (folder / "queries.jsonl").write_text("\n".join(questions))
    (folder / "qrels").mkdir()
    judgements = [f"{query}\t{document}\t1" for query, document in zip(QUERIES, TEXTS, strict=True)]
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judgements]))
    (folder / ".lorebot").mkdir()
    (folder / ".lorebot" / "models").symlink_to(exports, target_is_directory=True)
    return folder


def lines(folder: Path, database_url: str, *arguments: str) -> list[str]:
    """What is printed on stdout, with no more than 80 columns."""
    process = subprocess.run(
        [sys.executable, "-m", "lorebot", "eval", str(folder), *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("LOREBOT_")}
        | {"PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "80", "NO_COLOR": "1"}
        | {"LOREBOT_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    found = [line.rstrip() for line in process.stdout.splitlines()]
    assert max(map(len, found)) <= 80
    return found


def test_headings_strategies_and_figures_are_whole(folder: Path, shared_database_url: str) -> None:
    """A row a strategy, however many; texts without titles are found by every one of them."""
    found = lines(folder, shared_database_url, "--strategy", "all")

    headings = "strategy R@1 R@5 R@10 R@100 nDCG@10 MRR p50 ms p95 ms"
    (start,) = [at for at, line in enumerate(found) if " ".join(line.split()) == headings]
    rows = {line.split()[0]: line.split()[1:] for line in found[start + 2 : found.index("", start + 2)]}
    assert {"keyword", "vector", *PLAIN} <= rows.keys()
    assert {tuple(row[:6]) for row in rows.values()} == {("1.000",) * 6}


def test_the_interval_of_a_single_strategy_stands_below(folder: Path, shared_database_url: str) -> None:
    """On a line of its own."""
    found = lines(folder, shared_database_url, "--strategy", "keyword")

    assert "nDCG@10 1.000, 95 % interval 1.000 to 1.000" in found
