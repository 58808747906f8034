"""The plain strategies on a few documents, and the vectors kept between evaluations."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from connectors.documents import Document, DocumentKind, Section, SectionKind
from indexer.embedding import Embedder, Model
from indexer.ranking import DEFAULT_STRATEGY, Strategy
from lorebot.errors import LorebotError
from lorebot.evaluation.kept_vectors import KeptVectors, keeping
from lorebot.evaluation.plain import PLAIN, plain_scorers, require_packages
from lorebot.evaluation.strategies import plain_ranker, resolve, search_strategies

TEXTS = {
    "kettle": ("Kettle", "Descale the kettles with vinegar. " * 60 + "The lid is kept in the blue cupboard."),
    "ferns": ("Ferns", "Ferns are watered on Mondays and Fridays."),
    "bins": ("Bins", "The bins are put out on Thursday evening."),
}


def document(identity: str) -> Document:
    """One of them."""
    title, text = TEXTS[identity]
    return Document(
        source="house",
        id=identity,
        external_id=identity,
        kind=DocumentKind.FILE,
        title=title,
        url=f"file:///{identity}",
        place="house",
        sections=(Section(kind=SectionKind.SECTION, text=text, url=f"file:///{identity}"),),
        access_rules=(),
    )


class Watched(KeptVectors):
    """The real model, and how many tokens each text had that it was given; it keeps them in a folder of its own."""

    def __init__(self, model: Model, folder: Path) -> None:
        super().__init__(model, folder)
        self.sizes: list[int] = []

    def encode(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """As the model."""
        self.sizes += [] if query else [self.count_tokens(text) for text in texts]
        return super().encode(texts, query=query)


def ranked(name: str, question: str, embedder: Embedder) -> list[str]:
    """What a plain strategy finds."""
    documents = [document(identity) for identity in TEXTS]
    scorers = plain_scorers([name], documents, embedder, progress=lambda done, total: None)
    return plain_ranker(documents, scorers[name])(question, 100)


@pytest.mark.parametrize("name", PLAIN)
def test_every_plain_strategy_finds_what_is_asked_for(name: str, embedder: Embedder) -> None:
    """Stemmed words and meaning, each in its own way."""
    assert ranked(name, "watering the fern", embedder)[0] == "ferns"


def test_bm25_stems_and_finds_only_what_shares_a_word(embedder: Embedder) -> None:
    """Stop words are none."""
    assert ranked("plain-bm25", "the descaling of a kettle", embedder) == ["kettle"]
    assert ranked("plain-bm25", "the of a", embedder) == []
    assert ranked("plain-bm25", "zeppelins", embedder) == []


def test_an_id_in_the_place_of_a_title_is_no_word(embedder: Embedder) -> None:
    """Documents without a title are called by their id, which answers nothing; one without any text is no trouble."""
    documents = [replace(document("ferns"), title="ferns"), replace(document("bins"), sections=())]
    scorers = plain_scorers(["plain-bm25"], documents, embedder, progress=lambda done, total: None)
    rank = plain_ranker(documents, scorers["plain-bm25"])

    assert [rank(question, 10) for question in ("fern", "watered", "bin")] == [["ferns"], ["ferns"], ["bins"]]
    untitled = [replace(document("bins"), title="bins")]
    scorers = plain_scorers(["plain-bm25"], untitled, embedder, progress=lambda done, total: None)
    assert scorers["plain-bm25"]("bins") == scorers["plain-bm25"]("evening")


def test_a_long_document_is_found_by_what_stands_at_its_end(embedder: Embedder) -> None:
    """It is cut into runs, and its best one counts."""
    assert ranked("plain-vectors", "in which cupboard is the lid", embedder)[0] == "kettle"


def test_no_run_is_longer_than_said(tmp_path: Path) -> None:
    """About 230 tokens with the title, within the model's window."""
    embedder = Embedder()
    with closing(Watched(embedder.model, tmp_path)) as watched:
        embedder.adopt(watched)
        documents = [document(identity) for identity in TEXTS]
        plain_scorers(["plain-vectors"], documents, embedder, progress=lambda done, total: None)

    assert len(watched.sizes) > len(TEXTS)
    assert 200 < max(watched.sizes) <= 230


def test_fusions_prefer_what_both_find(embedder: Embedder) -> None:
    """Whatever either of them puts first alone."""
    for name in ("plain-rrf", "plain-minmax"):
        assert ranked(name, "bins on Thursday", embedder)[0] == "bins"


def test_the_choices_are_those_of_the_search_and_the_plain_ones() -> None:
    """A new strategy of the search is a choice by itself; the default comes first."""
    assert set(search_strategies()) == set(get_args(Strategy))
    assert search_strategies()[0] == DEFAULT_STRATEGY
    assert resolve([]) == [DEFAULT_STRATEGY]
    assert resolve(["all"]) == [*search_strategies(), *PLAIN]
    assert resolve(["plain-rrf", "plain", "keyword", "keyword"])[:2] == ["plain-rrf", "plain-bm25"]
    assert resolve(["plain", "keyword", "keyword"]) == [*PLAIN, "keyword"]
    with pytest.raises(ValueError, match="'guess' is none of"):
        resolve(["guess"])


def test_missing_packages_are_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to install them."""
    require_packages()
    monkeypatch.setitem(sys.modules, "bm25s", None)

    with pytest.raises(LorebotError, match=r"pip install 'lorebot\[eval\]'"):
        require_packages()


def test_a_kept_vector_is_not_embedded_again(tmp_path: Path) -> None:
    """In another process either; order and repetition are the caller's. Afterwards the embedder is as it was."""
    embedder = Embedder()
    model = embedder.model
    texts = [text for _, text in TEXTS.values()]
    with keeping(embedder, tmp_path / "vectors") as kept:
        first = embedder.encode([*texts, texts[0]])
        assert kept.embedded == len(texts)
    with closing(Watched(model, tmp_path / "seen")) as watched:
        embedder.adopt(watched)
        with keeping(embedder, tmp_path / "vectors") as kept:
            again = embedder.encode([texts[2], "something new", texts[0]])
            assert (kept.embedded, len(watched.sizes)) == (1, 1)
            # A question is embedded as ever, so that its time is real.
            assert (embedder.encode([texts[0]], query=True) == model.encode([texts[0]], query=True)).all()
        assert embedder.model is watched

    assert (again[0] == first[2]).all()
    assert (again[2] == first[0]).all()
    assert (first[3] == first[0]).all()
    # Rounded as the index rounds them.
    assert np.abs(first[:3] - model.encode(texts)).max() < 1e-3


def test_only_digests_and_vectors_are_kept(tmp_path: Path, embedder: Embedder) -> None:
    """No text of a document lies in the file."""
    with closing(KeptVectors(embedder.model, tmp_path)) as kept:
        kept.encode([TEXTS["ferns"][1]])
    (file,) = tmp_path.iterdir()

    assert b"Ferns" not in file.read_bytes()
    with closing(sqlite3.connect(file)) as database:
        ((digest, vector),) = database.execute("select digest, vector from vectors").fetchall()
    assert (len(digest), len(vector)) == (12, 2 * embedder.dimensions)
