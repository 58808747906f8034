"""A Markdown table of figures inside a file that people write: one part for each collection, between two markers."""

from __future__ import annotations

import re
from pathlib import Path

from lorebot.errors import LorebotError
from lorebot.evaluation.results import Result, Results

BEGIN, END = "<!-- quality:begin -->", "<!-- quality:end -->"

_COLUMNS = ("recall@5", "recall@10", "recall@100", "mrr@10")


def write_table(results: Results, file: Path) -> None:
    """Put the collection's part in the place of its old one, or behind the others; a missing file is begun.

    Raises:
        LorebotError: the file cannot be read or written, or has lost one of its markers.
    """
    try:
        text = file.read_text("utf-8") if file.exists() else f"{BEGIN}\n{END}\n"
        file.write_text(_replaced(text, results, file), "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LorebotError(
            f"{file} cannot be read or written: check who may, and that it is UTF-8."
        ) from error


def _replaced(text: str, results: Results, file: Path) -> str:
    before, begin, rest = text.partition(BEGIN)
    block, end, after = rest.partition(END)
    if not begin or not end:
        raise LorebotError(f"{file} has no place for the figures: add the lines {BEGIN} and {END}.")
    parts = {part.split("\n", 1)[0]: part.strip() for part in re.split(r"^### ", block, flags=re.M)[1:]}
    new = render_table(results).removeprefix("### ")
    parts[new.split("\n", 1)[0]] = new.strip()
    body = "\n\n".join(f"### {part}" for part in parts.values())
    return f"{before}{BEGIN}\n\n{body}\n\n{END}{after}"


def render_table(results: Results) -> str:
    """The collection's part: a heading, what was indexed, the strategies, and what the main one gains."""
    evaluation = results.evaluation
    lines = [
        f"### {evaluation.collection}",
        "",
        f"{len(evaluation.judged.queries):,} questions, {evaluation.documents:,} documents, "
        f"{evaluation.chunks:,} chunks.",
        "",
        f"| strategy | nDCG@10 (95 %) | {' | '.join(_COLUMNS)} | p50 ms | p95 ms |",
        f"|---|---|{'---|' * len(_COLUMNS)}---|---|",
        *(_row(each) for each in results.results),
    ]
    if results.rival is not None:
        gain = results.difference(results.main.strategy, results.rival.strategy)
        low, high = gain.intervals["ndcg@10"]
        share = gain.means["ndcg@10"] / (results.rival.means["ndcg@10"] or 1)
        lines += [
            "",
            f"`{gain.strategy}` less `{gain.against}` on the same questions: nDCG@10 {gain.means['ndcg@10']:+.3f} "
            f"({low:+.3f} to {high:+.3f}), {share:+.0%}.",
        ]
    return "\n".join(lines) + "\n"


def _row(result: Result) -> str:
    low, high = result.intervals["ndcg@10"]
    figures = [f"{result.means['ndcg@10']:.3f} ({low:.3f}–{high:.3f})"]
    figures += [f"{result.means[name]:.3f}" for name in _COLUMNS]
    figures += [f"{value:.1f}" for value in result.latency_ms.values()]
    return f"| `{result.strategy}` | {' | '.join(figures)} |"
