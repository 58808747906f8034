"""Whether passages can answer at all, and summaries that stay bounded."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from indexer.search import Hit
from inference.answers import Citation
from inference.relevance import answerable, relevance
from inference.summaries import LONGEST, extend_summary, summarise


def test_relevance_adds_shared_words_to_the_cosine(hit: Callable[..., Hit]) -> None:
    """A chunk without a vector yet counts by its words alone."""
    assert relevance("restart spooler", hit(1, "nothing", similarity=0.3)) == 0.3
    assert relevance("restart spooler", hit(1, "Restarting it", similarity=0.3)) == 0.5
    assert relevance("restart spooler", hit(1, "spoolers restarted")) == 0.4


def test_what_is_unlike_the_question_does_not_answer_it(hit: Callable[..., Hit]) -> None:
    """The honest answer is that one does not know."""
    near, far = hit(1, "Restart the spooler.", similarity=0.7), hit(2, "Holidays.", similarity=0.1)

    assert answerable("How do I restart the spooler?", [far, near])
    assert not answerable("How do I restart the spooler?", [far])
    assert not answerable("How do I restart the spooler?", [])


def test_a_code_that_no_passage_knows_is_not_answered(hit: Callable[..., Hit]) -> None:
    """Its neighbours look alike and mean something else."""
    other = hit(1, "ERR_LABEL_6202 means that the label is too long.", similarity=0.9)

    assert answerable("What does ERR_LABEL_6202 mean?", [other])
    assert not answerable("What does ERR_LABEL_6201 mean?", [other])
    assert not answerable("What became of OPS-12?", [other])
    assert answerable("What became of OPS-12?", [hit(2, "x", named=True)])


def _citation(title: str) -> Citation:
    return Citation(number=1, title=title, url="u", external_id="1", kind="section", place="Ops")


def test_a_summary_gains_a_line_of_question_answer_and_place() -> None:
    """Without the marks, and with the beginning of the answer alone."""
    summary = extend_summary(
        "Old.", "Why?", "Because [1]. It is so [2]. And more.", [_citation("Page 1")] * 2
    )

    assert summary == "Old.\nAsked: Why? Answer: Because. It is so. (Page 1)"


@given(
    st.lists(st.tuples(st.text(max_size=3000), st.text(max_size=3000), st.text(max_size=300)), max_size=12)
)
def test_a_summary_stays_bounded_however_long_the_thread(turns: list[tuple[str, str, str]]) -> None:
    """The oldest lines go first; the newest stays."""
    summary = ""
    for question, answer, title in turns:
        summary = extend_summary(summary, question, answer, [_citation(title)])
        assert summary.split("\n")[-1].startswith("Asked:")
    assert len(summary) <= LONGEST


def test_without_a_model_the_summary_is_put_together_from_the_thread() -> None:
    """Nothing else is asked."""
    assert (
        summarise(None, summary="", question="Why?", answer="So.", citations=[]) == "Asked: Why? Answer: So."
    )
