"""The spaces that a connector reads, asked for once.

One that is not shown is a fault of access: a sweep must not take it for emptied. It keeps nothing of the others back:
they are read, and whoever wants to know of all is told at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from connectors.atlassian import Json
from connectors.confluence_access import space_readers
from connectors.confluence_api import ConfluenceApi, Space
from connectors.documents import ANYONE
from connectors.errors import NotFoundError


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The spaces to read that the account is shown, one at least."""

    spaces: tuple[Space, ...]
    #: Why others that are named are not among them; None where all are.
    complaint: str | None = None

    def require_all(self) -> None:
        """Raises NotFoundError where a named space is not shown."""
        if self.complaint is not None:
            raise NotFoundError(self.complaint)


class Spaces:
    """The named spaces, or all that the account may read and that are not archived. For several threads."""

    def __init__(self, api: ConfluenceApi, keys: tuple[str, ...] | None) -> None:
        self._api = api
        self.keys = keys
        self._shown: Shown | None = None
        self._unknown: set[str] = set()
        self._admits_anonymous: bool | None = None
        self._lock = Lock()

    def shown(self) -> Shown:
        """All that are shown. Raises NotFoundError where none at all is."""
        with self._lock:
            if self._shown is None:
                self._shown = self._asked()
            return self._shown

    def find(self, key: str) -> Space | None:
        """A space by its key; one that came into being since is asked for, but once."""
        if self.keys is not None and key not in self.keys:
            return None
        return self._found(key, lambda space: space.key == key)

    def reads(self, row: Json) -> bool:
        """Whether a page lies in a space that is read; its row (with ``space`` expanded) mostly tells."""
        space = row.get("space") or {}
        key, status = space.get("key"), space.get("status")
        if not isinstance(key, str):
            return False
        if self.keys is not None:
            return key in self.keys
        return status == "current" if isinstance(status, str) else self.find(key) is not None

    def with_id(self, space_id: str) -> Space | None:
        """A space by its id, as :meth:`find`."""
        return self._found(f"id {space_id}", lambda space: space.id == space_id)

    def of(self, row: Json) -> Space | None:
        """The space that a page lies in, as its row (with ``space`` expanded) tells."""
        space = row.get("space") or {}
        found, key = space.get("id"), space.get("key")
        if found is None or not isinstance(key, str):
            return self.find(key) if isinstance(key, str) else None
        return Space(id=str(found), key=key, name=space.get("name") or key)

    def readers(self, space: Space) -> frozenset[str]:
        """The principals that may view a space; nobody where the site does not tell this account."""
        found = space_readers(self._api, space)
        if ANYONE not in found:
            return found
        with self._lock:
            if self._admits_anonymous is None:
                self._admits_anonymous = self._api.admits_anonymous()
            return found if self._admits_anonymous else found - {ANYONE}

    def _found(self, name: str, is_wanted: Callable[[Space], bool]) -> Space | None:
        found = next(filter(is_wanted, self.shown().spaces), None)
        if found is not None:
            return found
        with self._lock:
            if name not in self._unknown:
                self._unknown.add(name)
                self._shown = self._asked()
            return next(filter(is_wanted, self._shown.spaces), None) if self._shown else None

    def _asked(self) -> Shown:
        found = {space.key: space for space in self._api.spaces(self.keys)}
        missing = sorted(set(self.keys or ()) - found.keys())
        complaint = (
            f"{self._api.client.site.url} does not show this account the space {', '.join(missing)}: "
            "check the key or the account's access."
        )
        if missing and not found:
            raise NotFoundError(complaint)
        if not found:
            raise NotFoundError(
                f"{self._api.client.site.url} shows this account none of the spaces: check keys and access."
            )
        return Shown(spaces=tuple(found.values()), complaint=complaint if missing else None)
