"""Refusals in words: which right an account is missing, instead of which request was refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.errors import AuthenticationError, NotFoundError, RemovedError, ScopeError


@contextmanager
def needed(sentence: str) -> Iterator[None]:
    """What is refused or hidden inside (Atlassian answers 404 as well as 403) raises this sentence."""
    try:
        yield
    except (RemovedError, ScopeError):
        raise  # it says already that not the account's rights are at fault
    except (AuthenticationError, NotFoundError) as exc:
        raise AuthenticationError(sentence) from exc
