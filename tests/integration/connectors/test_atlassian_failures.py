"""What happens when the way to Atlassian is broken: every failure is a clear error, and none tells the token."""

from __future__ import annotations

import logging
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.atlassian import Deployment, Site
from connectors.confluence import ConfluenceConnector
from connectors.credentials import basic
from connectors.errors import (
    AuthenticationError,
    ConnectorError,
    NotFoundError,
    ServerFaultError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)
from connectors.jira import JiraConnector

Connector = ConfluenceConnector | JiraConnector


@pytest.fixture(params=["confluence", "jira"])
def make(request: pytest.FixtureRequest, running: Any) -> Callable[..., Connector]:
    """Make a connector of either kind."""
    maker: Callable[..., Connector] = getattr(running, request.param)
    return maker


@pytest.fixture(autouse=True)
def no_secret_is_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """Everything down to DEBUG is captured, and the token is in none of it."""
    caplog.set_level(logging.DEBUG)
    yield
    printed = capsys.readouterr()
    _assert_no_secret(caplog.text + printed.out + printed.err)


def _assert_no_secret(text: str) -> None:
    basic = b64encode(b"reader@acme.example:s3cret-token-of-the-reader").decode()
    assert "s3cret-token" not in text
    assert "wrong-token" not in text
    assert basic not in text


def _failure(kind: type[ConnectorError], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    _assert_no_secret(repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__))
    return str(caught.value)


def test_a_right_token_signs_in(make: Callable[..., Connector]) -> None:
    """The check names the account and what it may read."""
    assert "1 " in make().check()


def test_a_wrong_token_is_refused_at_once(make: Callable[..., Connector], running: Any) -> None:
    """Bad credentials are not tried again."""
    message = _failure(AuthenticationError, make(token="wrong-token").check)
    assert "token" in message
    assert running.requests() == 1


def test_an_unreachable_host_is_unavailable(make: Callable[..., Connector]) -> None:
    """A closed port ends in an error after a bounded number of attempts."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    _failure(SourceUnavailableError, make(url=f"http://127.0.0.1:{port}").check)


def test_a_page_for_people_is_not_taken_for_an_answer(make: Callable[..., Connector], running: Any) -> None:
    """A sign-in page in front of the API answers 200 with HTML."""
    running.fault(
        path=".*", status=200, times=9, headers={"Content-Type": "text/html"}, body="<html>Sign in</html>"
    )
    message = _failure(UnexpectedAnswerError, make().check)
    assert message.count(".") >= 1
    assert "Sign in" not in message


def test_a_json_string_is_not_taken_for_an_answer(make: Callable[..., Connector], running: Any) -> None:
    """The API answers with objects and lists alone."""
    running.fault(path=".*", status=200, times=9, body='"hello"')
    _failure(UnexpectedAnswerError, make().check)


def test_a_rate_limit_is_waited_for(make: Callable[..., Connector], running: Any) -> None:
    """429 with a Retry-After, then success."""
    running.fault(path=".*", status=429, times=1, headers={"Retry-After": "0"})
    assert make().check()


def test_a_rate_limit_of_an_hour_ends_the_run(make: Callable[..., Connector], running: Any) -> None:
    """What asks for more patience than we have is left for the next run, after one request."""
    running.fault(path=".*", status=429, times=5, headers={"Retry-After": "3600"})
    _failure(SourceUnavailableError, make().check)
    assert running.requests() == 1


def test_a_fault_of_the_server_is_tried_again_and_then_given_up(
    make: Callable[..., Connector], running: Any
) -> None:
    """500 without end: three attempts, then an error."""
    running.fault(path=".*", status=500, times=100)
    _failure(ServerFaultError, make().check)
    assert running.requests() == 3


def test_a_reset_connection_is_tried_again(make: Callable[..., Connector], running: Any) -> None:
    """One lost connection does not end a run."""
    running.fault(path=".*", reset=True, times=1)
    assert make().check()


def test_forbidden_is_an_authentication_error(make: Callable[..., Connector], running: Any) -> None:
    """403 says that rights are missing."""
    running.fault(path=".*", status=403, times=1)
    _failure(AuthenticationError, make().check)


def test_a_missing_place_is_named(running: Any) -> None:
    """A key that the account cannot see is found by the check."""
    assert "NOPE" in _failure(NotFoundError, running.confluence(spaces=("ENG", "NOPE")).check)
    assert "NOPE" in _failure(NotFoundError, running.jira(projects=("OPS", "NOPE")).check)


def test_cloud_without_an_email_is_refused() -> None:
    """Nothing is sent where the configuration cannot work."""
    with pytest.raises(AuthenticationError, match="e-mail"):
        basic("", "wrong-token")


def test_the_token_is_not_in_a_representation(running: Any) -> None:
    """Nothing that holds the token shows it."""
    connector = running.jira()
    _assert_no_secret(repr(connector) + repr(vars(connector)) + repr(vars(connector._api)))


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(
    ("kind", "path", "right"),
    [
        ("jira", "permissionscheme", "Administer Projects"),
        ("jira", "group/bulk|groups/picker", "Browse Users"),
        ("jira", "group/member", "Browse Users"),
        ("confluence", "/permissions", "space ENG"),
        ("confluence", r"rest/api/group\?", "groups and their people"),
        ("confluence", "membersByGroupId|/member", "groups and their people"),
    ],
)
def test_the_check_names_the_right_that_is_missing(
    running: Any, kind: str, path: str, right: str, status: int
) -> None:
    """Without it everything would be read, and nobody could see it."""
    running.fault(path=path, status=status, times=1)
    assert right in _failure(AuthenticationError, getattr(running, kind)().check)


@pytest.mark.parametrize("kind", ["jira", "confluence"])
def test_no_group_at_all_is_a_missing_right(running: Any, kind: str) -> None:
    """Data Center gives an empty list to whom it does not show the groups."""
    body: dict[str, Any] = {"groups": [], "values": [], "results": [], "total": 0, "isLast": True}
    running.fault(path=r"group/bulk|groups/picker|rest/api/group\?", status=200, times=1, body=body)
    assert "groups" in _failure(AuthenticationError, getattr(running, kind)().check)


@pytest.mark.parametrize(
    "url", ["https://[bad", "https://", "", "jira.acme.example", "ftp://x", "https://a b", "https://x:port"]
)
def test_what_is_no_web_address_is_refused_in_one_sentence(url: str) -> None:
    """Before any call."""
    with pytest.raises(ConnectorError, match="https://host") as caught:
        Site(url=url, deployment=Deployment.DATACENTER)
    assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("jira", "/project"),
        ("jira", "group/bulk|groups/picker"),
        ("confluence", "ENG/permissions|spaces/[^?]+/perm"),
    ],
)
def test_a_message_in_place_of_a_list_is_an_unexpected_answer(running: Any, kind: str, path: str) -> None:
    """200 with a word of excuse is neither a list nor an empty one."""
    running.fault(path=path, status=200, times=1, body={"errorMessages": ["No."]})
    _failure(UnexpectedAnswerError, getattr(running, kind)().check)
