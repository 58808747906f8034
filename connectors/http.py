"""HTTP as every request to a source goes out: bounded in time and size, through proxy and own CA, errors named.

Foreign exceptions carry URLs and headers, so none of them leaves this module, not even as a cause.
"""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import requests
import stamina
import structlog
import urllib3
from requests.auth import AuthBase

from connectors.errors import (
    AuthenticationError,
    CertificateError,
    ServerFaultError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)
from connectors.site import Site, host_of
from connectors.watchdog import WatchedAdapter, too_slow

log = structlog.get_logger(__name__)

T = TypeVar("T")

_PIECE = 64 * 1024
_WRONG_VERIFICATION = {
    "expired": "has expired: renew it on the server",
    "mismatch": "is for another host: correct the URL or the certificate",
    "not valid for": "is for another host: correct the URL or the certificate",
}


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a request is tried; seconds."""

    #: To connect, and between two pieces of an answer.
    timeout: int = 60
    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    #: A source that asks for more than this is given up for now; the next run goes on.
    longest_retry_after: float = 120.0
    #: A whole answer: a server that sends a byte now and then is not waited for.
    longest_answer: float = 300.0
    #: Bytes of an answer that is not a file.
    largest_answer: int = 128 * 1024 * 1024


class TransientError(Exception):
    """Worth another try. Carries no URL and no answer, because the retry library logs it."""

    def __init__(self, reason: str, *, waited: bool = False, fault: bool = False) -> None:
        super().__init__(reason)
        #: A limiter makes the next try wait: it need not wait here as well.
        self.waited = waited
        self.fault = fault


class NoCredentials(AuthBase):
    """Sends none, and keeps requests from looking for some in ``.netrc``."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave the request as it is."""
        return request


class BoundedSession(requests.Session):
    """A session whose answers end in time and are never larger than allowed, and which follows no redirect."""

    def __init__(self, site: Site, patience: Patience, auth: AuthBase) -> None:
        super().__init__()
        self.auth = auth
        for scheme in ("http://", "https://"):
            self.mount(scheme, WatchedAdapter(patience.longest_answer))
        self._patience = patience
        self._route = Route.to(site)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send; a good ``stream`` is left to :func:`body`, any other answer is read here."""
        streamed = kwargs.pop("stream", False)
        kwargs["allow_redirects"] = False
        limit = self._patience.largest_answer
        response = super().send(request, stream=True, **kwargs)
        if not streamed or response.status_code >= 400:
            content = body(response, limit=limit, seconds=self._patience.longest_answer)
            if content is None:
                raise ServerFaultError(f"{host_of(response.url)} gave an answer larger than {limit} bytes.")
            # As requests itself keeps a body that it has read.
            response._content = content
        return response

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """The site's own proxy and CA before those of the environment."""
        route = self._route
        chosen = {**(proxies or {}), **route.proxies}
        return super().merge_environment_settings(url, chosen, stream, route.verify or verify, cert)


@dataclass(frozen=True, kw_only=True)
class Route:
    """Proxy and trusted certificates as requests takes them."""

    proxies: dict[str, str]
    verify: str | None

    @classmethod
    def to(cls, site: Site) -> Route:
        """The way to a site."""
        proxies = {"http": site.proxy, "https": site.proxy} if site.proxy else {}
        return cls(proxies=proxies, verify=str(site.ca_bundle) if site.ca_bundle else None)


def quiet_libraries() -> None:
    """The libraries below log bodies and addresses at DEBUG, and urllib3 broken headers as a warning."""
    for name, least in (("atlassian", logging.INFO), ("urllib3", logging.ERROR)):
        library = logging.getLogger(name)
        library.setLevel(max(library.level, least))


def body(response: requests.Response, *, limit: int, seconds: float) -> bytes | None:
    """What an open answer holds, unpacked; None where it is larger than ``limit``. Closes it.

    Raises:
        ServerFaultError: it was not over after so many seconds; a smaller request may get through.
    """
    ends, content = time.monotonic() + seconds, bytearray()
    with response:
        # read1 gives what has come so far: read would wait for a whole piece, and with it past the end.
        while piece := response.raw.read1(_PIECE, decode_content=True):
            content += piece
            if len(content) > limit:
                return None
            if time.monotonic() > ends:
                raise too_slow(host_of(response.url), seconds)
    framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    if response.status_code == 200 and not content and not framed:
        # http.client takes a head that breaks off for a whole one.
        raise TransientError("the connection was lost")
    return bytes(content)


def retried(call: Callable[[int], T], *, patience: Patience, host: str) -> T:
    """What ``call`` (given the number of the attempt, from 1) returns, after as many tries as patience allows.

    Raises:
        SourceUnavailableError: every try ended in a :class:`TransientError`.
        ServerFaultError: likewise, and the last one was the server's fault.
    """
    try:
        for attempt in stamina.retry_context(
            on=_wait,
            attempts=patience.attempts,
            timeout=None,
            wait_initial=patience.first_wait,
            wait_max=patience.longest_wait,
            wait_jitter=patience.first_wait,
        ):
            with attempt:
                return named(call, attempt.num, host=host)
    except TransientError as exc:
        last = exc
    log.info("site.gave_up", host=host, reason=str(last))
    kind = ServerFaultError if last.fault else SourceUnavailableError
    raise kind(f"{host} could not be read ({last}); the next run tries again.")


def _wait(error: Exception) -> bool | timedelta:
    if not isinstance(error, TransientError):
        return False
    return timedelta(0) if error.waited else True


def named(call: Callable[[int], T], attempt: int, *, host: str) -> T:
    """Make the call; what requests and urllib3 raise becomes an error of ours."""
    try:
        return call(attempt)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
        error = _named(exc, host)
    # Not inside the except clause: the error must not hold the foreign one, which holds the request.
    raise error


def _named(exc: Exception, host: str) -> Exception:
    causes = list(_causes(exc))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_error(cause, host)
    if isinstance(exc, requests.exceptions.ProxyError):
        return _proxy_error(causes, host)
    if any(getattr(cause, "library", None) in {"X509", "PEM"} for cause in causes):
        return CertificateError("ca_bundle holds no certificates: it has to be a file in PEM format.")
    if isinstance(exc, requests.exceptions.SSLError) and _speaks_no_tls(causes):
        return UnexpectedAnswerError(f"{host} does not speak TLS at this port: check https:// and the port.")
    if isinstance(exc, requests.exceptions.RequestException) and not isinstance(
        exc, requests.Timeout | requests.ConnectionError | requests.exceptions.ChunkedEncodingError
    ):
        kind = type(exc).__name__
        return UnexpectedAnswerError(f"The request to {host} could not be made ({kind}): check the URL.")
    return TransientError(f"no connection: {_reason(exc, causes)}")


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    """The exception and all that it was made of, outermost first."""
    waiting, seen = [exc], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = [getattr(cause, "reason", None), cause.__cause__, cause.__context__, *cause.args]
        waiting += [each for each in inner if isinstance(each, BaseException)]


def _certificate_error(cause: ssl.SSLCertVerificationError, host: str) -> CertificateError:
    message = cause.verify_message.lower()
    for word, what in _WRONG_VERIFICATION.items():
        if word in message:
            return CertificateError(f"The certificate of {host} {what}.")
    return CertificateError(
        f"The certificate of {host} is signed by nobody who is trusted here: "
        "set ca_bundle to a file with your company's CA certificates."
    )


def _proxy_error(causes: list[BaseException], host: str) -> Exception:
    tunnel = re.search(r"Tunnel connection failed: (\d{3})", " ".join(str(cause) for cause in causes))
    if tunnel and tunnel[1] == "407":
        return proxy_wants_login()
    if tunnel:
        return SourceUnavailableError(
            f"The proxy does not let requests through to {host} (status {tunnel[1]}): "
            "allow the host there, or correct proxy."
        )
    return SourceUnavailableError(
        f"The proxy on the way to {host} does not answer: check proxy, or HTTPS_PROXY in the environment."
    )


def proxy_wants_login() -> AuthenticationError:
    """What to say to a 407."""
    return AuthenticationError(
        "The proxy wants a user and password: write proxy as http://user:password@host."
    )


def _speaks_no_tls(causes: list[BaseException]) -> bool:
    signs = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER")
    return any(getattr(cause, "reason", None) in signs for cause in causes if isinstance(cause, ssl.SSLError))


def _reason(exc: Exception, causes: list[BaseException]) -> str:
    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in causes):
        return "the host name is not known"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "connection refused"
    if any(isinstance(cause, TimeoutError | requests.Timeout) for cause in causes):
        return "time-out"
    return type(exc).__name__
