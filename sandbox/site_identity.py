"""Tokens beside the account's own: API tokens with scopes, and OAuth 2.0 (3LO) with rotating refresh tokens.

https://developer.atlassian.com/cloud/confluence/oauth-2-3lo-apps/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hmac import compare_digest
from secrets import token_urlsafe

from sandbox.site_times import now_ms

Scopes = frozenset[str]
OFFLINE = "offline_access"


@dataclass(frozen=True, kw_only=True)
class OAuthClient:
    """An app that an admin has let onto the site; lifetimes in seconds.

    A refresh token that is spent is refused, and takes all tokens of its consent with it, because somebody else must
    have it; within `reuse_seconds` after its first use it is still good, in case the answer was lost on its way
    (Atlassian grants ten minutes).
    """

    id: str
    secret: str
    scopes: Scopes
    access_seconds: float = 3600
    refresh_seconds: float = 90 * 86_400
    reuse_seconds: float = 0


@dataclass(kw_only=True)
class Token:
    """An access or refresh token; `family` is the consent that all of them come from."""

    client: str
    scopes: Scopes
    expires: int
    family: str
    spent: int | None = None


class RefusedError(Exception):
    """The token endpoint's refusal: `status`, and the `error` word of OAuth with its description."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status, self.error = status, error


@dataclass(kw_only=True)
class Identity:
    """All tokens of a site that are good beside the account's own one."""

    scoped: dict[str, Scopes] = field(default_factory=dict)
    clients: dict[str, OAuthClient] = field(default_factory=dict)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    clock: Callable[[], int] = now_ms

    def consent(self, client: OAuthClient) -> dict[str, object]:
        """Enter an app as if an admin had just gone through its consent; gives its first tokens."""
        self.clients[client.id] = client
        return self._issue(client, family=token_urlsafe(8))

    def exchange(self, client_id: str, secret: str, refresh_token: str) -> dict[str, object]:
        """New tokens for a refresh token, which is spent by that.

        Raises:
            RefusedError: the client or its refresh token is not good, or not any more.
        """
        client = self.clients.get(client_id)
        if client is None or not compare_digest(client.secret.encode(), secret.encode()):
            raise RefusedError(401, "access_denied", "Unauthorized")
        token = self.refresh.get(refresh_token)
        if token is None or token.client != client_id or token.expires <= self.clock():
            raise RefusedError(403, "invalid_grant", "Unknown or invalid refresh token.")
        if token.spent is not None and self.clock() >= token.spent + client.reuse_seconds * 1000:
            self._forget(token.family)
            raise RefusedError(403, "invalid_grant", "Unknown or invalid refresh token.")
        token.spent = token.spent if token.spent is not None else self.clock()
        return self._issue(client, family=token.family)

    def scopes_of_access(self, token: str) -> Scopes | None:
        """What a Bearer token may do, or None when it is not good."""
        known = self.access.get(token)
        return known.scopes if known and known.expires > self.clock() else None

    def scopes_of_api_token(self, token: str) -> Scopes | None:
        return self.scoped.get(token)

    def expire(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            token.expires = self.clock()

    def _issue(self, client: OAuthClient, *, family: str) -> dict[str, object]:
        access, refresh, now = token_urlsafe(24), token_urlsafe(24), self.clock()

        def token(seconds: float) -> Token:
            expires = now + int(seconds * 1000)
            return Token(client=client.id, scopes=client.scopes, expires=expires, family=family)

        self.access[access] = token(client.access_seconds)
        answer: dict[str, object] = {
            "access_token": access,
            "expires_in": int(client.access_seconds),
            "token_type": "Bearer",
            "scope": " ".join(sorted(client.scopes)),
        }
        if OFFLINE in client.scopes:
            self.refresh[refresh] = token(client.refresh_seconds)
            answer["refresh_token"] = refresh
        return answer

    def _forget(self, family: str) -> None:
        for tokens in (self.access, self.refresh):
            self.expire(token for token in tokens.values() if token.family == family)
