"""What changed in the index while it is being refreshed, in the order in which it did.

Batches are read several at once. A document that takes in another one's text may have been read before that one
changed and be stored after it: then nobody noted it, as it was not stored yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Journal:
    """Ids and handles of documents that got other text, other readers, or none. For one thread."""

    #: How much has happened.
    now: int = 0
    _last: dict[str, int] = field(default_factory=dict)

    def note(self, names: Iterable[str | None]) -> None:
        """These changed just now."""
        self.now += 1
        self._last.update(dict.fromkeys((name for name in names if name is not None), self.now))

    def changed_since(self, then: int, names: Iterable[str | None]) -> bool:
        """Whether one of these changed after so much had happened."""
        return any(name is not None and self._last.get(name, 0) > then for name in names)
