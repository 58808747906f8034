"""The client over real HTTP: threads, limits, broken and slow answers, errors without secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Barrier, Event
from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.atlassian import AtlassianClient, Deployment, Patience, Site
from connectors.credentials import SiteAuth, basic, bearer
from connectors.errors import (
    AuthenticationError,
    BrokenAnswerError,
    ConnectorError,
    NotFoundError,
    ScopeError,
    ServerFaultError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)
from connectors.limits import SiteLimiter
from tests.integration.connectors.atlassian_clients import SECRET, client_of
from tests.integration.connectors.http_servers import Call, Reply, Server, serve


def test_threads_share_a_client_with_a_session_each_and_few_requests_at_once(
    server: Server, answer: dict[str, Any]
) -> None:
    """Eight threads, four places, eight connections at most."""
    answer["replies"] = [Reply(body={"ok": True}, delay=0.02)]
    client, together = client_of(server), Barrier(8)

    def work(number: int) -> list[Any]:
        together.wait(5)
        return [client.get(f"rest/api/2/issue/{number}") for _ in range(5)]

    with ThreadPoolExecutor(8) as executor:
        answers = [each for found in executor.map(work, range(8)) for each in found]

    assert answers == [{"ok": True}] * 40
    assert server.busiest == 4
    assert len({call.port for call in server.calls}) == 8
    assert {call.authorization for call in server.calls} == {f"Bearer {SECRET}"}


def test_clients_of_one_host_share_its_limiter(server: Server, answer: dict[str, Any]) -> None:
    """One place for two sources: never two requests at once."""
    answer["replies"] = [Reply(delay=0.02)]
    limiter = SiteLimiter(server.host, at_once=1)
    clients = [client_of(server, limiter=limiter) for _ in range(2)]
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(lambda number: clients[number % 2].get("rest/api/2/myself"), range(8)))
    assert server.busiest == 1


def _date_in(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("written", ["seconds", "date"])
def test_retry_after_is_waited_for(server: Server, answer: dict[str, Any], written: str) -> None:
    """Written as seconds and as a date, whose milliseconds are lost."""
    value, least = ("1", 1.0) if written == "seconds" else (_date_in(2), 0.9)
    answer["replies"] = [Reply(status=429, headers={"Retry-After": value}), Reply(body={"ok": True})]
    assert client_of(server).get("rest/api/2/myself") == {"ok": True}
    first, second = server.calls
    assert least <= second.at - first.at < 3


def _told_when_it_sleeps(server: Server) -> tuple[AtlassianClient, Event]:
    """A client, and what is set as soon as one of its threads waits for the site."""
    asleep = Event()

    def sleep(seconds: float) -> None:
        asleep.set()
        server.stopping.wait(seconds)

    return client_of(server, limiter=SiteLimiter(server.host, sleep=sleep)), asleep


def test_threads_pause_together(server: Server, answer: dict[str, Any]) -> None:
    """What one is told, the others keep to."""
    answer["replies"] = [Reply(status=429, headers={"Retry-After": "1"}), Reply(body={"ok": True})]
    client, asleep = _told_when_it_sleeps(server)
    with ThreadPoolExecutor(2) as executor:
        refused = executor.submit(client.get, "rest/api/2/myself")
        assert asleep.wait(5)
        other = executor.submit(client.get, "rest/api/2/project")
        assert [refused.result(5), other.result(5)] == [{"ok": True}] * 2
    first, *later = server.calls
    assert len(later) == 2
    assert all(call.at - first.at >= 0.99 for call in later)


def test_a_burst_limit_leaves_other_resources_alone(server: Server, answer: dict[str, Any]) -> None:
    """They are asked for at once."""
    headers = {"Retry-After": "1", "RateLimit-Reason": "jira-burst-based"}
    answer["replies"] = [Reply(status=429, headers=headers), Reply(body={"ok": True})]
    client, asleep = _told_when_it_sleeps(server)
    with ThreadPoolExecutor(1) as executor:
        slowed = executor.submit(client.get, "rest/api/3/search/jql")
        assert asleep.wait(5)
        client.get("rest/api/3/myself")
        assert slowed.result(5) == {"ok": True}
    refused, other, again = server.calls
    assert (other.path, again.path) == ("/jira/rest/api/3/myself", "/jira/rest/api/3/search/jql")
    assert other.at - refused.at < 0.9
    assert again.at - refused.at >= 0.99


def test_a_pause_of_an_hour_stops_every_thread_without_a_request(
    server: Server, answer: dict[str, Any]
) -> None:
    """One request in all."""
    answer["replies"] = [Reply(status=429, headers={"Retry-After": "3600"})]
    client = client_of(server)
    for path in ("rest/api/2/myself", "rest/api/2/project"):
        with pytest.raises(SourceUnavailableError, match="left alone"):
            client.get(path)
    assert len(server.calls) == 1


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WHOLE = b'{"ok": true}'


def test_truncated_json_is_a_broken_answer(server: Server, answer: dict[str, Any]) -> None:
    """A whole answer with half an object: a smaller request may get through."""
    answer["replies"] = [Reply(body=b'{"results": [{"id": 1}, {"i')]
    with pytest.raises(BrokenAnswerError):
        client_of(server).get("rest/api/2/search")


@pytest.mark.parametrize(
    "raw",
    [
        [HEAD + b"Content-Length: 100\r\n\r\n" + WHOLE],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + WHOLE],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + WHOLE],
        [b"HTTP/1.1 200 OK\r\nContent-"],
        [b"nonsense\r\n\r\n"],
        [b""],
    ],
)
def test_a_connection_that_breaks_off_is_tried_again(
    server: Server, answer: dict[str, Any], raw: list[bytes]
) -> None:
    """At any point of an answer; then it is given up."""
    broken = Reply(raw=raw)
    answer["replies"] = [broken, Reply(body={"ok": True})]
    assert client_of(server).get("rest/api/2/myself") == {"ok": True}
    answer["replies"] = [broken]
    with pytest.raises(SourceUnavailableError):
        client_of(server).get("rest/api/2/myself")
    with pytest.raises(SourceUnavailableError):
        client_of(server).download("rest/api/2/file", 1000)


def test_a_silent_server_is_a_time_out(server: Server, answer: dict[str, Any]) -> None:
    """After the time-out, once for each try."""
    answer["replies"] = [Reply(delay=5)]
    started = monotonic()
    patience = Patience(timeout=1, attempts=2, first_wait=0.01, longest_wait=0.01)
    with pytest.raises(SourceUnavailableError, match="time-out"):
        client_of(server, patience=patience).get("rest/api/2/myself")
    assert len(server.calls) == 2
    assert monotonic() - started < 4


@pytest.mark.parametrize("call", ["get", "download"])
@pytest.mark.parametrize(
    "raw",
    [
        [HEAD + b"Content-Length: 1000\r\n\r\n", *[b" "] * 1000],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 1000],
        [HEAD, *[b"X"] * 1000],
        [HEAD, *[b"X: y\r\n"] * 1000],
    ],
)
def test_a_trickling_server_is_not_waited_for(
    server: Server, answer: dict[str, Any], call: str, raw: list[bytes]
) -> None:
    """Each byte comes in time, the answer never does; neither body nor head."""
    answer["replies"] = [Reply(raw=raw, pause=0.05)]
    client, started = client_of(server), monotonic()
    with pytest.raises(ServerFaultError, match="not done"):
        client.get("rest/api/2/myself") if call == "get" else client.download("rest/api/2/file", 10_000)
    assert 0.3 < monotonic() - started < 2
    assert len(server.calls) == 1


def test_a_slow_answer_that_ends_in_time_is_read(server: Server, answer: dict[str, Any]) -> None:
    """Piece by piece, also compressed ones."""
    pieces = [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b'4\r\n{"ok\r\n',
        b'8\r\n": true}\r\n',
        b"0\r\n\r\n",
    ]
    answer["replies"] = [Reply(raw=pieces, pause=0.03)]
    assert client_of(server).get("rest/api/2/myself") == {"ok": True}


def test_an_answer_without_end_is_refused(server: Server, answer: dict[str, Any]) -> None:
    """However fast it comes."""
    answer["replies"] = [Reply(body={"x": "y" * 5000})]
    with pytest.raises(ServerFaultError, match="larger than 4096"):
        client_of(server, patience=Patience(largest_answer=4096)).get("rest/api/2/myself")


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(status=401), AuthenticationError, "refused the credentials"),
        (
            Reply(status=401, body={"code": 401, "message": "Unauthorized; scope does not match"}),
            ScopeError,
            "scopes do not cover GET /rest/api/2/project/*/role",
        ),
        (
            Reply(status=401, headers={"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}),
            AuthenticationError,
            "CAPTCHA",
        ),
        (Reply(status=403), AuthenticationError, "does not allow"),
        (Reply(status=404), NotFoundError, "check the URL"),
        (Reply(status=413), BrokenAnswerError, "too large"),
        (Reply(status=400), UnexpectedAnswerError, "status 400"),
        (Reply(status=500), ServerFaultError, "status 500"),
        (Reply(status=503), SourceUnavailableError, "status 503"),
        (Reply(body=b"<html>Sign in</html>"), UnexpectedAnswerError, "sign-in page"),
        (Reply(body=b""), BrokenAnswerError, "not whole JSON"),
        (Reply(body=b"[" * 100_000), BrokenAnswerError, "not whole JSON"),
        (Reply(body="text"), UnexpectedAnswerError, "never sends"),
    ],
)
def test_every_answer_has_its_own_sentence(
    server: Server, answer: dict[str, Any], reply: Reply, kind: type[ConnectorError], words: str
) -> None:
    """For calls and, where it is an error, for files as well."""
    answer["replies"] = [reply]
    with pytest.raises(kind) as caught:
        client_of(server).get("rest/api/2/project/OPS/role")
    assert words in str(caught.value)
    if reply.status >= 400:
        with pytest.raises(kind):
            client_of(server).download("rest/api/2/file", 100)


_ECHO: list[Callable[[Call], Reply]] = [
    lambda call: Reply(status=401, body={"message": call.headers}),
    lambda call: Reply(status=403, body=str(call.headers).encode()),
    lambda call: Reply(status=500, body=call.headers),
    lambda call: Reply(body=str(call.headers).encode()),
    lambda call: Reply(body=json.dumps(str(call.headers))),
    lambda call: Reply(status=302, headers={"Location": f"/login?{call.authorization}"}),
    lambda call: Reply(raw=[f"HTTP/1.1 200 OK\r\n{call.authorization}".encode()]),
]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=40),
    number=st.integers(0, len(_ECHO) - 1),
    with_user=st.booleans(),
)
def test_no_secret_is_in_an_error_or_a_log(
    secret: str, number: int, with_user: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the server sends back all that it was sent; no error holds the request that failed."""
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    credentials = basic("ann@acme.example", secret) if with_user else bearer(secret)
    patience = Patience(timeout=1, attempts=2, first_wait=0.001, longest_wait=0.001)
    with serve(_ECHO[number]) as server:
        site = Site(url=server.url, deployment=Deployment.CLOUD)
        client = AtlassianClient(site, credentials, patience=patience)
        with pytest.raises(ConnectorError) as caught:
            client.get("rest/api/2/myself")
    seen = [
        caplog.text,
        repr(credentials),
        repr(client),
        repr(vars(client)),
        repr(SiteAuth(credentials, "x")),
    ]
    error: BaseException | None = caught.value
    while error is not None:
        seen += [str(error), repr(error), repr(vars(error))]
        assert not hasattr(error, "request")
        error = error.__cause__ or error.__context__
    for text in seen:
        assert secret not in text
        assert credentials.header.split()[1] not in text


@pytest.mark.parametrize("token", ["", " ", "a\nb", "tökén", "a b"])
def test_what_no_token_looks_like_is_refused_before_it_is_sent(token: str) -> None:
    """A header could not carry it."""
    with pytest.raises(AuthenticationError, match="copy it again"):
        bearer(token)


def test_a_password_in_the_address_is_refused() -> None:
    """It would be shown with every citation."""
    with pytest.raises(ConnectorError, match="no user and password") as caught:
        Site(url="https://ann:s3cret@acme.example", deployment=Deployment.DATACENTER)
    assert "s3cret" not in str(caught.value)
