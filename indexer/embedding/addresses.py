"""Addresses of embedding servers, as they stand in the configuration and in the database."""

from __future__ import annotations

from typing import TypeGuard
from urllib.parse import urlsplit

from indexer.errors import EmbeddingError


def is_address(location: str | None) -> TypeGuard[str]:
    """Whether a model's location is a server's address, and no folder."""
    return location is not None and location.startswith(("http://", "https://"))


def split_address(location: str) -> tuple[str, str]:
    """The address of a server, always without a slash at its end, and the model's name there or "".

    Raises:
        EmbeddingError: the address holds a name or password.
    """
    url, _, name = location.partition("#")
    if "@" in urlsplit(url).netloc:
        # The database keeps addresses and status shows them.
        raise EmbeddingError(
            "The address of an embedding server may not hold a name or password: give a key as embedding.api_key."
        )
    return url.rstrip("/"), name
