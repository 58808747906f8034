"""How a client proves who it is: an ``Authorization`` header that stays, or one that OAuth renews.

API tokens, tokens with scopes, personal access tokens and passwords are all a header that stays; which way they
take is the site's matter. :mod:`connectors.oauth` renews its own.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Protocol

import requests
from requests.auth import AuthBase

from connectors.errors import AuthenticationError
from connectors.site import origin_of


class Credentials(Protocol):
    """What is shown to a site. Thread-safe."""

    def authorization(self) -> str:
        """The value of the ``Authorization`` header now; may ask an authorisation server for it.

        Raises:
            AuthenticationError: there is none to be had.
            SourceUnavailableError: the authorisation server does not answer.
        """

    def renew(self, refused: str) -> bool:
        """The site refused this header: whether :meth:`authorization` gives another one now."""


@dataclass(frozen=True, kw_only=True)
class FixedCredentials:
    """A header that stays as it is."""

    header: str = field(repr=False)

    def authorization(self) -> str:
        """The header."""
        return self.header

    def renew(self, refused: str) -> bool:
        """There is no other."""
        return False


def basic(user: str, secret: str) -> FixedCredentials:
    """E-mail and API token (Cloud, with scopes or without), or user name and password (Data Center)."""
    if not user or not secret:
        raise AuthenticationError(
            "Name and token are both needed: give the account's e-mail beside its token."
        )
    pair = b64encode(f"{user}:{secret.strip()}".encode()).decode()
    return FixedCredentials(header=f"Basic {pair}")


def bearer(token: str) -> FixedCredentials:
    """A personal access token (Data Center)."""
    return FixedCredentials(header=bearer_header(token))


def bearer_header(token: str) -> str:
    """The header that carries a token."""
    if not re.fullmatch(r"[!-~]+", token.strip()):
        raise AuthenticationError("The token is empty, or has characters that no token has: copy it again.")
    return f"Bearer {token.strip()}"


class SiteAuth(AuthBase):
    """Adds the credentials to requests to one origin, and to no other. Being set, it also shuts out ``.netrc``."""

    def __init__(self, credentials: Credentials, origin: str) -> None:
        self._credentials = credentials
        self._origin = origin

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign the request."""
        if origin_of(request.url or "") == self._origin:
            request.headers["Authorization"] = self._credentials.authorization()
        return request
