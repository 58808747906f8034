"""From ``lorebot demo`` on an empty folder to the first cited answer, and to a complete index."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from typing import IO

import requests
from figures import Figure, median
from people import SlackPeople, company_questions
from processes import free_ports, lorebot, temporary_folder, until

from lorebot.commands.demo import sample_company

#: Seconds from the command to the first cited answer, on two cores.
TARGET = 60.0

#: What the demo prints for each of its two sources once the last chunk has its vector.
_COMPLETE = re.compile(r"(wiki|tickets): [\d,]+ documents are searchable")

#: Seconds between an answer without a citation and asking again.
_PAUSE = 0.5


def measure(repeats: int) -> list[Figure]:
    """Start the demo so many times."""
    runs = [_start_once() for _ in range(repeats)]
    page, first, cited, indexed = zip(*runs, strict=True)
    return [
        median("the page answers", page, "s"),
        median("first answer of any kind", first, "s"),
        median("first cited answer", cited, "s", at_most=TARGET),
        median("everything is indexed and embedded", indexed, "s"),
    ]


def _start_once() -> tuple[float, float, float, float]:
    question = company_questions(sample_company())[0]
    port = free_ports()
    page_url = f"http://127.0.0.1:{port}/"
    with temporary_folder() as folder:
        started = time.perf_counter()
        with lorebot(
            "demo",
            "--port",
            str(port),
            folder=folder,
            environment={"LOREBOT_DATA_DIR": str(folder / "data")},
            stderr=subprocess.PIPE,
        ) as demo:
            assert demo.stderr is not None
            output = _Output(demo.stderr)
            until(lambda: _answers(page_url), what="the page answers", timeout=60, interval=0.05)
            page = time.perf_counter() - started
            people = SlackPeople(page_url)
            reaction = people.ask(question)
            first = time.perf_counter() - started
            while not reaction.cited:
                if time.perf_counter() - started > 10 * TARGET:
                    raise TimeoutError(f"no cited answer; the demo said:\n{output}")
                time.sleep(_PAUSE)
                reaction = people.ask(question)
            cited = time.perf_counter() - started
            until(lambda: output.time_of_last(2) is not None, what="a complete index", timeout=600)
            return page, first, cited, (output.time_of_last(2) or 0.0) - started


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


class _Output:
    """Reads along what the demo prints, and notes when."""

    def __init__(self, lines: IO[str]) -> None:
        self._seen: list[tuple[float, str]] = []
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            self._seen.append((time.perf_counter(), line))

    def time_of_last(self, count: int) -> float | None:
        """When the last of so many complete sources was told; None before."""
        found = [moment for moment, line in self._seen if _COMPLETE.search(line)]
        return found[count - 1] if len(found) >= count else None

    def __str__(self) -> str:
        return "".join(line for _, line in self._seen)
