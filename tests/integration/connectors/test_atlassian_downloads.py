"""Files, redirects and foreign credentials: what the client downloads, and where it sends what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ServerFaultError, UnexpectedAnswerError
from tests.integration.connectors.atlassian_clients import SECRET, client_of
from tests.integration.connectors.http_servers import Reply, Server, serve


def test_a_file_is_downloaded_up_to_the_limit(server: Server, answer: dict[str, Any]) -> None:
    """Exactly as large is whole, a byte more is none; the path may begin with a slash."""
    answer["replies"] = [Reply(body=b"x" * 1000)]
    client = client_of(server)
    assert client.download("/rest/api/2/file", 1000) == b"x" * 1000
    assert client.download("rest/api/2/file", 999) is None
    assert {call.path for call in server.calls} == {"/jira/rest/api/2/file"}


def test_a_file_that_is_shorter_than_announced_is_asked_for_again(
    server: Server, answer: dict[str, Any]
) -> None:
    """A proxy may cut it and say that it is whole; given up, it is a fault of the site."""
    answer["replies"] = [Reply(body=b"x" * 400), Reply(body=b"x" * 1000)]
    assert client_of(server).download("rest/api/2/file", 2000, size=1000) == b"x" * 1000
    answer["replies"] = [Reply(body=b"x" * 400)]
    with pytest.raises(ServerFaultError, match="400 of 1000 bytes"):
        client_of(server).download("rest/api/2/file", 2000, size=1000)


def test_a_huge_file_is_not_read_to_its_end(server: Server, answer: dict[str, Any]) -> None:
    """It stops near the limit."""
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        for number in range(1000):
            sent.append(number)
            yield b"x" * 1_000_000

    answer["replies"] = [Reply(raw=endless())]
    assert client_of(server).download("rest/api/2/file", 100_000) is None
    assert len(sent) < 100


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of passwords for every host used here."""
    file = tmp_path / "netrc"
    file.write_text(
        "machine 127.0.0.1 login eve password n3trc\nmachine localhost login eve password n3trc\n"
    )
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))


@pytest.mark.usefixtures("netrc")
def test_a_download_follows_to_another_host_without_credentials(
    server: Server, answer: dict[str, Any]
) -> None:
    """Neither ours nor those of ``.netrc``; on the way, ours go to the site alone."""
    with serve(lambda _: Reply(body=b"bytes")) as media:
        elsewhere = media.url.replace("127.0.0.1", "localhost") + "/file?token=abc"
        answer["replies"] = [
            Reply(status=302, headers={"Location": "/jira/secure/attachment/1"}),
            Reply(status=303, headers={"Location": elsewhere}),
        ]
        assert client_of(server).download("rest/api/3/attachment/content/1", 100) == b"bytes"
        (asked,) = media.calls
    assert asked.authorization is None
    assert asked.headers.get("cookie") is None
    assert [call.authorization for call in server.calls] == [f"Bearer {SECRET}"] * 2


def test_another_port_of_the_same_host_is_another_host(server: Server, answer: dict[str, Any]) -> None:
    """Somebody else may listen there."""
    with serve(lambda _: Reply(body=b"bytes")) as other:
        answer["replies"] = [Reply(status=302, headers={"Location": f"{other.url}/file"})]
        assert client_of(server).download("rest/api/2/file", 100) == b"bytes"
        assert other.calls[0].authorization is None


def test_redirects_in_a_circle_end(server: Server, answer: dict[str, Any]) -> None:
    """In an error, after a few."""
    answer["replies"] = [Reply(status=302, headers={"Location": "/jira/rest/api/2/file"})]
    with pytest.raises(UnexpectedAnswerError, match="sends requests on"):
        client_of(server).download("rest/api/2/file", 100)
    assert len(server.calls) == 5


def test_the_api_is_not_followed_to_another_address(server: Server, answer: dict[str, Any]) -> None:
    """A sign-in page, or http to https: the error names where it would have gone, and nothing is sent there."""
    with serve(lambda _: Reply(body={"ok": True})) as other:
        answer["replies"] = [Reply(status=302, headers={"Location": f"{other.url}/login?token=abc"})]
        with pytest.raises(UnexpectedAnswerError, match="sign-in page") as caught:
            client_of(server).get("rest/api/2/myself")
        assert other.calls == []
        assert other.host in str(caught.value)
        assert "abc" not in str(caught.value)


@pytest.mark.usefixtures("netrc")
def test_netrc_is_never_used(server: Server) -> None:
    """Neither for the API nor for a file."""
    client = client_of(server)
    client.get("rest/api/2/myself")
    client.download("rest/api/2/file", 100)
    assert [call.authorization for call in server.calls] == [f"Bearer {SECRET}"] * 2
