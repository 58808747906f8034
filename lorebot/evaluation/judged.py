"""Reading a judged collection: its questions, what answers them, and what is never returned.

The layout is that of BEIR (https://github.com/beir-cellar/beir): ``queries.jsonl`` and ``qrels/test.tsv``, with
``exclude.tsv`` beside them (docs/formats.md). What is broken is refused with its place, so that no figure comes from
half of a file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from lorebot.errors import LorebotError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The questions of a collection and which documents answer them."""

    #: Text by query, in the order of the file.
    queries: Mapping[str, str]
    #: Gain (0 or more) by document, by query.
    relevant: Mapping[str, Mapping[str, float]]
    #: Never returned, by query.
    excluded: Mapping[str, frozenset[str]]

    def wanted(self, query: str) -> frozenset[str]:
        """The documents that answer a query."""
        return frozenset(document for document, gain in self.relevant[query].items() if gain > 0)


def read_judged(folder: Path, *, limit: int | None) -> Judged:
    """Read ``queries.jsonl``, ``qrels/test.tsv`` and ``exclude.tsv``; questions without judgements are left out.

    Args:
        folder: of the collection.
        limit: how many judged questions to take, from the first on; None: all.

    Raises:
        LorebotError: a file is missing or broken; the sentence says which, and where.
    """
    queries = dict(_queries(_found(folder, "queries.jsonl")))
    relevant = _relevant(_found(folder, "qrels/test.tsv"))
    unknown = relevant.keys() - queries.keys()
    if unknown:
        log.warning("judged_queries_unknown", collection=folder.name, count=len(unknown))
    judged = [query for query in queries if query in relevant][:limit]
    if not judged:
        raise LorebotError(
            f"{folder} judges none of its queries: qrels/test.tsv names no _id of queries.jsonl."
        )
    exclude = folder / "exclude.tsv"
    excluded = _excluded(exclude, queries) if exclude.is_file() else {}
    return Judged(
        queries={query: queries[query] for query in judged},
        relevant={query: relevant[query] for query in judged},
        excluded={query: frozenset(excluded.get(query, ())) for query in judged},
    )


def _found(folder: Path, name: str) -> Path:
    if not folder.is_dir():
        raise LorebotError(f"There is no folder {folder}: name a judged collection (docs/formats.md).")
    path = folder / name
    if not path.is_file():
        raise LorebotError(f"{folder} is no judged collection: it has no {name} (docs/formats.md).")
    return path


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise LorebotError(f"{path} cannot be read: check who may.") from error
    except UnicodeDecodeError as error:
        raise LorebotError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    # Not splitlines: a question may hold one of the rarer line separators.
    yield from ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _queries(path: Path) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, line in _lines(path):
        place = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise LorebotError(f'{place} is not JSON: a line is {{"_id": …, "text": …}}.') from error
        identity = row.get("_id") if isinstance(row, dict) else None
        text = row.get("text") if isinstance(row, dict) else None
        if isinstance(identity, bool) or not isinstance(identity, str | int) or not isinstance(text, str):
            raise LorebotError(f'{place} is no question: a line is {{"_id": …, "text": …}}.')
        if str(identity) in seen:
            raise LorebotError(f"{place} repeats the _id {identity}: each question needs one of its own.")
        seen.add(str(identity))
        yield str(identity), text


def _relevant(path: Path) -> dict[str, dict[str, float]]:
    relevant: dict[str, dict[str, float]] = {}
    rows = _rows(path, columns=3)
    _, header = next(rows, (0, ["", "", ""]))
    if _gain(header[2]) is not None:
        raise LorebotError(
            f"{path} starts without its header: query-id, corpus-id and score, parted by tabs."
        )
    for number, (query, document, score) in rows:
        gain = _gain(score)
        if gain is None:
            raise LorebotError(f"{path}, line {number}: the score {score!r} is not a number.")
        # As trec_eval: what is judged below zero is not relevant.
        if relevant.setdefault(query, {}).setdefault(document, max(gain, 0.0)) != max(gain, 0.0):
            raise LorebotError(f"{path}, line {number} judges {document} for {query} again, and differently.")
    return relevant


def _gain(score: str) -> float | None:
    try:
        gain = float(score)
    except ValueError:
        return None
    return gain if math.isfinite(gain) else None


def _excluded(path: Path, queries: Mapping[str, str]) -> dict[str, set[str]]:
    """A first line that names no question is the header."""
    excluded: dict[str, set[str]] = {}
    for position, (_, (query, document)) in enumerate(_rows(path, columns=2)):
        if position or query in queries:
            excluded.setdefault(query, set()).add(document)
    return excluded


def _rows(path: Path, *, columns: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in _lines(path):
        cells = [cell.strip() for cell in line.rstrip("\r").split("\t")]
        if len(cells) < columns or not all(cells[:2]):
            raise LorebotError(f"{path}, line {number}: {columns} columns parted by tabs are needed.")
        yield number, cells[:columns]
