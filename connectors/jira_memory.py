"""Answers of a site that are good for a while, asked for once however many threads want them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, TypeVar

T = TypeVar("T")


class Memory:
    """Answers by their question, with their age."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._known: dict[Hashable, tuple[float, Any]] = {}

    def get(self, question: Hashable, ask: Callable[[], T], *, max_age: float) -> T:
        """The answer, asked for again where it is older than ``max_age`` seconds. An error is not kept."""
        with self._lock:
            asked, answer = self._known.get(question, (0.0, None))
            if question in self._known and time.monotonic() - asked <= max_age:
                found: T = answer
                return found
            found = ask()
            self._known[question] = (time.monotonic(), found)
            return found

    def forget(self) -> None:
        """A pass begins that wants to know how things are now."""
        with self._lock:
            self._known.clear()
