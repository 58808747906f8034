"""The spaces that a connector reads, asked for once."""

from __future__ import annotations

from threading import Lock

from connectors.atlassian import Json
from connectors.confluence_api import ConfluenceApi, Space
from connectors.errors import NotFoundError


class Spaces:
    """The named spaces, or all that the account may read and that are not archived. For several threads."""

    def __init__(self, api: ConfluenceApi, keys: tuple[str, ...] | None) -> None:
        self._api = api
        self.keys = keys
        self._found: dict[str, Space] | None = None
        self._unknown: set[str] = set()
        self._lock = Lock()

    def all(self) -> list[Space]:
        """All of them.

        Raises:
            NotFoundError: one is not shown, which is a fault of access: a sweep must not take it for emptied.
        """
        with self._lock:
            if self._found is None:
                self._found = self._asked()
            return list(self._found.values())

    def find(self, key: str) -> Space | None:
        """A space by its key; one that came into being since is asked for, but once."""
        known = {space.key: space for space in self.all()}
        if key in known or self.keys is not None:
            return known.get(key)
        with self._lock:
            if key not in self._unknown:
                self._unknown.add(key)
                self._found = self._asked()
            return (self._found or {}).get(key)

    def reads(self, row: Json) -> bool:
        """Whether a page lies in a space that is read; its row (with ``space`` expanded) mostly tells."""
        space = row.get("space") or {}
        key, status = space.get("key"), space.get("status")
        if not isinstance(key, str):
            return False
        if self.keys is not None:
            return key in self.keys
        return status == "current" if isinstance(status, str) else self.find(key) is not None

    def _asked(self) -> dict[str, Space]:
        found = {space.key: space for space in self._api.spaces(self.keys)}
        missing = sorted(set(self.keys or ()) - found.keys())
        if missing:
            raise NotFoundError(
                f"{self._api.client.site.url} does not show this account the space {', '.join(missing)}: "
                "check the key or the account's access."
            )
        if not found:
            raise NotFoundError(
                f"{self._api.client.site.url} shows this account none of the spaces: check keys and access."
            )
        return found
