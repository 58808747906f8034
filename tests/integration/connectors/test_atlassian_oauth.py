"""OAuth against a token endpoint that rotates refresh tokens: each is spent once, whoever is in a hurry."""

from __future__ import annotations

import json
import logging
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier, Lock
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from connectors.atlassian import AtlassianClient, Deployment, Patience, Site
from connectors.errors import (
    AuthenticationError,
    AuthorizationLostError,
    ScopeError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)
from connectors.oauth import Grant, MemoryTokenStore, OAuthCredentials, Tokens, TokenSlot, TokenStore
from connectors.site import Gateway
from lorebot.database.pool import open_pool
from lorebot.tokens import PostgresTokenStore
from tests.integration.connectors.http_servers import Call, Reply, Server, serve

QUICK = Patience(timeout=5, attempts=3, first_wait=0.01, longest_wait=0.02)
CLOUD_ID = "1f0c1d8e-0000-4000-8000-5a1d"


class Atlassian:
    """The authorisation server and the gateway. A refresh token is good once, an access token until it is recalled."""

    def __init__(self) -> None:
        self.good, self.access, self.spent = "refresh-secret-0", set[str](), list[str]()
        self.lifetime = 3600
        self.instead: list[Reply] = []
        self.recalled = False
        self.out_of_scope = False
        self._lock = Lock()

    def answer(self, call: Call) -> Reply:
        with self._lock:
            if call.path == "/oauth/token":
                return self.instead.pop(0) if self.instead else self._token(json.loads(call.body))
            return self._api(call)

    def _token(self, asked: dict[str, str]) -> Reply:
        if (asked["client_id"], asked["client_secret"]) != ("app", "app-secret"):
            return Reply(status=401, body={"error": "access_denied", "error_description": "Unauthorized"})
        assert asked["grant_type"] == "refresh_token"
        self.spent.append(asked["refresh_token"])
        if asked["refresh_token"] != self.good:
            return Reply(
                status=403, body={"error": "invalid_grant", "error_description": "Unknown or invalid"}
            )
        number = len(self.spent)
        self.good, token = f"refresh-secret-{number}", f"access-secret-{number}"
        self.access = {token}
        answer = {"access_token": token, "refresh_token": self.good, "expires_in": self.lifetime}
        return Reply(body={**answer, "token_type": "Bearer", "scope": "read:jira-work offline_access"})

    def _api(self, call: Call) -> Reply:
        token = (call.authorization or "").removeprefix("Bearer ")
        if self.out_of_scope:
            return Reply(status=401, body={"message": "Unauthorized; scope does not match"})
        if token not in self.access or self.recalled:
            return Reply(status=401, body={"message": "Unauthorized"})
        return Reply(body={"token": token})


@pytest.fixture
def atlassian() -> Atlassian:
    """What it answers."""
    return Atlassian()


@pytest.fixture
def server(atlassian: Atlassian) -> Iterator[Server]:
    """Where it answers."""
    with serve(atlassian.answer) as running:
        yield running


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> TokenStore:
    """Each kind of store, empty."""
    if request.param == "memory":
        return MemoryTokenStore()
    pool: ConnectionPool = request.getfixturevalue("pool")
    return PostgresTokenStore(pool)


def _site(server: Server) -> Site:
    gateway = Gateway(product="jira", cloud_id=CLOUD_ID, url=server.url)
    return Site(url=server.url, deployment=Deployment.CLOUD, gateway=gateway)


def _grant(server: Server, **changed: str) -> Grant:
    known = {"client_id": "app", "client_secret": "app-secret", "refresh_token": "refresh-secret-0"}
    return Grant(**{**known, **changed}, token_url=f"{server.url}/oauth/token")


def _client(
    server: Server, store: TokenStore, *, now: Callable[[], datetime] | None = None, **grant: str
) -> AtlassianClient:
    site = _site(server)
    options: dict[str, Any] = {"now": now} if now else {}
    credentials = OAuthCredentials(_grant(server, **grant), store, site=site, patience=QUICK, **options)
    return AtlassianClient(site, credentials, patience=QUICK)


@pytest.fixture(autouse=True)
def no_secret_is_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """Down to DEBUG."""
    caplog.set_level(logging.DEBUG)
    yield
    printed = capsys.readouterr()
    assert "-secret" not in caplog.text + printed.out + printed.err


def test_the_first_request_gets_a_token_and_the_next_ones_keep_it(
    server: Server, atlassian: Atlassian, store: TokenStore
) -> None:
    """Another client of the store spends nothing either."""
    client = _client(server, store)
    assert client.get("rest/api/3/myself") == {"token": "access-secret-1"}
    assert client.get("rest/api/3/myself") == {"token": "access-secret-1"}
    assert _client(server, store).get("rest/api/3/myself") == {"token": "access-secret-1"}
    assert atlassian.spent == ["refresh-secret-0"]


def test_a_token_is_renewed_before_it_expires(
    server: Server, atlassian: Atlassian, store: TokenStore
) -> None:
    """With the refresh token that came last."""
    clock = [datetime.now(UTC)]
    client = _client(server, store, now=lambda: clock[0])
    client.get("rest/api/3/myself")
    clock[0] += timedelta(minutes=57)
    assert client.get("rest/api/3/myself") == {"token": "access-secret-1"}
    clock[0] += timedelta(minutes=2)
    assert client.get("rest/api/3/myself") == {"token": "access-secret-2"}
    assert atlassian.spent == ["refresh-secret-0", "refresh-secret-1"]


def test_a_token_that_is_refused_is_renewed_once(
    server: Server, atlassian: Atlassian, store: TokenStore
) -> None:
    """Recalled before its time; a new one that is refused as well is the end."""
    clock = [datetime.now(UTC)]
    client = _client(server, store, now=lambda: clock[0])
    client.get("rest/api/3/myself")
    atlassian.access.clear()
    clock[0] += timedelta(minutes=5)
    assert client.get("rest/api/3/myself") == {"token": "access-secret-2"}
    atlassian.recalled = True
    clock[0] += timedelta(minutes=5)
    with pytest.raises(AuthenticationError):
        client.get("rest/api/3/myself")
    assert len(atlassian.spent) == 3


def test_a_missing_scope_spends_no_refresh_token(
    server: Server, atlassian: Atlassian, store: TokenStore
) -> None:
    """Another token would have the same scopes."""
    clock = [datetime.now(UTC)]
    client = _client(server, store, now=lambda: clock[0])
    client.get("rest/api/3/myself")
    atlassian.out_of_scope = True
    clock[0] += timedelta(minutes=5)
    with pytest.raises(ScopeError):
        client.get("rest/api/3/myself")
    assert len(atlassian.spent) == 1


def test_threads_spend_a_refresh_token_once(server: Server, atlassian: Atlassian, store: TokenStore) -> None:
    """Eight threads with four clients, all at once."""
    clients, together = [_client(server, store) for _ in range(4)], Barrier(8)

    def work(number: int) -> Any:
        together.wait(5)
        return clients[number % 4].get("rest/api/3/myself")

    with ThreadPoolExecutor(8) as executor:
        found = list(executor.map(work, range(8)))
    assert found == [{"token": "access-secret-1"}] * 8
    assert atlassian.spent == ["refresh-secret-0"]


def _in_a_process(url: str, database_url: str, start: Any, found: Any) -> None:
    """As a worker and a scheduler would, each with a pool of its own."""
    with open_pool(database_url, max_size=2) as pool:
        client = _client(Server(url=url), PostgresTokenStore(pool))
        start.wait(30)
        found.put(client.get("rest/api/3/myself"))


def test_processes_spend_a_refresh_token_once(
    server: Server, atlassian: Atlassian, database_url: str
) -> None:
    """They share the database alone."""
    spawning = multiprocessing.get_context("spawn")
    start, found = spawning.Barrier(2), spawning.Queue()
    arguments = (server.url, database_url, start, found)
    processes = [spawning.Process(target=_in_a_process, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    answers = [found.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(10)
    assert answers == [{"token": "access-secret-1"}] * 2
    assert atlassian.spent == ["refresh-secret-0"]


def test_the_new_token_is_stored_before_it_is_used(
    server: Server, atlassian: Atlassian, store: TokenStore
) -> None:
    """A request that fails right after does not lose it."""
    client = _client(server, store)
    atlassian.recalled = True
    with pytest.raises(AuthenticationError):
        client.get("rest/api/3/myself")
    stored = store.load(_grant(server).key)
    assert stored is not None
    assert (stored.access_token, stored.refresh_token) == ("access-secret-1", "refresh-secret-1")


def test_what_was_saved_stays_after_an_error(store: TokenStore) -> None:
    """The refresh token behind it is spent for good."""
    now = datetime.now(UTC)
    tokens = Tokens(access_token="a", refresh_token="r", issued_at=now, expires_at=now)

    def save_and_fail() -> None:
        with store.exclusive("key") as slot:
            assert slot.tokens is None
            slot.save(tokens)
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        save_and_fail()
    assert store.load("key") == tokens
    with store.exclusive("key") as slot:
        assert slot.tokens == tokens
    assert store.load("another") is None


class Forgetful(MemoryTokenStore):
    """Fails to save the first pair."""

    def __init__(self) -> None:
        super().__init__()
        self.failed = False

    @contextmanager
    def exclusive(self, key: str) -> Iterator[TokenSlot]:
        """A slot that fails once."""
        with super().exclusive(key) as slot:
            kept = slot.save

            def save(tokens: Tokens) -> None:
                if not self.failed:
                    self.failed = True
                    raise SourceUnavailableError("OAuth tokens could not be kept.")
                kept(tokens)

            slot.save = save  # type: ignore[method-assign]
            try:
                yield slot
            finally:
                slot.save = kept  # type: ignore[method-assign]


def test_a_pair_that_could_not_be_saved_is_saved_next_time(server: Server, atlassian: Atlassian) -> None:
    """The refresh token behind it is spent; nobody uses the new one before it is stored."""
    store = Forgetful()
    client = _client(server, store)
    with pytest.raises(SourceUnavailableError):
        client.get("rest/api/3/myself")
    assert client.get("rest/api/3/myself") == {"token": "access-secret-1"}
    assert atlassian.spent == ["refresh-secret-0"]
    stored = store.load(_grant(server).key)
    assert stored is not None
    assert stored.refresh_token == "refresh-secret-1"


def test_a_pair_that_could_not_be_saved_gives_way_to_a_newer_one(
    server: Server, atlassian: Atlassian
) -> None:
    """Another process went on with the same refresh token, which is taken again for a while."""
    store = Forgetful()
    client = _client(server, store)
    with pytest.raises(SourceUnavailableError):
        client.get("rest/api/3/myself")
    atlassian.good = "refresh-secret-0"
    _client(server, store).get("rest/api/3/myself")
    assert client.get("rest/api/3/myself") == {"token": "access-secret-2"}
    assert atlassian.spent == ["refresh-secret-0"] * 2


def test_a_new_authorisation_starts_afresh(server: Server, atlassian: Atlassian, store: TokenStore) -> None:
    """The stored tokens belong to the refresh token that was configured then."""
    _client(server, store).get("rest/api/3/myself")
    atlassian.good = "refresh-secret-new"
    client = _client(server, store, refresh_token="refresh-secret-new")
    assert client.get("rest/api/3/myself") == {"token": "access-secret-2"}


def test_a_dead_refresh_token_says_to_authorise_again(server: Server, store: TokenStore) -> None:
    """And names the host alone."""
    with pytest.raises(AuthorizationLostError, match="authorise the app again") as caught:
        _client(server, store, refresh_token="refresh-secret-old").get("rest/api/3/myself")
    assert "-secret" not in repr(caught.value) + repr(caught.value.__context__)


def test_a_wrong_app_secret_is_told_from_a_dead_token(server: Server, store: TokenStore) -> None:
    """It is the configuration that is wrong."""
    with pytest.raises(AuthenticationError, match="client_id and client_secret") as caught:
        _client(server, store, client_secret="wrong-secret").get("rest/api/3/myself")
    assert not isinstance(caught.value, AuthorizationLostError)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(status=503), SourceUnavailableError),
        (Reply(status=429), SourceUnavailableError),
        (Reply(raw=[b""]), SourceUnavailableError),
        (Reply(body=b"<html>"), UnexpectedAnswerError),
        (Reply(body=[]), UnexpectedAnswerError),
        (Reply(body={"access_token": "x"}), UnexpectedAnswerError),
        (Reply(body={"access_token": "x", "expires_in": "soon"}), UnexpectedAnswerError),
        (Reply(body={"access_token": "x", "expires_in": 1e300}), UnexpectedAnswerError),
        (Reply(status=302, headers={"Location": "/login"}), UnexpectedAnswerError),
    ],
)
def test_a_broken_authorisation_server_is_an_error_that_spends_nothing(
    server: Server, atlassian: Atlassian, store: TokenStore, reply: Reply, kind: type[Exception]
) -> None:
    """And the next run goes on where this one ended."""
    atlassian.instead = [reply] * 3
    with pytest.raises(kind):
        _client(server, store).get("rest/api/3/myself")
    atlassian.instead = []
    assert _client(server, store).get("rest/api/3/myself") == {"token": "access-secret-1"}


def test_one_fault_of_the_authorisation_server_is_survived(
    server: Server, atlassian: Atlassian, store: TokenStore
) -> None:
    """It is tried again."""
    atlassian.instead = [Reply(status=503)]
    assert _client(server, store).get("rest/api/3/myself") == {"token": "access-secret-1"}


def test_without_rotation_the_refresh_token_is_kept(
    server: Server, atlassian: Atlassian, store: TokenStore
) -> None:
    """An answer without a new one."""
    atlassian.instead = [Reply(body={"access_token": "access-secret-1", "expires_in": 3600})]
    atlassian.access = {"access-secret-1"}
    _client(server, store).get("rest/api/3/myself")
    stored = store.load(_grant(server).key)
    assert stored is not None
    assert stored.refresh_token == "refresh-secret-0"


def test_nothing_shows_its_secrets(server: Server, store: TokenStore) -> None:
    """Grant, tokens, credentials, client."""
    client = _client(server, store)
    client.get("rest/api/3/myself")
    grant = _grant(server)
    for thing in (grant, store.load(grant.key), client, client._credentials):
        assert "-secret" not in repr(thing)
    assert "-secret" not in grant.key


def test_a_database_that_is_gone_is_one_sentence(database_url: str) -> None:
    """It names no token."""
    with open_pool(database_url) as pool:
        store = PostgresTokenStore(pool)
    with pytest.raises(SourceUnavailableError, match="check the database"):
        store.load("key")
    with pytest.raises(SourceUnavailableError, match="check the database"), store.exclusive("key"):
        pass
