"""Starts what a benchmark measures, each as a process of its own, and stops it again."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Seconds that a process has to end after SIGTERM before it is killed.
_GRACE = 30.0

#: The environment variables that hold the secrets; the configuration names them alone.
_SECRETS = ("BENCH_BOT_TOKEN", "BENCH_APP_TOKEN", "BENCH_SITE_TOKEN")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that the embedded database can use: as root that runs as another user, who has to get in."""
    with tempfile.TemporaryDirectory(
        prefix="lorebot-bench-", dir="/tmp"
    ) as name:  # a short path for its socket
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def lorebot(*arguments: str, folder: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A running ``lorebot`` command in a folder of its own, without any configuration from outside."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LOREBOT_")}
    environment |= options.pop("environment", {})
    process = subprocess.Popen(
        [sys.executable, "-m", "lorebot", *arguments], cwd=folder, env=environment, text=True, **options
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def sandbox(site: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The sandbox's process and the addresses that it prints."""
    with lorebot("sandbox", "--site", str(site), folder=folder, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError("the sandbox did not start; its reason is above")
        yield process, json.loads(line)


@contextmanager
def serve(addresses: Mapping[str, Any], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """``lorebot serve`` on a sandbox, with its data in ``folder / "data"``."""
    config = folder / "lorebot.toml"
    config.write_text(_configuration(addresses, folder / "data"), "utf-8")
    secrets = (addresses["slack"]["bot_token"], addresses["slack"]["app_token"], addresses["jira"]["token"])
    environment = dict(zip(_SECRETS, secrets, strict=True))
    with lorebot("serve", "--config", str(config), folder=folder, environment=environment) as process:
        yield process


def _configuration(addresses: Mapping[str, Any], data_dir: Path) -> str:
    bot, app, site = _SECRETS
    lines = [
        f'data_dir = "{data_dir}"',
        "[slack]",
        f'bot_token = "env:{bot}"',
        f'app_token = "env:{app}"',
        f'base_url = "{addresses["slack"]["base_url"]}"',
    ]
    for name, kind in (("wiki", "confluence"), ("tickets", "jira")):
        lines += [
            "[[sources]]",
            f'name = "{name}"',
            f'kind = "{kind}"',
            f'url = "{addresses[kind]["url"]}"',
            f'email = "{addresses[kind]["email"]}"',
            f'token = "env:{site}"',
        ]
    return "\n".join(lines)


def free_ports() -> int:
    """A port that is free together with the next one, for the page and the site."""
    for _ in range(100):
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
            return port
    raise RuntimeError("no two neighbouring ports are free")


def until(holds: Callable[[], bool], *, what: str, timeout: float, interval: float = 0.1) -> None:
    """Look again and again until something holds.

    Raises:
        TimeoutError: it never did; ``what`` says what was waited for.
    """
    deadline = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:.0f} s")
        time.sleep(interval)


def peak_memory(process: subprocess.Popen[str]) -> float:
    """The most memory that a process has held so far, in MiB (VmHWM, see proc_pid_status(5))."""
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"process {process.pid} has ended")
    return int(found[1]) / 1024
