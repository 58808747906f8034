"""``lorebot index`` and ``lorebot status`` over a folder that loses most of its files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def lorebot(*arguments: str, cwd: Path, database_url: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lorebot", *arguments],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith("LOREBOT_")}
        | {"PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "200", "NO_COLOR": "1"}
        | {"LOREBOT_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_deletions_that_look_like_a_fault_wait_for_confirm(tmp_path: Path, database_url: str) -> None:
    """Refused with the command that overrides it, shown by status until then, and done by that command."""
    folder = tmp_path / "manuals"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.md").write_text(f"# Manual {number}\n\nTurn the knob {number} times.\n")
    (tmp_path / "lorebot.toml").write_text(
        '[embedding]\nmode = "lazy"\n[[sources]]\nname = "manuals"\nkind = "files"\npath = "manuals"\n'
    )
    first = lorebot("index", "--json", cwd=tmp_path, database_url=database_url)
    assert (first.returncode, first.stderr) == (0, "")
    (report,) = json.loads(first.stdout)["sources"]
    assert (report["documents"], report["failed"]) == (30, 0)

    for number in range(25):
        (folder / f"{number}.md").unlink()
    refused = lorebot("index", "manuals", cwd=tmp_path, database_url=database_url)
    assert refused.returncode == 1
    assert "refusing to delete 83 % of manuals (25 of 30 documents)" in refused.stderr
    assert "run `lorebot index manuals --confirm`" in refused.stderr
    (source,) = json.loads(lorebot("status", "--json", cwd=tmp_path, database_url=database_url).stdout)[
        "sources"
    ]
    assert (source["documents"], len(source["refused"])) == (30, 1)
    assert "refusing to delete 83 %" in lorebot("status", cwd=tmp_path, database_url=database_url).stdout

    confirmed = lorebot("index", "--confirm", "--json", cwd=tmp_path, database_url=database_url)
    assert confirmed.returncode == 0
    (report,) = json.loads(confirmed.stdout)["sources"]
    assert (report["documents"], report["deleted"]) == (5, 25)
