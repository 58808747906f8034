"""How long a search takes, and a whole answer without a language model, once the model is warm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cached_model import open_embedder
from company import company_connectors
from figures import Figure, percentiles
from people import company_questions
from processes import sandbox, temporary_folder
from psycopg_pool import ConnectionPool

from connectors.collection import CollectionConnector
from connectors.documents import Connector
from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.refresh import Mode, refresh
from indexer.search import search
from inference.assistant import PASSAGES, PER_DOCUMENT, Assistant
from lorebot.commands.demo import sample_company
from lorebot.database import embedded
from lorebot.database.pool import open_pool
from lorebot.evaluation import read_judged

#: A few thousand real tickets; their figures are left out where the folder is absent.
COLLECTION = Path(__file__).parents[3] / "shared" / "data" / "judged" / "titanium-small"

#: Queries of the collection: few enough to embed their candidates in a minute or two.
_COLLECTION_QUERIES = 20

Asked = tuple[str, Audience]


def measure(repeats: int) -> list[Figure]:
    """Ask every question so many times, after a first time that is not counted."""
    figures: list[Figure] = []
    site = sample_company()
    with temporary_folder() as folder, sandbox(site, folder) as (_, addresses):
        embedder = open_embedder(folder)
        embedder.load()
        asked = [(each.text, Audience.of([each.email])) for each in company_questions(site)]
        with _indexed(folder / "data", company_connectors(addresses), embedder, "eager") as pool:
            figures += _warm("company", pool, embedder, asked, repeats)
    if COLLECTION.exists():
        with temporary_folder() as folder:
            figures += _lazy_collection(folder, embedder, repeats)
    return figures


@contextmanager
def _indexed(
    data_dir: Path, connectors: Sequence[Connector], embedder: Embedder, mode: Mode
) -> Iterator[ConnectionPool]:
    server = embedded.start(data_dir)
    try:
        with open_pool(server.url) as pool:
            for connector in connectors:
                refresh(pool, connector, embedder, full=True, mode=mode, progress=lambda _: None)
            yield pool
    finally:
        server.close()


def _lazy_collection(folder: Path, embedder: Embedder, repeats: int) -> list[Figure]:
    """The first time a query comes, its candidates are embedded on the way; from the second on they are there."""
    judged = read_judged(COLLECTION, limit=_COLLECTION_QUERIES)
    asked = [(text, Audience.operator()) for text in judged.queries.values()]
    connector = CollectionConnector(name="tickets", folder=COLLECTION)
    started = time.perf_counter()
    with _indexed(folder / "data", [connector], embedder, "lazy") as pool:
        seconds = time.perf_counter() - started
        with pool.connection() as connection:
            (documents,) = connection.execute("select count(*) from documents").fetchone() or (0,)
        first = _times(lambda text, audience: _search(pool, embedder, text, audience), asked)
        return [
            Figure(name="collection, documents", value=documents, unit=""),
            Figure(name="collection, lazy indexing", value=documents / seconds, unit="1/s"),
            *percentiles("collection, search for the first time", first, "ms"),
            *_warm("collection", pool, embedder, asked, repeats),
        ]


def _warm(
    name: str, pool: ConnectionPool, embedder: Embedder, asked: Sequence[Asked], repeats: int
) -> list[Figure]:
    assistant = Assistant(pool=pool, embedder=embedder, model=None)
    figures: list[Figure] = []
    calls: list[tuple[str, Callable[[str, Audience], object]]] = [
        ("search", lambda text, audience: _search(pool, embedder, text, audience)),
        ("answer", lambda text, audience: assistant.ask(text, thread=None, audience=audience)),
    ]
    for what, call in calls:
        _times(call, asked)
        times = [each for _ in range(repeats) for each in _times(call, asked)]
        figures += percentiles(f"{name}, {what}", times, "ms")
    return figures


def _search(pool: ConnectionPool, embedder: Embedder, text: str, audience: Audience) -> object:
    """The search as an answer does it."""
    return search(pool, embedder, text, audience=audience, limit=PASSAGES, per_document=PER_DOCUMENT)


def _times(call: Callable[[str, Audience], object], asked: Sequence[Asked]) -> list[float]:
    """The milliseconds of each call."""
    times = []
    for text, audience in asked:
        started = time.perf_counter()
        call(text, audience)
        times.append((time.perf_counter() - started) * 1000)
    return times
