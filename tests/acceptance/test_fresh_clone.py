"""What the README promises: two commands on a fresh clone, up to the first cited answer in Slack."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.acceptance.conftest import Sandbox

pytestmark = [pytest.mark.fresh, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """The repository as it is committed, cloned into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        target = Path(folder) / "lorebot"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(target)], check=True)
        yield target


def _environment() -> dict[str, str]:
    """Nothing of this environment: no virtual environment, no settings of ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LOREBOT_", "VIRTUAL_ENV", "PYTHON"))
    }
    virtual = os.environ.get("VIRTUAL_ENV", str(REPOSITORY / ".venv"))
    kept["PATH"] = os.pathsep.join(
        path for path in kept["PATH"].split(os.pathsep) if not path.startswith(virtual)
    )
    return kept


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _first_cited_answer(page: str, process: subprocess.Popen[str], patience: float) -> dict[str, Any]:
    """Ask until an answer has sources: the index fills while we ask."""
    sandbox = Sandbox(addresses={"page_url": page})
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        assert process.poll() is None, "make demo ended by itself"
        try:
            urlopen(page, timeout=5).close()
            asked = sandbox.say(
                "hannah.whitlock@ferrowick.example", "general", "@Lorebot Which port does the VPN use?"
            )
            found = {"thread_ts": asked, "after_ts": asked, "contains": "*Sources*"}
            return sandbox.wait("general", timeout=5, **found)[-1]
        except OSError:
            continue  # not up yet, or nothing found yet
    raise AssertionError("no cited answer in time")


def test_make_demo_answers_with_a_citation(clone: Path) -> None:
    """The first command, on a machine where nothing is installed."""
    port = _free_port()
    process = subprocess.Popen(
        ["make", "demo", f"ARGS=--port {port}"],
        cwd=clone,
        env=_environment(),
        text=True,
        start_new_session=True,
    )
    try:
        answer = _first_cited_answer(f"http://127.0.0.1:{port}/", process, patience=1500)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)

    assert "VPN" in json.dumps(answer)


def test_make_test_passes(clone: Path) -> None:
    """The second command."""
    result = subprocess.run(
        ["make", "test"],
        cwd=clone,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )

    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
