"""What a site's answer means: its JSON, or the error that says what to do."""

from __future__ import annotations

import json
from typing import Any

import requests

from connectors.errors import (
    AuthenticationError,
    BrokenAnswerError,
    ConnectorError,
    NotFoundError,
    RemovedError,
    ScopeError,
    UnexpectedAnswerError,
)
from connectors.http import TransientError, proxy_wants_login
from connectors.site import Deployment, Site, host_of

#: Enough of an error's body to see what kind it is.
_HEAD = 2000


def read_json(response: requests.Response, site: Site) -> Any:
    """The object or list that a good answer holds.

    Raises:
        UnexpectedAnswerError: it is a page for people, or neither object nor list.
        BrokenAnswerError: it is broken off.
    """
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict | list):
        return answer
    if answer is not None:
        raise UnexpectedAnswerError(f"{site.host} answered with something that its API never sends.")
    if response.content.lstrip().startswith(b"<"):
        raise UnexpectedAnswerError(
            f"{site.host} did not answer with JSON: check that the URL is that of the site's API "
            "and that no sign-in page stands before it."
        )
    raise BrokenAnswerError(f"{site.host} gave an answer that is not whole JSON.")


def check_status(
    response: requests.Response, site: Site, resource: str, *, waited: bool = False, renewed: bool = False
) -> None:
    """Return for a good status, raise what any other means.

    Args:
        resource: method and path without ids, for what an admin reads.
        waited: a limiter delays the next try.
        renewed: there are new credentials, so that a 401 is worth another try.
    """
    status = response.status_code
    if 200 <= status < 300:
        return
    if status in {408, 425, 429} or status >= 500:
        raise TransientError(f"status {status}", waited=waited, fault=status in {500, 504})
    if status == 401 and renewed:
        raise TransientError("the access token was renewed", waited=True)
    if 300 <= status < 400:
        raise redirected(site, response.headers.get("Location", ""))
    raise _refusal(response, site, resource)


def _refusal(response: requests.Response, site: Site, resource: str) -> ConnectorError:
    status, host = response.status_code, site.host
    match status:
        case 401 | 403:
            return _unauthorized(response, site, resource) if status == 401 else _forbidden(response, site)
        case 410:
            return RemovedError(
                f"{host} no longer answers {resource} (status 410): update Lorebot, or check the deployment."
            )
        case 404:
            hint = "check the URL, and cloud_id if it is set" if site.gateway else "check the URL"
            return NotFoundError(f"{host} has nothing at this address (status 404): {hint}.")
        case 407:
            return proxy_wants_login()
        case 413:
            return BrokenAnswerError(f"{host} finds a request or its answer too large (status 413).")
    return UnexpectedAnswerError(f"{host} answered with status {status}: check the URL and the deployment.")


def _unauthorized(response: requests.Response, site: Site, resource: str) -> AuthenticationError:
    if lacks_scope(response):
        return ScopeError(
            f"{site.host} takes the token, but its scopes do not cover {resource}: "
            "add the scopes that docs/configuration.md lists."
        )
    if _login_is_locked(response):
        return _locked(site)
    hint = ""
    if site.gateway is None and site.deployment is Deployment.CLOUD:
        hint = ' (a token with scopes needs auth = "scoped")'
    elif site.gateway is not None:
        hint = ' (a token without scopes needs auth = "token")'
    return AuthenticationError(
        f"{site.host} refused the credentials: check e-mail and token, and whether it expired{hint}."
    )


def _forbidden(response: requests.Response, site: Site) -> AuthenticationError:
    if _login_is_locked(response):
        return _locked(site)
    return AuthenticationError(
        f"{site.host} does not allow this: give the account read access and the token its scopes."
    )


def _login_is_locked(response: requests.Response) -> bool:
    # https://confluence.atlassian.com/jirakb: after several wrong passwords Data Center wants a CAPTCHA
    return "AUTHENTICATION_DENIED" in response.headers.get("X-Seraph-LoginReason", "")


def _locked(site: Site) -> AuthenticationError:
    return AuthenticationError(
        f"{site.host} wants a CAPTCHA after wrong passwords: sign in once in a browser as the account."
    )


def redirected(site: Site, url: str) -> UnexpectedAnswerError:
    """What to say where an answer sends the request elsewhere."""
    host = host_of(url) or site.host
    return UnexpectedAnswerError(
        f"{site.host} sends requests on to {host}: check that the URL is the site's own, with https:// and its "
        "context path, and that no sign-in page stands before its API."
    )


def failed_to_find_cloud_id(site: Site) -> NotFoundError:
    """What to say where a site does not tell its cloud id."""
    return NotFoundError(
        f"{site.origin} does not tell a cloud id (/_edge/tenant_info): check the URL, or set cloud_id."
    )


def lacks_scope(response: requests.Response) -> bool:
    """Whether a 401 is about the token's scopes (``Unauthorized; scope does not match``) and not the token."""
    return "scope does not match" in _head(response)


def _head(response: requests.Response) -> str:
    """The start of an error's body, which is looked at and never shown."""
    return response.content[:_HEAD].decode("utf-8", "replace").lower()
