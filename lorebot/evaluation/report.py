"""The HTML report of an evaluation: one file that needs nothing else, with plots and the worst failures.

It holds questions, ids and titles; no text of a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lorebot.errors import LorebotError
from lorebot.evaluation.charts import Bar, Line, Role, bar_chart, curve_chart, difference_chart, histogram
from lorebot.evaluation.results import Result, Results
from lorebot.evaluation.scores import DEPTH, FIGURES, recall_curve

#: The figure that strategies are compared by comes first: a phone shows the first columns.
_COLUMNS = ("ndcg@10", *(name for name in FIGURES if name != "ndcg@10"))

#: Failures listed at most, and what is shown of each ranking.
_FAILURES = 20
_INSTEAD = 3


@dataclass(frozen=True, kw_only=True)
class Found:
    """A document as the report names it."""

    external_id: str
    #: "" for one that the index does not hold.
    title: str
    #: Its place in the ranking, from 1 on; None when it is not among the first :data:`scores.DEPTH`.
    rank: int | None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A question that was answered badly."""

    question: str
    ndcg: float
    wanted: Sequence[Found]
    #: What came first instead.
    instead: Sequence[Found]


def write_report(results: Results, file: Path) -> None:
    """Write the page.

    Raises:
        LorebotError: the file cannot be written.
    """
    try:
        file.write_text(render(results), "utf-8")
    except OSError as error:
        raise LorebotError(
            f"{file} cannot be written: name a file in a folder that you may write to."
        ) from error


def render(results: Results) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=PackageLoader("lorebot", "evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    main, rival = results.main, results.rival
    return environment.get_template("report.html").render(
        evaluation=results.evaluation,
        results=results.results,
        figures=_COLUMNS,
        main=main,
        rival=rival,
        differences=[
            results.difference(main.strategy, each.strategy) for each in results.results if each is not main
        ],
        headline=results.difference(main.strategy, rival.strategy) if rival else None,
        depth=DEPTH,
        failures=worst_failures(results, main),
        **_charts(results),
    )


def _charts(results: Results) -> dict[str, Markup | None]:
    main, rival = results.main, results.rival
    relevant = results.evaluation.judged.relevant
    lines = [
        Line(values=recall_curve(each.run.rankings, relevant), role=_role(results, each))
        for each in results.results
    ]
    # What is in question is drawn last, over the others.
    lines.sort(key=lambda line: ("other", "rival", "main").index(line.role))
    return {
        "ndcg_chart": bar_chart(
            "nDCG@10 of each strategy with its 95 % interval",
            [_bar(results, each) for each in results.results],
        ),
        "recall_chart": curve_chart("Recall of each strategy by rank", lines, of="rank k"),
        "latency_chart": histogram(
            f"Milliseconds per question of {main.strategy}",
            main.run.latencies_ms,
            marks=main.latency_ms,
            of="milliseconds",
        ),
        "difference_chart": difference_chart(
            f"nDCG@10 of {main.strategy} less that of {rival.strategy}, by question",
            main.figure("ndcg@10") - rival.figure("ndcg@10"),
        )
        if rival
        else None,
    }


def _bar(results: Results, result: Result) -> Bar:
    low, high = result.intervals["ndcg@10"]
    return Bar(
        label=result.strategy,
        value=result.means["ndcg@10"],
        low=low,
        high=high,
        role=_role(results, result),
    )


def _role(results: Results, result: Result) -> Role:
    if result is results.main:
        return "main"
    return "rival" if result is results.rival else "other"


def worst_failures(results: Results, result: Result) -> list[Failure]:
    """The questions with the lowest nDCG@10, those first whose answer is the farthest down."""
    evaluation = results.evaluation
    failures: list[tuple[float, int, Failure]] = []
    for (query, ranking), ndcg in zip(result.run.rankings.items(), result.figure("ndcg@10"), strict=True):
        ranks = {document: rank for rank, document in enumerate(ranking, start=1)}
        wanted = [
            Found(external_id=each, title=evaluation.titles.get(each, ""), rank=ranks.get(each))
            for each in sorted(
                evaluation.judged.wanted(query), key=lambda each: (ranks.get(each, DEPTH + 1), each)
            )
        ]
        instead = [
            Found(external_id=each, title=evaluation.titles.get(each, ""), rank=ranks[each])
            for each in ranking
            if each not in evaluation.judged.wanted(query)
        ][:_INSTEAD]
        best = min((found.rank or DEPTH + 1 for found in wanted), default=DEPTH + 1)
        failure = Failure(
            question=evaluation.judged.queries[query], ndcg=float(ndcg), wanted=wanted, instead=instead
        )
        if best > 1:
            failures.append((failure.ndcg, -best, failure))
    failures.sort(key=lambda each: each[:2])
    return [failure for _, _, failure in failures[:_FAILURES]]
