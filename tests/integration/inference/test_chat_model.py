"""The chat client against an OpenAI-compatible server, and every way in which that fails."""

from __future__ import annotations

import socket
from typing import Any

import httpx2
import pytest

from inference import model as model_module
from inference.errors import ModelAnswerError, ModelUnavailableError
from inference.model import ChatModel, ModelConfig

MESSAGES: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?" * 30}]


def client(server: Any, **values: Any) -> ChatModel:
    """A client of the scripted server."""
    return ChatModel(ModelConfig(base_url=server.url, **values))


def test_a_reply_is_asked_for_once_with_the_served_model(server: Any) -> None:
    """The first that the server lists, and its own context length."""
    server.replies = [" So. \n"]
    model = client(server, api_key="k3y")

    assert model.reply(MESSAGES) == "So."
    assert (model.name, model.context_tokens, model.max_reply_tokens) == ("lore", 8192, 700)
    (body,) = server.chats()
    assert (body["model"], body["max_tokens"], body["messages"]) == ("lore", 700, MESSAGES)
    assert {headers["authorization"] for _, headers, _ in server.calls} == {"Bearer k3y"}


def test_a_fault_of_the_moment_is_tried_again(server: Any) -> None:
    """503 and 429, within the number of tries."""
    server.replies = [503, 429, "So."]

    assert client(server).reply(MESSAGES) == "So."
    assert len(server.chats()) == 3


def test_a_fault_that_stays_gives_up_after_the_last_try(server: Any) -> None:
    """A model that is overloaded is not asked for ever."""
    server.replies = [503]

    with pytest.raises(ModelUnavailableError):
        client(server).reply(MESSAGES)
    assert len(server.chats()) == model_module.ATTEMPTS


@pytest.mark.parametrize(
    "reply",
    [
        400,
        401,
        404,
        "",
        "  ",
        {},
        {"choices": []},
        {"choices": [{}]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"content": None}}]},
        [],
        b"<html>Welcome</html>",
    ],
)
def test_an_answer_that_cannot_be_used_is_not_asked_for_again(server: Any, reply: Any) -> None:
    """A refusal, nothing at all, or something that is no chat completion."""
    server.replies = [reply]

    with pytest.raises(ModelAnswerError) as caught:
        client(server).reply(MESSAGES)
    assert len(server.chats()) == 1
    assert "html" not in str(caught.value)


@pytest.mark.parametrize(
    "models", [503, 401, {"data": []}, {}, [], b"<html>Welcome</html>", {"data": [{"id": "other"}]}]
)
def test_a_server_without_the_model_is_unavailable(server: Any, models: Any) -> None:
    """A wrong name, no model yet, or another server altogether."""
    server.models = models

    with pytest.raises(ModelUnavailableError):
        client(server, name="lore").reply(MESSAGES)
    assert server.chats() == []


def test_refused_connections_are_unavailable() -> None:
    """Nobody listens there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(ModelUnavailableError):
        ChatModel(ModelConfig(base_url=url)).reply(MESSAGES)


def test_a_server_that_never_answers_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time-out of a call is bounded, and so is the whole."""
    monkeypatch.setattr(model_module, "TIMEOUT", httpx2.Timeout(0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        model = ChatModel(ModelConfig(base_url=f"http://127.0.0.1:{silent.getsockname()[1]}/v1"))
        with pytest.raises(ModelUnavailableError):
            model.reply(MESSAGES)


def test_tokens_are_counted_by_the_server_where_it_can(server: Any) -> None:
    """By vLLM's /tokenize, beside /v1; elsewhere a safe estimate."""
    model = client(server)
    estimate = model.count_tokens(MESSAGES)
    server.tokenize = len

    assert estimate == sum(len(each["content"]) for each in MESSAGES) // 3
    assert model.count_tokens(MESSAGES) == sum(len(each["content"]) for each in MESSAGES)
    path, _, body = server.calls[-1]
    assert (path, body["model"], body["messages"]) == ("/tokenize", "lore", MESSAGES)


def test_a_small_window_keeps_room_for_the_prompt(server: Any) -> None:
    """The reply takes a quarter at most; a server that says nothing is assumed to be small."""
    server.models = {"data": [{"id": "lore", "max_model_len": 1000}]}
    assert client(server).max_reply_tokens == 250
    server.models = {"data": [{"id": "lore"}]}
    assert client(server).context_tokens == model_module.ASSUMED_CONTEXT
