"""An embedding model on a server that speaks OpenAI's /v1/embeddings, over real HTTP, whole and failing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from aiohttp import web

from indexer.embedding import Embedder, EmbeddingOptions
from indexer.embedding import remote as remote_module
from indexer.errors import EmbeddingError
from tests.serving import serving


class Server:
    """The default model behind the protocol, as vLLM serves one; told when and how to fail."""

    def __init__(self, embedder: Embedder, port: int) -> None:
        self.embedder = embedder
        self.url = f"http://127.0.0.1:{port}/v1"
        self.host = f"127.0.0.1:{port}"
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        #: One for each request to come; None, and none left, is a good answer.
        self.answers: list[Any] = []
        self.tokenizes = True
        self.listed: list[dict[str, Any]] = [{"id": "acme/mini", "max_model_len": 256}]

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/embeddings", self._embeddings)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/tokenize", self._tokenize)
        return app

    async def _embeddings(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("Authorization"))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, int):
            return web.json_response({"error": {"message": "secret text"}}, status=answer)
        if answer == "slow":
            await asyncio.sleep(1)
        if isinstance(answer, str):
            return web.Response(text=answer, content_type="application/json")
        vectors = (await asyncio.to_thread(self.embedder.encode, body["input"])) * 3
        rows = [{"index": at, "embedding": vector.tolist()} for at, vector in enumerate(vectors)]
        # The order is said by the index alone.
        return web.json_response({"object": "list", "data": answer(rows) if answer else rows[::-1]})

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": self.listed})

    async def _tokenize(self, request: web.Request) -> web.Response:
        if not self.tokenizes:
            return web.Response(status=404)
        body = await request.json()
        assert (body["model"], body["add_special_tokens"]) == ("acme/mini", False)
        return web.json_response({"count": self.embedder.count_tokens(body["prompt"])})


@pytest.fixture
def server(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server on a real port."""
    embedder.load()
    monkeypatch.setattr(remote_module, "TIMEOUT", httpx2.Timeout(5.0))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(embedder, listener.getsockname()[1])
        with serving(server.app(), listener):
            yield server


def remote(server: Server, **options: Any) -> Embedder:
    return Embedder(server.url, options=EmbeddingOptions(**options))


def test_vectors_counts_window_and_name_come_from_the_server(server: Server, embedder: Embedder) -> None:
    """Unit vectors in the order of the texts, whatever the order of the answer."""
    texts = [f"text number {number}" for number in range(70)]
    ours = remote(server)

    vectors = ours.encode(texts)

    assert (ours.name, ours.model.location) == ("acme/mini", f"{server.url}#acme/mini")
    assert ours.dimensions == 384
    assert 240 <= ours.max_tokens < 256
    assert ours.count_tokens("reset the password") == embedder.count_tokens("reset the password")
    assert np.sum(vectors * embedder.encode(texts), axis=1).min() > 0.999
    assert sorted(len(body["input"]) for body in server.requests) == [6, 32, 32]
    assert {body["model"] for body in server.requests} == {"acme/mini"}
    assert ours.encode([]).shape == (0, 384)


def test_a_tokenizer_folder_counts_where_the_server_does_not(
    server: Server, embedder: Embedder, tiny_model: Path
) -> None:
    """With the prompts of that folder; without either, one sentence says what to do."""
    server.tokenizes = False
    with pytest.raises(
        EmbeddingError, match=r"does not count tokens: name a folder .* as embedding\.tokenizer"
    ):
        remote(server).count_tokens("a")

    ours = remote(server, tokenizer=tiny_model)
    ours.encode(["where?"], query=True)
    ours.encode(["there", ""])

    assert ours.count_tokens("reset the password") == 3
    assert ours.max_tokens == 256 - 2 - ours.count_tokens("question: ")
    assert [body["input"] for body in server.requests] == [["question: where?"], ["there", " "]]


def test_the_key_goes_to_the_configured_server_alone(server: Server) -> None:
    """An address that somebody names elsewhere does not get it."""
    remote(server, url=server.url, api_key="s3cret").encode(["a"])
    remote(server, url="https://embeddings.example.com/v1", api_key="s3cret").encode(["a"])

    assert server.keys == ["Bearer s3cret", None]


def test_an_address_is_the_same_with_a_slash_at_its_end(server: Server) -> None:
    """In the configuration and wherever else it is named."""
    slashed = f"{server.url}/"
    for here, there in ((slashed, server.url), (server.url, slashed), (slashed, slashed)):
        ours = Embedder(here, options=EmbeddingOptions(url=there, api_key="s3cret"))
        ours.encode(["a"])
        assert ours.model.location == f"{server.url}#acme/mini"
        assert ours.find("acme/mini", f"{slashed}#acme/mini") is ours.model

    assert server.keys == ["Bearer s3cret"] * 3


@pytest.mark.parametrize("account", ["lore:s3cret@", "lore@"])
def test_an_address_with_a_password_is_refused(account: str) -> None:
    """It would stand in the database and in what status shows; the sentence does not quote it."""
    with pytest.raises(
        EmbeddingError, match=r"may not hold a name or password: .* embedding\.api_key"
    ) as caught:
        Embedder(f"https://{account}embeddings.example.com/v1#some")

    assert "lore" not in str(caught.value)


@pytest.mark.parametrize("passing", [500, 503, 429, "slow"])
def test_what_passes_is_tried_again(server: Server, monkeypatch: pytest.MonkeyPatch, passing: Any) -> None:
    """A fault of the server, too many requests, no answer in time."""
    if passing == "slow":
        monkeypatch.setattr(remote_module, "TIMEOUT", httpx2.Timeout(0.5))
    server.answers = [passing]

    assert remote(server).encode(["a"]).shape == (1, 384)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([500] * 3, r"does not answer \(status 500\); try again later"),
        (["slow"] * 3, r"does not answer \(timed out\); try again later"),
        ([401], "refuses the key: check embedding.api_key"),
        ([400], r"refuses the request \(status 400\)"),
        (["<html>"], "does not answer in JSON"),
        (['{"data": 3}'], "answers no list of vectors"),
        (['{"data": [{"index": 0, "embedding": ["x"]}]}'], "answers no list of vectors"),
        ([lambda rows: rows[:-1]], "gave 1 vectors for 2 texts"),
        (
            [lambda rows: [row | {"embedding": row["embedding"][:9]} for row in rows]],
            "vectors of 9 numbers instead",
        ),
        ([lambda rows: [row | {"embedding": [0.0] * 384} for row in rows]], "vector without a direction"),
    ],
)
def test_what_stays_is_one_sentence_without_any_text(
    server: Server, monkeypatch: pytest.MonkeyPatch, answers: list[Any], sentence: str
) -> None:
    """It names the server, and quotes neither the texts nor the answer."""
    ours = remote(server)
    assert ours.dimensions == 384
    if answers[0] == "slow":
        monkeypatch.setattr(remote_module, "TIMEOUT", httpx2.Timeout(0.2))
        ours = remote(server)
        ours.name  # noqa: B018 - asked before the server becomes slow
    server.answers = list(answers)

    with pytest.raises(EmbeddingError, match=sentence) as caught:
        ours.encode(["confidential", "words"])

    assert server.host in str(caught.value)
    assert "confidential" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_or_serves_something_else_is_named(server: Server) -> None:
    """Before anything is embedded."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(EmbeddingError, match=rf"127\.0\.0\.1:{port} does not answer \(no connection\)"):
        Embedder(f"http://127.0.0.1:{port}/v1#some").encode(["a"])
    with pytest.raises(EmbeddingError, match="does not serve acme/other"):
        _ = Embedder(f"{server.url}#acme/other").max_tokens

    server.listed = []
    with pytest.raises(EmbeddingError, match="does not serve any model"):
        _ = remote(server).name
