"""Reading a large real site through the connectors alone: speed, requests, memory; and again after 1 % edits.

The site is ``../shared/data/company`` (24,554 tickets, 2,757 pages), and a slice of it to see whether memory grows
with the site. Without that folder nothing is measured.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from figures import Figure
from processes import sandbox, temporary_folder

SHARED = Path(__file__).parents[3] / "shared" / "data" / "company"
READER = Path(__file__).with_name("reader.py")
#: The share of the documents that is edited before the second read.
EDITED = 0.01
#: What that may cost of a full read, in percent.
SHARE = 3.0
#: MiB of the reading process.
MEMORY = 300.0
#: Routes that give the bytes of attached files: one request a file, however the rest is read.
_FILES = re.compile("attachment|_media|/download")
#: Each page costs the known alternative two requests more than its share of the page listing (docs/benchmarks.md).
PER_DOCUMENT = 0.2


def measure(repeats: int) -> list[Figure]:
    """One full read; what it costs is no matter of repeats, and the second read has hundreds of documents."""
    if not SHARED.exists():
        print("reading: skipped, the real data (../shared/data) is not beside this checkout", file=sys.stderr)
        return []
    with temporary_folder() as folder, sandbox(SHARED, folder) as (_, addresses):
        full = {kind: _read(addresses, kind, since=None) for kind in ("confluence", "jira")}
        since = datetime.now(UTC).isoformat()
        edit_a_hundredth(addresses)
        again = {kind: _read(addresses, kind, since=since) for kind in ("confluence", "jira")}
    figures = []
    for kind, read in full.items():
        documents = read["documents"]
        figures += [
            Figure(name=f"{kind}, documents", value=documents, unit=""),
            Figure(name=f"{kind}, documents", value=documents / read["seconds"], unit="1/s"),
            Figure(name=f"{kind}, requests", value=read["requests"], unit=""),
            *(
                Figure(
                    name=f"{kind}, {what} a document",
                    value=read[what] / documents,
                    unit="",
                    at_most=PER_DOCUMENT,
                )
                for what in ("requests", "requests but for files")
            ),
            Figure(name=f"{kind}, peak memory", value=read["peak_mib"], unit="MiB", at_most=MEMORY),
            Figure(name=f"{kind}, read after 1 % edits", value=again[kind]["documents"], unit=""),
        ]
    for what in ("requests", "requests but for files", "seconds"):
        share = 100 * sum(each[what] for each in again.values()) / sum(each[what] for each in full.values())
        figures.append(Figure(name=f"after 1 % edits, {what}", value=share, unit="%", at_most=SHARE))
    return figures + _memory_of_a_tenth(full)


def _memory_of_a_tenth(full: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Peak memory on the whole site beside that on a tenth of it: 1 where memory is flat."""
    with temporary_folder() as folder:
        _write_tenth(folder / "site")
        with sandbox(folder / "site", folder) as (_, addresses):
            tenth = {kind: _read(addresses, kind, since=None) for kind in full}
    return [
        Figure(
            name=f"{kind}, memory whole : a tenth",
            value=full[kind]["peak_mib"] / tenth[kind]["peak_mib"],
            unit="x",
        )
        for kind in full
    ]


def _write_tenth(folder: Path) -> None:
    for kind in ("jira", "confluence"):
        (folder / kind).mkdir(parents=True)
        for path in sorted(_resolved(SHARED / kind).glob("*.jsonl.gz")):
            with gzip.open(path, "rt") as lines, gzip.open(folder / kind / path.name, "wt") as out:
                out.writelines(line for number, line in enumerate(lines) if number % 10 == 0)


def _resolved(folder: Path) -> Path:
    return folder.parent / folder.read_text().strip() if folder.is_file() else folder


def _read(addresses: Mapping[str, Any], kind: str, *, since: str | None) -> dict[str, Any]:
    counted = f"{addresses['page_url']}_admin/requests"
    requests.delete(counted, timeout=60)
    task = {"source": {"name": kind, "kind": kind, **addresses[kind]}, "since": since}
    output = subprocess.run(
        [sys.executable, str(READER), json.dumps(task)], check=True, capture_output=True, text=True
    ).stdout
    found: dict[str, Any] = json.loads(output)
    counts = requests.get(counted, timeout=60).json()
    found["requests"] = sum(counts.values())
    found["requests but for files"] = sum(
        count for route, count in counts.items() if not _FILES.search(route)
    )
    return found


def edit_a_hundredth(addresses: Mapping[str, Any]) -> None:
    """Change about every hundredth document."""
    admin, choose = f"{addresses['page_url']}_admin", random.Random(1)
    for path in sorted(_resolved(SHARED / "jira").glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as lines:
            for key in (json.loads(line)["key"] for line in lines if choose.random() < EDITED):
                change = {"fields": {"summary": f"{key} was edited"}}
                requests.put(f"{admin}/issues/{key}", json=change, timeout=60).raise_for_status()
    for path in sorted(_resolved(SHARED / "confluence").glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as lines:
            for page in (json.loads(line)["id"] for line in lines if choose.random() < EDITED):
                change = {"storage": "<p>This page was edited.</p>"}
                requests.put(f"{admin}/pages/{page}", json=change, timeout=60).raise_for_status()
