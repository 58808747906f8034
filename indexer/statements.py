"""Named SQL statements, kept in ``.sql`` files beside the module that runs them.

A statement starts at a line ``-- name: <name>`` and ends at the next one. Python refers to names; no SQL is
put together from strings, so parameters are always bound.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def load(package: str, file: str) -> Mapping[str, LiteralString]:
    """The statements of a ``.sql`` file in a package, by name.

    Raises:
        FileNotFoundError: the package has no such file.
        ValueError: a name occurs twice.
    """
    text = resources.files(package).joinpath(file).read_text("utf-8")
    _, *parts = _NAME.split(text)
    names, bodies = parts[0::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package}/{file} names a statement twice")
    # The text ships with the package, which is what LiteralString is there to promise.
    return {name: cast(LiteralString, body.strip()) for name, body in zip(names, bodies, strict=True)}
