"""The `expand` parameter of Confluence's v1 REST API."""

from __future__ import annotations

from collections.abc import Iterable


class Expand:
    """The paths of an `expand` parameter: `body.storage` also expands `body`."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = {path.removeprefix("content.") for path in paths}

    def has(self, path: str) -> bool:
        return any(given == path or given.startswith(path + ".") for given in self._paths)

    def below(self, path: str) -> Expand:
        """What is asked for of the things under a path: `children.comment.version` asks them for `version`."""
        return Expand(given.removeprefix(path + ".") for given in self._paths if given.startswith(path + "."))


NOTHING = Expand(())
