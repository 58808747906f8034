"""The admin API for tokens with scopes and for OAuth apps."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.atlassian.admin_wire import NotHereError, Table, an_object
from sandbox.errors import ChangeError
from sandbox.site_identity import OFFLINE, OAuthClient
from sandbox.site_state import Site

LIFETIMES = ("access_seconds", "refresh_seconds", "reuse_seconds")


def identity_table(site: Site) -> Table:
    """The routes for tokens."""
    admin = _IdentityAdmin(site)
    return [
        ("PUT", "/auth/tokens/{token}", admin.put_token),
        ("DELETE", "/auth/tokens/{token}", admin.delete_token),
        ("PUT", "/auth/clients/{client}", admin.put_client),
        ("DELETE", "/auth/access-tokens", admin.delete_access_tokens),
        ("DELETE", "/auth/refresh-tokens", admin.delete_refresh_tokens),
    ]


class _IdentityAdmin:
    def __init__(self, site: Site) -> None:
        self._identity = site.identity

    async def put_token(self, request: web.Request) -> Any:
        """An API token of the account with these `scopes`, good at the gateway alone."""
        scopes = _scopes(await an_object(request))
        self._identity.scoped[request.match_info["token"]] = scopes
        return {"scopes": sorted(scopes)}

    async def delete_token(self, request: web.Request) -> Any:
        if self._identity.scoped.pop(request.match_info["token"], None) is None:
            raise NotHereError("There is no such token.")
        return {}

    async def put_client(self, request: web.Request) -> Any:
        """An OAuth app with `secret`, `scopes` and lifetimes; answers the tokens of its first consent."""
        data, name = await an_object(request), request.match_info["client"]
        scopes, secret = _scopes(data) | {OFFLINE}, data.get("secret")
        if not isinstance(secret, str) or not secret:
            raise ChangeError("The field 'secret' is missing: give it as text.")
        try:
            lifetimes = {each: float(data[each]) for each in LIFETIMES if each in data}
        except (TypeError, ValueError) as exc:
            raise ChangeError("Lifetimes are numbers of seconds.") from exc
        return self._identity.consent(OAuthClient(id=name, secret=secret, scopes=scopes, **lifetimes))

    async def delete_access_tokens(self, _: web.Request) -> Any:
        """All access tokens expire now; refresh tokens stay good."""
        self._identity.expire(self._identity.access.values())
        return {}

    async def delete_refresh_tokens(self, _: web.Request) -> Any:
        """As when the consent is taken back: no refresh token is good any more."""
        self._identity.expire(self._identity.refresh.values())
        return {}


def _scopes(data: dict[str, Any]) -> frozenset[str]:
    scopes = data.get("scopes")
    if not isinstance(scopes, list) or not all(isinstance(each, str) for each in scopes):
        raise ChangeError("The field 'scopes' is missing: give a list of scopes.")
    return frozenset(scopes)
