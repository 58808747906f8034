"""One authenticated way to Atlassian's REST APIs: bounded retries, time-outs, and our own errors.

atlassian-python-api carries the credentials and the HTTP session. Its paging, its retries (for ever, on a
refused connection) and its Confluence Cloud methods are not used.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import requests
import stamina
import structlog
from atlassian.rest_client import AtlassianRestAPI

from connectors.errors import (
    AuthenticationError,
    BrokenAnswerError,
    ConnectorError,
    NotFoundError,
    ServerFaultError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)

log = structlog.get_logger(__name__)

Json = dict[str, Any]


class Deployment(StrEnum):
    """Where a site runs; the two differ in paths, in paging and in how people are named."""

    CLOUD = "cloud"
    DATACENTER = "datacenter"


@dataclass(frozen=True, kw_only=True)
class Site:
    """A Jira or Confluence and the account that reads it.

    Cloud takes e-mail and API token; Data Center a personal access token, or a user name (as ``email``) and
    password.
    """

    url: str
    deployment: Deployment
    token: str = field(repr=False)
    email: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.rstrip("/"))
        if not _is_web_address(self.url):
            raise ConnectorError(
                "The URL of a site must read like https://host or https://host/path: correct it."
            )
        if self.deployment is Deployment.CLOUD and not self.email:
            raise AuthenticationError(
                f"{self.url} is a Cloud site: it needs the account's e-mail beside its API token."
            )


def confluence_url(url: str, deployment: Deployment) -> str:
    """The URL of a Confluence. On Cloud it lives below ``/wiki``, which people leave out."""
    url = url.rstrip("/")
    return f"{url}/wiki" if deployment is Deployment.CLOUD and not url.endswith("/wiki") else url


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a request is tried; seconds."""

    timeout: int = 60
    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    #: A source that asks for more than this is given up for now; the next run goes on.
    longest_retry_after: float = 120.0


class _TransientError(Exception):
    """Worth another try. Carries no URL and no answer, because the retry library logs it."""

    def __init__(self, reason: str, *, retry_after: float | None = None, fault: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.fault = fault


class AtlassianClient:
    """Requests to one site over one HTTP session; not to be shared by threads."""

    def __init__(self, site: Site, patience: Patience) -> None:
        # At DEBUG the library logs whole bodies.
        library = logging.getLogger("atlassian")
        library.setLevel(max(library.level, logging.INFO))
        self.site = site
        self._patience = patience
        self.host = urlsplit(site.url).netloc
        self._rest = AtlassianRestAPI(
            site.url,
            timeout=patience.timeout,
            cloud=site.deployment is Deployment.CLOUD,
            advanced_mode=True,
            backoff_and_retry=False,
            retry_with_header=False,
            username=site.email,
            password=site.token if site.email else None,
            token=None if site.email else site.token,
        )

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON at ``path`` (relative to the site's URL). Raises :class:`ConnectorError` subclasses."""
        return self._json("GET", path, params=dict(params or {}))

    def post(self, path: str, body: Json) -> Any:
        """The JSON answer to a POST that only reads, and may therefore be repeated."""
        return self._json("POST", path, data=body)

    def download(self, path: str, limit: int) -> bytes | None:
        """A file's bytes, streamed; None where it is larger than ``limit``."""

        def fetch() -> bytes | None:
            with self._rest.session.get(
                self._rest.url + path, stream=True, timeout=self._patience.timeout
            ) as response:
                self._check(response)
                content = bytearray()
                for part in response.iter_content(64 * 1024):
                    content += part
                    if len(content) > limit:
                        return None
                return bytes(content)

        found: bytes | None = self._retried(fetch)
        return found

    def _json(self, method: str, path: str, **kwargs: Any) -> Any:
        def fetch() -> Any:
            response = self._rest.request(method, path, **kwargs)
            self._check(response)
            try:
                answer = response.json()
            except ValueError as exc:
                if response.text.lstrip().startswith("<"):
                    raise UnexpectedAnswerError(
                        f"{self.host} did not answer with JSON: check that the URL is that of the site's API "
                        "and that no sign-in page stands before it."
                    ) from exc
                raise BrokenAnswerError(f"{self.host} gave an answer that is not whole JSON.") from exc
            if not isinstance(answer, dict | list):
                raise UnexpectedAnswerError(f"{self.host} answered with something that its API never sends.")
            return answer

        return self._retried(fetch)

    def _retried(self, fetch: Any) -> Any:
        patience = self._patience
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
                    return _network_errors_mapped(fetch)
        except _TransientError as exc:
            kind = ServerFaultError if exc.fault else SourceUnavailableError
            log.info("atlassian.gave_up", host=self.host, reason=str(exc))
            raise kind(f"{self.host} could not be read ({exc}); the next run tries again.") from None
        raise AssertionError("a retry ends with an answer or an error")

    def _check(self, response: requests.Response) -> None:
        status = response.status_code
        if status < 300:
            return
        if status in {408, 425, 429} or status >= 500:
            raise self._transient(response)
        if status == 401:
            raise AuthenticationError(
                f"{self.host} refused the credentials: check e-mail and token, and whether it expired."
            )
        if status == 403:
            raise AuthenticationError(
                f"{self.host} does not allow this: give the account read access and the token its scopes."
            )
        if status in {404, 410}:
            raise NotFoundError(f"{self.host} has nothing at this address (status {status}): check the URL.")
        if status == 413:
            raise BrokenAnswerError(f"{self.host} finds a request or its answer too large (status 413).")
        raise UnexpectedAnswerError(
            f"{self.host} answered with status {status}: check the URL and the deployment."
        )

    def _transient(self, response: requests.Response) -> Exception:
        status = response.status_code
        wait = _seconds(response.headers.get("Retry-After"))
        if wait is not None and wait > self._patience.longest_retry_after:
            return SourceUnavailableError(f"{self.host} asks to be left alone for {wait:.0f} seconds.")
        return _TransientError(f"status {status}", retry_after=wait, fault=status in {500, 504})


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is no number raises
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host) and not any(map(str.isspace, url))


def _network_errors_mapped(fetch: Any) -> Any:
    """Foreign exceptions name the request: none may be logged or chained."""
    try:
        return fetch()
    except (requests.Timeout, requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as exc:
        raise _TransientError(f"no connection: {type(exc).__name__}") from None
    except requests.RequestException as exc:
        raise UnexpectedAnswerError(
            f"The request could not be made ({type(exc).__name__}): check the URL."
        ) from None


def _wait(error: Exception) -> bool | timedelta:
    if not isinstance(error, _TransientError):
        return False
    return True if error.retry_after is None else timedelta(seconds=error.retry_after)


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None  # an HTTP date: Atlassian sends seconds, and the usual waits do no harm
