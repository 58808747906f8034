"""Where a Jira or Confluence is, and the way there: gateway, proxy, certificates."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from connectors.errors import CertificateError, ConnectorError

ATLASSIAN_GATEWAY = "https://api.atlassian.com"


class Deployment(StrEnum):
    """Where a site runs; the two differ in paths, in paging and in how people are named."""

    CLOUD = "cloud"
    DATACENTER = "datacenter"


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """Atlassian's gateway, which tokens with scopes and OAuth have to take instead of the site's own address.

    Source: https://support.atlassian.com/confluence/kb/scoped-api-tokens-in-confluence-cloud
    """

    product: Literal["jira", "confluence"]
    #: None: the site itself is asked for it, once.
    cloud_id: str | None = None
    url: str = ATLASSIAN_GATEWAY

    def api_url(self, cloud_id: str) -> str:
        """The address below which the product's REST API answers for a site."""
        path = "/wiki" if self.product == "confluence" else ""
        return f"{self.url.rstrip('/')}/ex/{self.product}/{cloud_id}{path}"


@dataclass(frozen=True, kw_only=True)
class Site:
    """A Jira or Confluence and the way to it.

    Raises:
        ConnectorError: the URL is none.
        CertificateError: there is no file ``ca_bundle``.
    """

    #: The site's own address, with the context path: ``https://acme.atlassian.net/wiki``.
    url: str
    deployment: Deployment
    #: Where people open it, where that is not ``url``.
    browse_url: str = ""
    #: Set: the API is asked through the gateway, and ``url`` is where people go.
    gateway: Gateway | None = None
    #: A file with the certificates (PEM) that are trusted instead of the usual ones.
    ca_bundle: Path | None = None
    #: For all requests; None: what the environment says (``HTTPS_PROXY``, ``NO_PROXY``). May hold a password.
    proxy: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for url in (self.url, self.browse_url or self.url, self.proxy or self.url):
            if not is_web_address(url):
                raise ConnectorError(
                    "The URL of a site or proxy must read like https://host or https://host/path: correct it."
                )
        if "@" in urlsplit(self.url).netloc:
            raise ConnectorError("The URL of a site must hold no user and password: give them beside it.")
        if self.ca_bundle is not None and not self.ca_bundle.is_file():
            raise CertificateError(f"There is no file {self.ca_bundle}: correct ca_bundle.")
        object.__setattr__(self, "url", self.url.rstrip("/"))
        object.__setattr__(self, "browse_url", (self.browse_url or self.url).rstrip("/"))

    @property
    def host(self) -> str:
        """Host, with the port where one is given; what limits and errors name."""
        return host_of(self.url)

    @property
    def origin(self) -> str:
        """The address without its path."""
        return origin_of(self.url)


def confluence_url(url: str, deployment: Deployment) -> str:
    """The URL of a Confluence. On Cloud it lives below ``/wiki``, which people leave out."""
    url = url.rstrip("/")
    return f"{url}/wiki" if deployment is Deployment.CLOUD and not url.endswith("/wiki") else url


def host_of(url: str) -> str:
    """Host and port without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def origin_of(url: str) -> str:
    """Scheme, host and port: to whom credentials may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{host_of(url)}".lower()


def is_web_address(url: str) -> bool:
    """Whether this is a whole http or https URL."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is no number raises
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host) and not any(map(str.isspace, url))
