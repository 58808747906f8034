"""How fast bodies turn into Markdown on one core, and whether a body ten times as long takes ten times as long."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from figures import Figure, median

from connectors.markup.adf import adf_to_markdown
from connectors.markup.storage import read_storage
from connectors.markup.wiki import wiki_to_markdown

#: Pages of a real wiki, and how many of them count as large.
REAL = Path(__file__).parents[3] / "shared" / "data" / "aws" / "confluence"
LARGEST = 30
#: What the pages are made of: denser in tags than most, so that the figures are low rather than high.
STORAGE = (
    "<h2>Oil the winch</h2><p>Every <strong>first</strong> Monday, see <ac:link><ri:page ri:content-title="
    '"Winch care" /><ac:link-body>how to care for it</ac:link-body></ac:link> &mdash; it takes an hour at most.</p>'
    "<ul><li>Take the <code>M12</code> spanner<ul><li>and the long one</li></ul></li><li>Wipe it dry</li></ul>"
    "<table><tbody><tr><th>Part</th><th>Oil</th></tr><tr><td>Drum</td><td>five drops on each side</td></tr>"
    "<tr><td>Pawl</td><td><p>two drops</p></td></tr></tbody></table>"
    '<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">bash</ac:parameter><ac:plain-text-body>'
    "<![CDATA[winch --turn 3 \\\n    --slowly]]></ac:plain-text-body></ac:structured-macro>"
)
WIKI = (
    "h2. Oil the winch\nEvery *first* Monday, see [how to care for it|https://wiki.example/winch], {{M12}} spanner.\n"
    "* Take it\n** and the long one\n||Part||Oil||\n|Drum|five drops on each side|\n"
    "{code:bash}\nwinch --turn 3\n{code}\nAsk [~bo.kim] about !drum.png|thumbnail!\n"
)
ADF: list[dict[str, Any]] = [
    {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "Oil the winch"}]},
    {
        "type": "paragraph",
        "content": [
            {"type": "text", "text": "Every "},
            {"type": "text", "text": "first", "marks": [{"type": "strong"}]},
            {"type": "text", "text": " Monday, ask "},
            {"type": "mention", "attrs": {"id": "7", "text": "@Bo Kim"}},
            {"type": "text", "text": " for the spanner, and take the long one along as well."},
        ],
    },
    {"type": "codeBlock", "content": [{"type": "text", "text": "winch --turn 3 \\\n    --slowly"}]},
]
#: Bytes of the nodes above in JSON, as the API sends it.
ADF_SIZE = 524


def measure(repeats: int) -> list[Figure]:
    """One megabyte of each markup, then ten of it."""
    converters: dict[str, Callable[[int], tuple[int, Callable[[], object]]]] = {
        "storage format": _storage,
        "wiki markup": _wiki,
        "ADF": _adf,
    }
    figures = []
    for name, prepare in converters.items():
        short, long = (_samples(*prepare(megabytes), repeats) for megabytes in (1, 10))

        figures.append(median(f"{name}, 1 MB", [1 / sample for sample in short], "MB/s"))
        ratio = min(long) / min(short)
        figures.append(
            Figure(name=f"{name}, time per MB of 10 MB against 1 MB", value=ratio, unit="x", at_most=2)
        )
    return [*figures, *_real_pages(repeats)]


def _real_pages(repeats: int) -> list[Figure]:
    """The largest pages of a real wiki, one after another."""
    if not REAL.exists():
        return []
    bodies = [
        json.loads(line)["storage"] for path in sorted(REAL.glob("*.jsonl.gz")) for line in _lines(path)
    ]
    largest = sorted(bodies, key=len)[-LARGEST:]
    size = sum(len(body.encode()) for body in largest)
    samples = _samples(size, lambda: [read_storage(body, lambda _: None) for body in largest], repeats)
    return [
        median(
            f"storage format, the {LARGEST} largest real pages",
            [1 / sample for sample in samples],
            "MB/s",
            at_least=20,
        )
    ]


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt") as lines:
        yield from lines


def _samples(size: int, convert: Callable[[], object], repeats: int) -> Sequence[float]:
    """Seconds per megabyte."""
    samples = []
    for _ in range(repeats):
        started = time.perf_counter()
        convert()
        samples.append((time.perf_counter() - started) / (size / 1e6))
    return samples


def _storage(megabytes: int) -> tuple[int, Callable[[], object]]:
    body = STORAGE * (megabytes * 1_000_000 // len(STORAGE))
    return len(body), lambda: read_storage(body, lambda _: None)


def _wiki(megabytes: int) -> tuple[int, Callable[[], object]]:
    body = WIKI * (megabytes * 1_000_000 // len(WIKI))
    return len(body), lambda: wiki_to_markdown(body, lambda _: None)


def _adf(megabytes: int) -> tuple[int, Callable[[], object]]:
    count = megabytes * 1_000_000 // ADF_SIZE
    document = {"type": "doc", "content": ADF * count}
    return count * ADF_SIZE, lambda: adf_to_markdown(document)
