"""One authenticated way to Atlassian's REST APIs: bounded retries, time-outs, and our own errors.

atlassian-python-api makes the requests. Its paging, its retries (for ever, on a refused connection) and its
Confluence Cloud methods are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock, local
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import structlog
from atlassian.rest_client import AtlassianRestAPI

from connectors.answers import check_status, failed_to_find_cloud_id, lacks_scope, read_json, redirected
from connectors.credentials import Credentials, SiteAuth
from connectors.http import (
    BoundedSession,
    NoCredentials,
    Patience,
    TransientError,
    body,
    quiet_libraries,
    retried,
)
from connectors.limits import SiteLimiter, endpoint
from connectors.site import Deployment, Site, confluence_url, origin_of

__all__ = ["AtlassianClient", "Deployment", "Json", "Patience", "Site", "confluence_url"]

log = structlog.get_logger(__name__)

Json = dict[str, Any]

_MOST_REDIRECTS = 5


class AtlassianClient:
    """Requests to one site; any number of threads may share it, each has an HTTP session of its own."""

    def __init__(
        self,
        site: Site,
        credentials: Credentials,
        *,
        patience: Patience | None = None,
        limiter: SiteLimiter | None = None,
    ) -> None:
        """Make no call yet. Clients of the same host should share a limiter."""
        quiet_libraries()
        self.site = site
        self._credentials = credentials
        self._patience = patience or Patience()
        self._limiter = limiter or SiteLimiter(site.host)
        self._threads = local()
        self._lock = Lock()
        self._api_url = None if site.gateway else site.url

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON at ``path`` (relative to the site's URL). Raises :class:`ConnectorError` subclasses."""
        return self._json("GET", path, params=dict(params or {}))

    def post(self, path: str, body: Json) -> Any:
        """The JSON answer to a POST that only reads, and may therefore be repeated."""
        return self._json("POST", path, data=body)

    def download(self, path: str, limit: int, *, size: object = None) -> bytes | None:
        """A file's bytes, streamed; None where it is larger than ``limit``.

        Args:
            size: what the site says that it has; a whole number of which fewer come was cut off, and is tried again.

        Redirects are followed: to another host without the credentials, as attachments of Cloud need it.
        """
        base, resource = self._base(), endpoint("GET", path)

        def fetch(attempt: int) -> bytes | None:
            url, session = f"{base}/{path.lstrip('/')}", self._rest(base).session
            for _ in range(_MOST_REDIRECTS):
                response = session.get(
                    url, stream=True, timeout=self._patience.timeout, headers={"Accept": "*/*"}
                )
                following = response.headers.get("Location") if response.is_redirect else None
                if following is None:
                    self._check(response, resource, attempt)
                    content = body(response, limit=limit, seconds=self._patience.longest_answer)
                    if content is not None and isinstance(size, int) and len(content) < size:
                        raise TransientError(f"{len(content)} of {size} bytes", fault=True)
                    return content
                response.close()
                before, url = url, urljoin(url, following)
                if urlsplit(before).scheme == "https" and urlsplit(url).scheme != "https":
                    break
            raise redirected(self.site, url)

        content: bytes | None = self._in_turn(resource, fetch)
        return content

    def _json(self, method: str, path: str, **kwargs: Any) -> Any:
        base, resource = self._base(), endpoint(method, path)

        def fetch(attempt: int) -> Any:
            response = self._rest(base).request(method, path, **kwargs)
            self._check(response, resource, attempt)
            return read_json(response, self.site)

        return self._in_turn(resource, fetch)

    def _in_turn(self, resource: str, fetch: Any) -> Any:
        def call(attempt: int) -> Any:
            with self._limiter.turn(resource, longest=self._patience.longest_retry_after):
                return fetch(attempt)

        return retried(call, patience=self._patience, host=self.site.host)

    def _check(self, response: requests.Response, resource: str, attempt: int) -> None:
        """Raise what the status means; whatever the answer, the limiter learns from it."""
        patience, status = self._patience, response.status_code
        waited = self._limiter.learn(
            resource,
            status,
            response.headers,
            otherwise=min(patience.longest_wait, patience.first_wait * 2 ** (attempt - 1)),
        )
        refused = response.request.headers.get("Authorization", "")
        renewed = status == 401 and not lacks_scope(response) and self._credentials.renew(refused)
        check_status(response, self.site, resource, waited=waited, renewed=renewed)

    def _rest(self, base: str) -> AtlassianRestAPI:
        """This thread's session."""
        rest = getattr(self._threads, "rest", None)
        if rest is None:
            session = BoundedSession(self.site, self._patience, SiteAuth(self._credentials, origin_of(base)))
            rest = self._threads.rest = AtlassianRestAPI(
                base,
                session=session,
                timeout=self._patience.timeout,
                cloud=self.site.deployment is Deployment.CLOUD,
                advanced_mode=True,
                backoff_and_retry=False,
                retry_with_header=False,
            )
        return rest

    def _base(self) -> str:
        """Where the API answers; through the gateway the site's cloud id is asked for once."""
        with self._lock:
            if self._api_url is None:
                gateway = self.site.gateway
                assert gateway is not None
                self._api_url = gateway.api_url(gateway.cloud_id or self._ask_cloud_id())
            return self._api_url

    def _ask_cloud_id(self) -> str:
        with BoundedSession(self.site, self._patience, NoCredentials()) as session:

            def ask(_: int) -> str:
                response = session.get(
                    f"{self.site.origin}/_edge/tenant_info", timeout=self._patience.timeout
                )
                if response.status_code in {404, 410} or response.is_redirect:
                    raise failed_to_find_cloud_id(self.site)
                check_status(response, self.site, "GET /_edge/tenant_info")
                answer = read_json(response, self.site)
                cloud_id = answer.get("cloudId") if isinstance(answer, dict) else None
                if not isinstance(cloud_id, str) or not cloud_id:
                    raise failed_to_find_cloud_id(self.site)
                return cloud_id

            return retried(ask, patience=self._patience, host=self.site.host)
