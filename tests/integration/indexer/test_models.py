"""Embedding models in the database: the first, another one built beside it, and the change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from indexer import model_build, models
from indexer.audience import Audience
from indexer.embedding import Embedder, Model, open_model
from indexer.errors import EmbeddingError, IndexerError
from indexer.model_build import build_model
from indexer.search import search
from indexer.status import sources

#: A build in a process of its own, which says after each batch how many vectors it has stored.
_BUILD = """
import sys
from pathlib import Path
from indexer import vectors
from indexer.embedding import Embedder, EmbeddingOptions, open_model
from indexer.model_build import build_model
from lorebot.database.pool import open_pool
url, folder, exports = sys.argv[1:]
vectors.BATCH = 4
options = EmbeddingOptions(exports=Path(exports))
with open_pool(url) as pool:
    build_model(pool, Embedder(options=options), open_model(folder, options),
                progress=lambda done, total: print(done, flush=True))
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Former vectors go at once, where no search needs them."""
    monkeypatch.setattr(model_build, "_GRACE", 0.0)


@pytest.fixture
def index(index: Any, embedder: Embedder) -> Any:
    """A fresh index with an embedder of its own, because it changes."""
    index.embedder = Embedder(options=embedder.options)
    return index


@pytest.fixture
def tiny(tiny_model: Path, embedder: Embedder) -> Model:
    """The other model."""
    return open_model(str(tiny_model), embedder.options)


def fill(index: Any, source: Any, document: Callable[..., Any], count: int) -> None:
    source.put(*(document(number, f"Printer {number} is on floor {number % 7}.") for number in range(count)))
    index.refresh(source)


def counts(index: Any) -> dict[str, int]:
    """Vectors by model."""
    return dict(
        index.rows(
            "select m.name, count(e.chunk_id) from embedding_models m left join embeddings e on e.model_id = m.id "
            "group by m.name"
        )
    )


def find(pool: ConnectionPool, embedder: Embedder, question: str) -> list[str]:
    result = search(pool, embedder, question, audience=Audience.operator(), limit=5, strategy="vector")
    return [hit.text for hit in result.hits]


def test_the_first_model_is_the_configured_one_and_stays_when_the_configuration_changes(
    index: Any, source: Any, document: Callable[..., Any], tiny_model: Path
) -> None:
    """The index has its vectors; another process with another configuration takes it up."""
    assert models.live(index.pool) is None
    fill(index, source, document, 3)
    other = Embedder(str(tiny_model), options=index.embedder.options)

    assert find(index.pool, other, "which floor is printer 2 on?")
    assert other.name == index.embedder.name == "all-MiniLM-L6-v2"
    assert other.configured.name.startswith("tiny-")
    (live,) = models.stored(index.pool)
    assert (live.name, live.dimensions, live.location, live.live) == ("all-MiniLM-L6-v2", 384, None, True)


def test_a_build_gives_every_chunk_a_vector_and_drops_the_former_ones(
    index: Any, source: Any, document: Callable[..., Any], tiny: Model
) -> None:
    """Whoever asks next uses it, without a restart."""
    fill(index, source, document, 20)
    bot = Embedder(options=index.embedder.options)
    assert find(index.pool, bot, "printer 3")
    seen: list[tuple[int, int]] = []

    report = build_model(index.pool, index.embedder, tiny, progress=lambda *done: seen.append(done))

    assert (report.model, report.before, report.embedded) == (tiny.name, "all-MiniLM-L6-v2", 20)
    assert seen[-1] == (20, 20)
    assert counts(index) == {tiny.name: 20, "all-MiniLM-L6-v2": 0}
    assert index.embedder.name == tiny.name
    assert bot.name == "all-MiniLM-L6-v2"
    assert len(find(index.pool, bot, "printer 3")) == 5
    assert bot.name == tiny.name
    assert [each.embedded for each in sources(index.pool)] == [20]
    live = models.live(index.pool)
    assert live is not None
    assert (live.location, live.building) == (tiny.location, False)
    # And back: the folder is opened again where it has to be.
    again = build_model(index.pool, index.embedder, open_model(None, bot.options), progress=lambda *_: None)
    assert (again.before, counts(index)) == (tiny.name, {tiny.name: 0, "all-MiniLM-L6-v2": 20})


def test_what_is_live_already_is_not_built_again_and_ends_another_build(
    index: Any, source: Any, document: Callable[..., Any], tiny: Model
) -> None:
    """Its vectors so far are dropped."""
    fill(index, source, document, 20)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_model(index.pool, index.embedder, tiny, progress=stop)
    assert counts(index)[tiny.name] == 20
    assert [(each.name, each.live) for each in models.coverage(index.pool)] == [
        ("all-MiniLM-L6-v2", True),
        (tiny.name, False),
    ]

    report = build_model(index.pool, index.embedder, index.embedder.model, progress=stop)

    assert (report.before, report.embedded) == (None, 0)
    assert counts(index) == {tiny.name: 0, "all-MiniLM-L6-v2": 20}
    assert [each.name for each in models.coverage(index.pool)] == ["all-MiniLM-L6-v2"]


def test_chunks_longer_than_the_new_models_window_are_embedded_in_pieces(
    index: Any, source: Any, document: Callable[..., Any], tiny: Model
) -> None:
    """What stands beyond the window counts, and how many there are is told."""
    filler = "the and of it is in for on to be as at by or an we so do if no up " * 4
    source.put(
        document(1, f"{filler} first end"), document(2, f"{filler} other words at last"), document(3, "short")
    )
    index.refresh(source)

    report = build_model(index.pool, index.embedder, tiny, progress=lambda *_: None)

    assert (report.embedded, report.in_pieces) == (3, 2)
    first, second = index.rows(
        "select embedding::text from embeddings e join chunks c on c.id = e.chunk_id where length(c.text) > 100"
    )
    assert first != second


def test_searches_and_refreshes_go_on_while_models_change(
    index: Any, source: Any, document: Callable[..., Any], tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No search fails or finds nothing, and every chunk that was stored meanwhile has its vector afterwards."""
    monkeypatch.setattr(model_build, "_GRACE", 1.5)
    fill(index, source, document, 40)
    options, stop = index.embedder.options, threading.Event()
    found: list[int] = []
    problems: list[BaseException] = []

    def asking() -> None:
        bot = Embedder(options=options)
        while not stop.is_set():
            found.append(len(find(index.pool, bot, "which floor is printer 12 on?")))

    def writing() -> None:
        number = 100
        while not stop.is_set():
            source.edit(document(number, f"Printer {number} has just come."))
            index.refresh(source, mode="lazy" if number % 2 else "eager")
            number += 1

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - told by the test's own thread
                problems.append(error)

        return run

    threads = [threading.Thread(target=guarded(work)) for work in (asking, asking, writing)]
    for thread in threads:
        thread.start()
    default, changed = open_model(None, options), Embedder(options=options)
    for model in (tiny, default, tiny):
        build_model(index.pool, changed, model, progress=lambda *_: None)
        assert index.rows("select name from embedding_models where live") == [(model.name,)]
    stop.set()
    for thread in threads:
        thread.join(60)
    index.refresh(source)

    assert problems == []
    assert len(found) > 5
    assert set(found) == {5}
    (chunks,) = index.rows("select count(*) from chunks")[0]
    assert chunks > 40
    assert counts(index) == {tiny.name: chunks, "all-MiniLM-L6-v2": 0}


def test_the_switch_leaves_no_chunk_without_a_vector(
    index: Any, source: Any, document: Callable[..., Any], tiny: Model
) -> None:
    """What was stored after the build had looked for missing vectors gets one inside the change itself."""
    fill(index, source, document, 6)

    def late(done: int, total: int) -> None:
        if done == total == 6:
            source.edit(document(50, "A late page."))
            index.refresh(source, mode="lazy")

    report = build_model(index.pool, index.embedder, tiny, progress=late)

    assert report.model == tiny.name
    assert counts(index)[tiny.name] == index.rows("select count(*) from chunks")[0][0] == 7


def test_a_build_that_was_killed_goes_on_where_it_stopped(
    index: Any, source: Any, document: Callable[..., Any], tiny: Model, tiny_model: Path, database_url: str
) -> None:
    """What it had stored is not made again; meanwhile nobody else can build."""
    fill(index, source, document, 60)
    tiny.load()
    process = subprocess.Popen(
        [sys.executable, "-c", _BUILD, database_url, str(tiny_model), str(index.embedder.options.exports)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip().isdigit() and int(line) >= 8:
                break
        with pytest.raises(IndexerError, match="being built just now"):
            build_model(index.pool, index.embedder, tiny, progress=lambda *_: None)
        process.send_signal(signal.SIGKILL)
    kept = counts(index)[tiny.name]
    assert 8 <= kept < 60
    live = models.live(index.pool)
    assert live is not None
    assert live.name == "all-MiniLM-L6-v2"

    report = build_model(index.pool, index.embedder, tiny, progress=lambda *_: None)

    assert report.embedded == 60 - kept
    assert counts(index) == {tiny.name: 60, "all-MiniLM-L6-v2": 0}


def test_a_live_model_that_is_not_here_is_named(
    index: Any, source: Any, document: Callable[..., Any], tiny: Model
) -> None:
    """As on a machine where nobody has put its folder; one sentence says what to do."""
    fill(index, source, document, 2)
    build_model(index.pool, index.embedder, tiny, progress=lambda *_: None)
    with index.pool.connection() as connection:
        connection.execute("update embedding_models set location = '/nowhere/tiny' where live")

    with pytest.raises(EmbeddingError, match="no model folder: /nowhere/tiny"):
        find(index.pool, Embedder(options=index.embedder.options), "printer")


def test_an_installation_from_before_goes_on_with_the_model_that_has_vectors(database_url: str) -> None:
    """The migration makes it live."""
    # The statement is the migration's own; it runs here once more over what an older version left.
    migration = Path(__file__).parents[3] / "lorebot" / "migrations" / "0010_models.sql"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "drop index embedding_models_live; alter table embedding_models drop column location, drop column live, "
            "drop column building, drop column created_at; "
            "insert into embedding_models (name, dimensions) values ('empty', 3), ('used', 3), ('tried', 3);"
            "insert into documents (source, source_id, external_id, kind, title, url, place, labels, content_hash, "
            "rule_ids) values ('wiki', '1', '1', 'page', 't', 'u', 'p', '{}', 'h', '{}');"
            "insert into chunks (document_id, position, kind, heading, url, text, context, hash) "
            "select id, at, 'section', '', 'u', 'x', '', 'h' from documents, generate_series(0, 1) at;"
            "insert into embeddings (model_id, chunk_id, embedding) select m.id, c.id, '[1,0,0]' "
            "from embedding_models m, chunks c where m.name = 'used' or (m.name = 'tried' and c.position = 0)"
        )
        connection.execute(migration.read_bytes())
        rows = connection.execute("select name from embedding_models where live").fetchall()
    assert rows == [("used",)]


def test_a_chunk_that_is_being_changed_at_the_change_gets_its_vector_first(
    index: Any, source: Any, document: Callable[..., Any], tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors of chunks that others hold are left out, and the new model waits for them."""
    fill(index, source, document, 6)
    with index.pool.connection() as other:
        other.execute("select id from chunks order by id limit 3 for no key update")
        waited: list[float] = []

        def let_go(seconds: float) -> None:
            waited.append(seconds)
            other.rollback()

        monkeypatch.setattr(model_build.time, "sleep", let_go)
        build_model(index.pool, index.embedder, tiny, progress=lambda *_: None)

    assert waited
    assert counts(index)[tiny.name] == 6
