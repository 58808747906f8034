"""Fixtures for every test: a real Postgres with pgvector, one fresh database per test."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg_pool import ConnectionPool

from indexer.embedding import Embedder, EmbeddingOptions
from lorebot.database import embedded
from lorebot.database.migrations import migrate
from lorebot.database.pool import open_pool
from tests.tiny_model import make_tiny_model

#: Real data that the project does not own; tests over it skip where it is absent.
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

# The same examples every time, so that a run tells about the change and not about luck; HYPOTHESIS_PROFILE=explore
# looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", print_blob=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

for name in [name for name in os.environ if name.startswith("LOREBOT_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout."""
    if not SHARED_DATA.exists():
        pytest.skip("the real data (../shared/data) is not beside this checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def exports(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where exported models are kept, from one run to the next; what is stale is exported again."""
    cache = getattr(pytestconfig, "cache", None)  # not there with `-p no:cacheprovider`
    return Path(cache.mkdir("models")) if cache else tmp_path_factory.mktemp("models")


def link_exports(data_dir: Path, exports: Path) -> None:
    """Give a new data folder the models that are exported already; exporting takes half a minute of two cores."""
    data_dir.mkdir(parents=True)
    (data_dir / "models").symlink_to(exports, target_is_directory=True)


@pytest.fixture(scope="session")
def embedder(exports: Path) -> Embedder:
    """The embedding model that comes with Lorebot; it is exported and loaded at the first vector."""
    return Embedder(options=EmbeddingOptions(exports=exports))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another embedding model: small, without sense, and with a window of 32 word pieces."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    make_tiny_model(folder)
    return folder


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[str]:
    """The URL of an embedded server for the whole run, with a migrated database ``template``."""
    with tempfile.TemporaryDirectory() as folder:
        # pytest's own folders are closed to others; as root the server runs as somebody else.
        Path(folder).chmod(0o755)
        server = embedded.start(Path(folder) / "data")
        _make_template(server.url)
        yield server.url
        server.close()


def _make_template(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database template")
    with psycopg.connect(_with_database(url, "template"), autocommit=True) as connection:
        migrate(connection)


@pytest.fixture
def database_url(embedded_server: str) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    with _database(embedded_server) as url:
        yield url


@pytest.fixture(scope="module")
def shared_database_url(embedded_server: str) -> Iterator[str]:
    """The URL of a migrated database for all tests of a module, which fill it once and read it."""
    with _database(embedded_server) as url:
        yield url


@contextmanager
def _database(embedded_server: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(embedded_server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template").format(sql.Identifier(name)))
        yield _with_database(embedded_server, name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool]:
    """A pool on a fresh database."""
    with open_pool(database_url) as pool:
        yield pool


def _with_database(url: str, name: str) -> str:
    return url.replace("/postgres?", f"/{name}?")
