"""The real thing, started as people start it: the sandbox, Lorebot, a database of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

#: Seconds; on a busy machine importing PyTorch alone may take twenty.
PATIENCE = 120


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A running sandbox and what its admin API can do."""

    addresses: dict[str, Any]

    def call(self, method: str, path: str, body: object = None, **query: object) -> Any:
        """One request to the admin API on the page's origin."""
        url = f"{self.addresses['page_url']}_admin/{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
        with urlopen(request, timeout=PATIENCE) as response:
            return json.loads(response.read() or b"null")

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> str:
        """A person writes; returns the message's ts."""
        body = {"user": user, "channel": channel, "text": text}
        return str(
            self.call("POST", "slack/messages", body | ({"thread_ts": thread_ts} if thread_ts else {}))["ts"]
        )

    def wait(self, channel: str, *, timeout: float = PATIENCE, **query: object) -> list[dict[str, Any]]:
        """The app's messages, once one of them has what ``contains`` says."""
        found: list[dict[str, Any]] = self.call(
            "GET", "slack/wait", channel=channel, timeout=timeout, **query
        )["messages"]
        return found

    def ask(
        self, user: str, channel: str, text: str, *, thread_ts: str | None = None, contains: str = "*Sources*"
    ) -> tuple[str, str]:
        """A person asks; gives the thread and all that the app answered, as text with its blocks."""
        ts = self.say(user, channel, text, thread_ts)
        thread = thread_ts or ts
        # In a direct message the app answers in the thread too.
        messages = self.wait(channel, user=user, thread_ts=thread, after_ts=ts, contains=contains)
        return thread, json.dumps(messages, ensure_ascii=False)

    def may_read(self, user: str, **document: str) -> bool:
        """The site's own verdict."""
        return bool(self.call("GET", "may-read", user=user, **document)["may_read"])

    def open(self, url: str, user: str) -> tuple[int, str]:
        """What a person sees who follows a link."""
        request = Request(url.partition("#")[0], headers={"Cookie": f"sandbox_user={quote(user)}"})
        try:
            with urlopen(request, timeout=PATIENCE) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()


@contextmanager
def running(command: list[str], *, ready: Callable[[str], bool], **options: Any) -> Iterator[str]:
    """A process of ours until the block ends; gives the line on stdout that says it is ready."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    assert process.stdout is not None
    try:
        line = next((line for line in process.stdout if ready(line)), None)
        assert line is not None, f"{command} ended with {process.wait()}"
        yield line
    finally:
        process.terminate()
        process.communicate(timeout=60)


@contextmanager
def sandbox_of(folder: Path, deployment: str = "cloud") -> Iterator[Sandbox]:
    """The sandbox as a process, over a site folder."""
    command = [sys.executable, "-m", "lorebot", "sandbox", "--site", str(folder), "--deployment", deployment]
    with running(command, ready=lambda line: line.startswith("{")) as line:
        yield Sandbox(addresses=json.loads(line))


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users can reach, for the embedded server of root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def write_config(
    folder: Path, addresses: dict[str, Any], *, deployment: str = "cloud", mode: str = "eager"
) -> Path:
    """A configuration over a sandbox, as an operator would write it."""
    lines = [f'data_dir = "{folder / "data"}"', "[embedding]", f'mode = "{mode}"', "[slack]"]
    slack = addresses["slack"]
    lines += [f'base_url = "{slack["base_url"]}"', 'bot_token = "env:TEST_BOT"', 'app_token = "env:TEST_APP"']
    lines += ['admins = ["pieter.kuipers@ferrowick.example"]', "[schedules]", 'refresh = "1h"']
    for name, kind in (("wiki", "confluence"), ("tickets", "jira")):
        lines += ["[[sources]]", f'name = "{name}"', f'kind = "{kind}"', f'url = "{addresses[kind]["url"]}"']
        lines += [f'deployment = "{deployment}"', 'token = "env:TEST_TOKEN"']
        lines += [f'email = "{addresses[kind]["email"]}"'] if addresses[kind]["email"] else []
    path = folder / "lorebot.toml"
    path.write_text("\n".join(lines))
    return path


def environment(addresses: dict[str, Any]) -> dict[str, str]:
    """Where the configuration's secrets are."""
    return os.environ | {
        "TEST_BOT": addresses["slack"]["bot_token"],
        "TEST_APP": addresses["slack"]["app_token"],
        "TEST_TOKEN": addresses["jira"]["token"],
    }


def lorebot(config: Path, addresses: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a script calls it."""
    command = [sys.executable, "-m", "lorebot", "--config", str(config), *arguments]
    return subprocess.run(
        command, env=environment(addresses), capture_output=True, text=True, check=False, timeout=3600
    )
