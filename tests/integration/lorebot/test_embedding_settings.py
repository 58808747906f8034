"""What `[embedding]` and `[search]` name, beside the models that the database knows."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from indexer import models
from indexer.audience import Audience
from indexer.embedding import DEFAULT_MODEL, Embedder
from indexer.embedding import remote as remote_module
from indexer.errors import EmbeddingError
from indexer.search import search
from lorebot.embedder import build_embedder, embedding_options
from lorebot.errors import ConfigError
from lorebot.settings import Settings, build_settings
from lorebot.wiring import (
    find_model,
    model_disagreement,
    model_in_use,
    open_services,
    search_options,
)
from tests.conftest import link_exports


@pytest.fixture(scope="module")
def down() -> str:
    """The address of a server that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.fixture
def data_dir(tmp_path: Path, exports: Path) -> Path:
    """An installation's folder."""
    link_exports(tmp_path / "data", exports)
    return tmp_path / "data"


def configured(data_dir: Path, database_url: str, **tables: Any) -> Settings:
    values = {"data_dir": data_dir, "database": {"url": database_url}, **tables}
    return build_settings(values, where="the test", environment=False)


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever calls a server fails at once, and not as a server does."""

    def call(*_: object) -> None:
        raise AssertionError("a server was asked")

    monkeypatch.setattr(remote_module.RemoteModel, "_call", call)


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("served", [None, "acme/mini"])
def test_a_configured_server_that_is_not_in_use_is_never_asked(
    pool: ConnectionPool, database_url: str, data_dir: Path, embedder: Embedder, down: str, served: str | None
) -> None:
    """Searches use the model that the index has the vectors of, whatever else is configured and down."""
    models.follow(pool, Embedder(options=embedder.options))
    table = {"url": down} | ({"model": served} if served else {})
    with open_services(configured(data_dir, database_url, embedding=table)) as services:
        found = search(services.pool, services.embedder, "printers", audience=Audience.operator(), limit=5)

        assert found.hits == ()
        assert services.embedder.name == model_in_use(services) == DEFAULT_MODEL
        wanted = f"{down}#{served}" if served else down
        assert f"lorebot index --embedding-model {wanted}`" in (model_disagreement(services) or "")
        assert find_model(services, DEFAULT_MODEL).location is None
        assert find_model(services, "acme/other").location == f"{down}#acme/other"
        assert find_model(services, f"{down}/#acme/mini").name == "acme/mini"


@pytest.mark.usefixtures("unasked")
def test_what_the_configured_server_is_known_by_needs_no_answer(
    pool: ConnectionPool, database_url: str, data_dir: Path, down: str
) -> None:
    """The database has its name; with a slash or without, it is the same server, and no disagreement."""
    with pool.connection() as connection:
        connection.execute(
            "insert into embedding_models (name, dimensions, location, live) values ('acme/mini', 384, %s, true)",
            [f"{down}#acme/mini"],
        )
    for url in (down, f"{down}/"):
        with open_services(configured(data_dir, database_url, embedding={"url": url})) as services:
            assert services.embedder.name == model_in_use(services) == "acme/mini"
            assert find_model(services, "acme/mini").matches("acme/mini", f"{down}#acme/mini")
            assert model_disagreement(services) is None


def test_a_live_model_that_is_not_here_is_named_although_another_server_is_configured(
    pool: ConnectionPool, database_url: str, data_dir: Path, down: str
) -> None:
    """The reason is the missing folder, and not the server that nobody needs."""
    with pool.connection() as connection:
        connection.execute(
            "insert into embedding_models (name, dimensions, location, live) values ('x', 384, '/nowhere/x', true)"
        )
    with open_services(configured(data_dir, database_url, embedding={"url": down})) as services:
        assert model_in_use(services) == "x"
        with pytest.raises(EmbeddingError, match="/nowhere/x"):
            models.follow(services.pool, services.embedder)


def test_status_answers_while_the_server_does_not_and_names_the_model_to_go_on_with(
    pool: ConnectionPool, database_url: str, tmp_path: Path, down: str
) -> None:
    """Before the first vector nobody but the server knows the model's name."""
    (tmp_path / "lorebot.toml").write_text(f'[embedding]\nurl = "{down}"\n', "utf-8")
    with pool.connection() as connection:
        connection.execute(
            "insert into embedding_models (name, dimensions, building) values ('mini-1', 384, true)"
        )

    done = subprocess.run(
        [sys.executable, "-m", "lorebot", "status"],
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "200", "NO_COLOR": "1"}
        | {"LOREBOT_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "Embeddings by unknown (the server does not answer)" in done.stdout
    assert "`lorebot index --embedding-model mini-1` goes on" in done.stdout


@pytest.mark.parametrize("terminal", [True, False])
def test_whoever_waits_for_a_model_to_be_prepared_is_told(
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
) -> None:
    """In a terminal; scripts read nothing that is no error."""
    settings = configured(data_dir, "postgresql://nowhere/x", embedding={"exports": tmp_path / "kept"})
    options = embedding_options(settings)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)

    options.announce("mini")

    assert options.exports == tmp_path / "kept"
    told = "Preparing the embedding model mini for this machine: half a minute, once.\n"
    assert capsys.readouterr().err == (told if terminal else "")


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"embedding": {"model": "/nowhere"}}, "embedding.model names no model folder: /nowhere"),
        (
            {"embedding": {"url": "http://127.0.0.1:9/v1", "tokenizer": "/nowhere"}},
            "/nowhere has no tokenizer",
        ),
        ({"embedding": {"url": "http://me:secret@127.0.0.1:9/v1"}}, "may not hold a name or password"),
        ({"search": {"language": "klingon"}}, "the database has no 'klingon'"),
        ({"search": {"reranker": "/nowhere"}}, "search.reranker names no model folder: /nowhere"),
    ],
)
def test_what_is_configured_and_does_not_exist_is_an_error_of_the_configuration(
    database_url: str, data_dir: Path, tables: dict[str, Any], sentence: str
) -> None:
    """Exit code 2, and one sentence with the key."""
    settings = configured(data_dir, database_url, **tables)

    def use() -> None:
        build_embedder(settings)
        search_options(settings)
        with open_services(settings):
            pass

    with pytest.raises(ConfigError, match=sentence):
        use()
