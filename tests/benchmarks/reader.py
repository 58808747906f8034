"""Reads a whole source through its connector, in a process of its own whose memory is the connector's alone.

One argument, JSON: ``source`` (a table of the configuration) and ``since`` (ISO date: what changed since then; null:
everything). Prints one line of JSON: documents, attachments, unreadable, seconds, peak_mib.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from pathlib import Path

from pydantic import TypeAdapter

from connectors.documents import Connector, Document, DocumentKind, Unreadable
from lorebot.sources import SourceTable
from lorebot.wiring import build_connector

#: As many as an indexing refresh has under way.
BATCHES_AT_ONCE = 3


def main() -> None:
    """Read, and say what was read."""
    task = json.loads(sys.argv[1])
    connector = build_connector(TypeAdapter(SourceTable).validate_python(task["source"]))
    started = time.monotonic()
    counts: Counter[str] = Counter()
    attachments: list[str] = []
    for document in _read(connector, _ids(connector, task["since"])):
        counts["unreadable" if isinstance(document, Unreadable) else "documents"] += 1
        if isinstance(document, Document):
            attachments += [each.id for each in document.attachments]
    for document in _read(connector, attachments):
        counts["unreadable" if isinstance(document, Unreadable) else DocumentKind.ATTACHMENT] += 1
    seconds = time.monotonic() - started
    print(
        json.dumps(
            {**counts, "listed_attachments": len(attachments), "seconds": seconds, "peak_mib": _peak()}
        )
    )


def _ids(connector: Connector, since: str | None) -> Iterator[str]:
    if since is None:
        return (listed.id for listed in connector.listing())
    return iter({changed.id for changed in connector.changes(datetime.fromisoformat(since))})


def _read(connector: Connector, ids: Iterable[str]) -> Iterator[Document | Unreadable]:
    """Several batches at a time, as an indexing refresh does it."""
    waiting = iter(ids)
    with ThreadPoolExecutor(BATCHES_AT_ONCE) as threads:
        while window := list(islice(waiting, BATCHES_AT_ONCE * connector.batch_size)):
            size = connector.batch_size
            batches = [window[start : start + size] for start in range(0, len(window), size)]
            for documents in threads.map(lambda batch: list(connector.documents(batch)), batches):
                yield from documents


def _peak() -> float:
    status = Path("/proc/self/status").read_text("utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, "Linux tells the peak"
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
