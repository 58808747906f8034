"""Lists in pieces of a size that an API takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of ``size``, the last one shorter."""
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch
