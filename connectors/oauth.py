"""OAuth 2.0 (3LO) for Atlassian Cloud: access tokens of an hour, renewed with refresh tokens that are spent by use.

The new refresh token is stored before anybody uses what came with it, and a lock that all processes share is held
meanwhile, so that no refresh token is spent twice. A process that dies between the answer and the store loses
nothing: Atlassian takes the same refresh token again for ten minutes.

Source: https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Protocol

import requests
import structlog

from connectors.credentials import bearer_header
from connectors.errors import AuthenticationError, AuthorizationLostError, UnexpectedAnswerError
from connectors.http import (
    BoundedSession,
    NoCredentials,
    Patience,
    TransientError,
    proxy_wants_login,
    retried,
)
from connectors.site import Site, host_of, is_web_address

log = structlog.get_logger(__name__)

ATLASSIAN_TOKEN_URL = "https://auth.atlassian.com/oauth/token"  # noqa: S105 (an address)

#: Renewed so long before it expires: longer than a request is on its way.
_EARLY = timedelta(minutes=2)
#: A token that is refused so soon after it was made is not refused for its age.
_YOUNG = timedelta(minutes=1)
#: Codes of https://datatracker.ietf.org/doc/html/rfc6749#section-5.2 that mean: this refresh token is dead.
_LOST = {"invalid_grant", "unauthorized_client"}


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A pair of tokens as the authorisation server gave it."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime


class TokenSlot(Protocol):
    """The place of one grant's tokens, held by nobody else meanwhile."""

    #: None: nothing has been stored yet.
    tokens: Tokens | None

    def save(self, tokens: Tokens) -> None:
        """Store for good; when this returns, others may use them."""


class TokenStore(Protocol):
    """Where tokens outlive a process. Thread-safe; every process has to use the same store.

    Every method, and saving, may raise SourceUnavailableError: without its tokens a source cannot be read.
    """

    def load(self, key: str) -> Tokens | None:
        """The tokens of a grant, if there are any."""

    def exclusive(self, key: str) -> AbstractContextManager[TokenSlot]:
        """The grant's slot, for one thread of one process at a time; what was saved stays, also after an error."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What somebody who authorised an app got: its id and secret, and the first refresh token."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_url: str = ATLASSIAN_TOKEN_URL

    def __post_init__(self) -> None:
        if not is_web_address(self.token_url):
            raise UnexpectedAnswerError("auth_url is no web address: leave it out, or correct it.")

    @property
    def key(self) -> str:
        """Names the grant in a store; another one as soon as the configured refresh token is replaced."""
        parts = (self.token_url, self.client_id, self.refresh_token)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class OAuthCredentials:
    """Credentials of an OAuth app."""

    def __init__(
        self,
        grant: Grant,
        store: TokenStore,
        *,
        site: Site,
        patience: Patience | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``site`` tells proxy and certificates; ``now`` is for tests."""
        self._grant, self._store, self._site = grant, store, site
        self._patience, self._now = patience or Patience(), now
        self._lock = Lock()
        self._tokens: Tokens | None = None
        #: A pair that could not be saved, and the refresh token that was spent for it.
        self._unsaved: tuple[str, Tokens] | None = None

    def authorization(self) -> str:
        """The header with an access token that holds for a while.

        Raises:
            AuthorizationLostError: the refresh token is no longer taken.
            AuthenticationError: client id and secret are not taken.
            SourceUnavailableError: the authorisation server, or what keeps the tokens, does not answer.
        """
        with self._lock:
            if not self._is_fresh(self._tokens):
                stored = self._store.load(self._grant.key)
                self._tokens = stored if self._is_fresh(stored) else self._renewed(refused=None)
            assert self._tokens is not None
            return bearer_header(self._tokens.access_token)

    def renew(self, refused: str) -> bool:
        """Get another access token, unless the refused one is so new that another would be refused as well."""
        with self._lock:
            tokens = self._tokens
            if tokens is not None and bearer_header(tokens.access_token) == refused:
                if self._now() - tokens.issued_at < _YOUNG:
                    return False
                self._tokens = self._renewed(refused=tokens.access_token)
            return True

    def _is_fresh(self, tokens: Tokens | None) -> bool:
        return tokens is not None and tokens.expires_at - self._now() > _EARLY

    def _renewed(self, *, refused: str | None) -> Tokens:
        with self._store.exclusive(self._grant.key) as slot:
            self._make_up(slot)
            known = slot.tokens
            if known is not None and self._is_fresh(known) and known.access_token != refused:
                return known  # somebody else was quicker
            refresh_token = self._current(slot)
            tokens = self._exchange(refresh_token)
            self._unsaved = (refresh_token, tokens)
            self._make_up(slot)
        log.info(
            "oauth.renewed", host=host_of(self._grant.token_url), expires_at=tokens.expires_at.isoformat()
        )
        return tokens

    def _make_up(self, slot: TokenSlot) -> None:
        """Save the pair that was not saved, unless somebody went on without it."""
        if self._unsaved is not None:
            spent, tokens = self._unsaved
            if self._current(slot) == spent:
                slot.save(tokens)
                slot.tokens = tokens
            self._unsaved = None

    def _current(self, slot: TokenSlot) -> str:
        return slot.tokens.refresh_token if slot.tokens else self._grant.refresh_token

    def _exchange(self, refresh_token: str) -> Tokens:
        host = host_of(self._grant.token_url)
        fields = {
            "grant_type": "refresh_token",
            "client_id": self._grant.client_id,
            "client_secret": self._grant.client_secret,
            "refresh_token": refresh_token,
        }
        with BoundedSession(self._site, self._patience, NoCredentials()) as session:

            def ask(_: int) -> Tokens:
                response = session.post(self._grant.token_url, json=fields, timeout=self._patience.timeout)
                return self._read(response, host, refresh_token)

            return retried(ask, patience=self._patience, host=host)

    def _read(self, response: requests.Response, host: str, refresh_token: str) -> Tokens:
        status, answer = response.status_code, _json(response)
        if status == 429 or status >= 500:
            raise TransientError(f"status {status}")
        if status == 407:
            raise proxy_wants_login()
        if answer.get("error") in _LOST:
            raise AuthorizationLostError(
                f"{host} takes the refresh token no longer (revoked, expired or spent elsewhere): "
                "authorise the app again and set the new refresh_token."
            )
        if status >= 400:
            raise AuthenticationError(f"{host} refused the app: check client_id and client_secret.")
        try:
            now = self._now()
            return Tokens(
                access_token=str(answer["access_token"]),
                refresh_token=str(answer.get("refresh_token") or refresh_token),
                issued_at=now,
                expires_at=now + timedelta(seconds=float(answer["expires_in"])),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            pass
        raise UnexpectedAnswerError(f"{host} answered without a token: check auth_url.")


def _json(response: requests.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


class MemoryTokenStore:
    """A store for one process that nothing outlives: for tests, and for sources without OAuth."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._locks: dict[str, Lock] = {}
        self._slots: dict[str, _MemorySlot] = {}

    def load(self, key: str) -> Tokens | None:
        """The tokens of a grant."""
        return self._slots[key].tokens if key in self._slots else None

    @contextmanager
    def exclusive(self, key: str) -> Iterator[TokenSlot]:
        """The grant's slot."""
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            yield self._slots.setdefault(key, _MemorySlot())


class _MemorySlot:
    def __init__(self) -> None:
        self.tokens: Tokens | None = None

    def save(self, tokens: Tokens) -> None:
        self.tokens = tokens
