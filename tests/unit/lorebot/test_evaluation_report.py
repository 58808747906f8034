"""The report and the table of an evaluation: valid, self-contained, and without the text of a document."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import html5lib
import numpy as np
import pytest

from indexer.ranking import DEFAULT_STRATEGY
from lorebot.errors import LorebotError
from lorebot.evaluation.judged import Judged
from lorebot.evaluation.report import render, worst_failures, write_report
from lorebot.evaluation.results import Results, as_json, summarise
from lorebot.evaluation.run import Evaluation, Run
from lorebot.evaluation.scores import FIGURES
from lorebot.evaluation.table import BEGIN, END, write_table

MAIN = DEFAULT_STRATEGY
QUESTIONS = {"q1": "How is the boiler lit?", "q2": "Who feeds the <carp> & the ducks?", "q3": "When is tea?"}
RANKINGS = {
    MAIN: {"q1": ["boiler", "pond"], "q2": ["boiler", "pond"], "q3": ["boiler"]},
    "plain-bm25": {"q1": ["pond", "boiler"], "q2": ["boiler", "pond"], "q3": ["kitchen"]},
    "plain-rrf": {"q1": ["pond"], "q2": ["boiler"], "q3": ["boiler"]},
}
TITLES = {"boiler": "The boiler", "pond": 'Pond <script>alert("carp")</script>', "kitchen": "Kitchen"}


def results(*strategies: str, collection: str = "garden") -> Results:
    """These strategies on three questions, of which one's answer is not in the index."""
    judged = Judged(
        queries=QUESTIONS,
        relevant={
            "q1": {"boiler": 1.0},
            "q2": {"pond": 1.0, "boiler": 0.0},
            "q3": {"kitchen": 2.0, "gone": 1.0},
        },
        excluded={},
    )
    runs = [Run(strategy=name, rankings=RANKINGS[name], latencies_ms=[4.0, 2.0, 9.5]) for name in strategies]
    return summarise(
        Evaluation(
            collection=collection,
            judged=judged,
            runs=runs,
            titles=TITLES,
            documents=3,
            chunks=7,
            index_seconds=1.25,
            embedded=None,
        )
    )


def parsed(page: str) -> ElementTree.Element:
    """The page as a tree; a parser that forgives nothing has read it."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)


@pytest.mark.parametrize("strategies", [[MAIN], ["plain-bm25"], [MAIN, "plain-rrf"], list(RANKINGS)])
def test_the_page_is_valid_html_that_loads_nothing(strategies: list[str]) -> None:
    """Whatever was run: no script, no address, and a policy that forbids both."""
    page = render(results(*strategies))
    tree = parsed(page)

    assert tree.find(".//h1").text == "garden"
    assert {element.tag for element in tree.iter()} & {"script", "link", "img", "iframe", "object"} == set()
    assert not re.search(r"(?:src|href|url\()\s*=?\s*[\"']?", re.sub(r"\"default-src[^>]*>", "", page))
    assert "default-src 'none'" in page


def test_every_figure_and_interval_is_in_the_table() -> None:
    """As the JSON has them."""
    found = results(*RANKINGS)
    rows = parsed(render(found)).findall(".//table")[0].findall(".//tbody/tr")
    words = {row.find("th").text: "".join(row.itertext()) for row in rows}

    assert set(words) == set(RANKINGS)
    for each in found.results:
        for name in FIGURES:
            low, high = each.intervals[name]
            assert f"{each.means[name]:.3f}{low:.3f}–{high:.3f}" in words[each.strategy]


def test_plots_say_what_they_show() -> None:
    """Each with a title for those who hear the page."""
    plots = parsed(render(results(*RANKINGS))).findall(".//{*}svg[@role='img']")

    titles = [plot.find("{*}title").text for plot in plots]
    assert len(titles) == 4
    assert any("nDCG@10 of each strategy" in title for title in titles)
    assert f"nDCG@10 of {MAIN} less that of plain-bm25, by question" in titles


def test_the_worst_failures_come_first_with_their_ranks() -> None:
    """What was wanted and where it is, and what came instead; a question answered at once is none."""
    found = results(*RANKINGS)

    tea, carp = worst_failures(found, found.main)

    assert (tea.question, tea.ndcg) == ("When is tea?", 0.0)
    assert [(each.external_id, each.title, each.rank) for each in tea.wanted] == [
        ("gone", "", None),
        ("kitchen", "Kitchen", None),
    ]
    assert [(each.external_id, each.rank) for each in tea.instead] == [("boiler", 1)]
    assert [(each.external_id, each.rank) for each in carp.wanted] == [("pond", 2)]
    page = render(found)
    assert "Who feeds the &lt;carp&gt; &amp; the ducks?" in page
    assert "not among the first 100" in page
    assert "(not in the index)" in page


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """After all that work, it has to be clear."""
    with pytest.raises(LorebotError, match="cannot be written"):
        write_report(results(MAIN), tmp_path)


def test_main_and_rival_are_the_default_and_the_best_plain_one() -> None:
    """Without a plain one, the best other; alone, nobody."""
    assert [results(*RANKINGS).main.strategy, results(*RANKINGS).rival.strategy] == [MAIN, "plain-bm25"]
    assert results(MAIN).rival is None
    assert results("plain-rrf", "plain-bm25").main.strategy == "plain-rrf"


def test_json_of_one_strategy_is_flat_and_of_several_a_list_with_differences() -> None:
    """The keys that scripts rely on."""
    one = as_json(results(MAIN))
    flat = {
        "queries",
        *FIGURES,
        "latency_ms",
        "documents",
        "chunks",
        "index_seconds",
        "strategy",
        "intervals",
    }
    assert set(one) == flat
    assert (one["queries"], one["recall@1"], one["latency_ms"]) == (3, 0.3333, {"p50": 4.0, "p95": 9.5})

    several = as_json(results(MAIN, "plain-bm25"))
    assert set(several) == {"collection", "documents", "chunks", "index_seconds", "strategies", "differences"}
    assert several["strategies"][0] == one
    (difference,) = several["differences"]
    assert (difference["strategy"], difference["against"]) == (MAIN, "plain-bm25")
    assert difference["recall@1"] == pytest.approx(0.3333 - 0.1667, abs=1e-3)
    low, high = difference["intervals"]["recall@1"]
    assert low <= difference["recall@1"] <= high


def test_a_difference_turned_round_has_the_other_sign() -> None:
    """Bounds and all."""
    found = results(*RANKINGS)
    there, back = found.difference(MAIN, "plain-rrf"), found.difference("plain-rrf", MAIN)

    assert [there.means[name] for name in FIGURES] == [-back.means[name] for name in FIGURES]
    assert np.allclose(
        [there.intervals[name] for name in FIGURES], [[-high, -low] for low, high in back.intervals.values()]
    )


def test_the_table_replaces_its_own_part_and_leaves_the_rest(tmp_path: Path) -> None:
    """Other collections' parts, and what people wrote around."""
    file = tmp_path / "quality.md"
    file.write_text(f"# Quality\n\nAbove.\n\n{BEGIN}\nold\n{END}\n\nBelow.\n")

    write_table(results(*RANKINGS), file)
    write_table(results(MAIN, collection="park"), file)
    once = file.read_text()
    write_table(results(*RANKINGS), file)

    assert file.read_text() == once
    assert once.startswith(
        f"# Quality\n\nAbove.\n\n{BEGIN}\n\n### garden\n\n3 questions, 3 documents, 7 chunks."
    )
    assert once.endswith(f"{END}\n\nBelow.\n")
    assert re.findall(r"^### (.*)", once, flags=re.M) == ["garden", "park"]
    assert "old" not in once
    assert f"`{MAIN}` less `plain-bm25` on the same questions: nDCG@10 " in once


def test_a_table_is_begun_where_there_is_none(tmp_path: Path) -> None:
    """And refused where the markers are lost."""
    write_table(results(MAIN), tmp_path / "new.md")
    assert (tmp_path / "new.md").read_text().startswith(f"{BEGIN}\n\n### garden\n")

    (tmp_path / "lost.md").write_text("# Quality\n")
    with pytest.raises(LorebotError, match="has no place for the figures"):
        write_table(results(MAIN), tmp_path / "lost.md")
