"""``permissions.toml`` of a folder of files: which of them who may read.

    [groups]
    board = ["ann@acme.com", "bo@acme.com"]

    [[rules]]
    path = "hr/**"
    readers = ["group:board", "user:cy@acme.com"]

All rules whose path matches a file must be satisfied, as a page's and its ancestors' restrictions in Confluence. A
file that no rule matches is readable by nobody, unless there is no ``permissions.toml`` at all.
"""

from __future__ import annotations

import re
import time
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

from connectors.documents import ANYONE, AccessRule, Membership
from connectors.errors import ConnectorError

PERMISSIONS_FILE = "permissions.toml"

#: Rules of files without a ``permissions.toml``, and of those that no rule in it matches.
OPEN, UNMATCHED = "open", "unmatched"
_MAX_BYTES = 5 * 1024 * 1024
#: How long a file may be away (seconds) while it is replaced: git, rsync and editors remove the old one first.
_REPLACING = 2.0


@dataclass(frozen=True, kw_only=True)
class FileRules:
    """What a ``permissions.toml`` says."""

    #: E-mail addresses (lower case) by group.
    groups: Mapping[str, frozenset[str]]
    #: Principals by path pattern; None where there is no ``permissions.toml``, so that anyone may read everything.
    readers: Mapping[str, frozenset[str]] | None

    def of(self, path: str) -> tuple[AccessRule, ...]:
        """The rules that a reader of the file at this path, relative to the folder, must satisfy."""
        if self.readers is None:
            return (self.named(OPEN),)
        matching = (pattern for pattern in self.readers if matches(pattern, path))
        return tuple(self.named(f"path:{pattern}") for pattern in matching) or (self.named(UNMATCHED),)

    def named(self, name: str) -> AccessRule:
        """The rule of this name; nobody satisfies one that is not, or no longer, there."""
        kind, _, pattern = name.partition(":")
        principals = frozenset[str]()
        if self.readers is None and name == OPEN:
            principals = frozenset({ANYONE})
        elif self.readers and kind == "path":
            principals = self.readers.get(pattern, principals)
        return AccessRule(name=name, principals=principals)

    def memberships(self) -> list[Membership]:
        """Everybody who is named, with the groups that they are in."""
        named = {reader for readers in (self.readers or {}).values() for reader in readers}
        people = {reader.removeprefix("user:") for reader in named if reader.startswith("user:")}
        people = people.union(*self.groups.values())
        return [
            Membership(email=email, principals=frozenset({f"user:{email}", *self._groups_of(email)}))
            for email in sorted(people)
        ]

    def _groups_of(self, email: str) -> set[str]:
        return {f"group:{group}" for group, members in self.groups.items() if email in members}


#: What holds while the file is broken: nobody is known, and nobody may read anything.
NOBODY = FileRules(groups={}, readers={})


class RulesFile:
    """``permissions.toml`` of a folder, read over and over by any number of threads.

    That there is none opens the folder. It is believed where a second look finds none either, and where there has
    been none since the first read.
    """

    def __init__(self, folder: Path, *, wait: Callable[[float], None] = time.sleep) -> None:
        """Look at nothing yet; ``wait`` lets so many seconds go by."""
        self._folder = folder
        self._wait = wait
        self._lock = Lock()
        self._was_there = False
        #: What the folder was like when a second look found no file either.
        self._without: tuple[int, ...] | None = None

    def read(self) -> FileRules:
        """What the file says now.

        Raises:
            ConnectorError: it cannot be read, is wrong, or is gone since it was read.
        """
        with self._lock:
            before = _look_of(self._folder)
            rules = self._read()
            if rules.readers is not None:
                return rules
            if before != self._without:
                self._wait(_REPLACING)
                rules = self._read()
                self._without = before if before == _look_of(self._folder) else None
            return rules

    def _read(self) -> FileRules:
        try:
            rules = read_rules(self._folder)
        except ConnectorError:
            self._was_there = True
            raise
        if rules.readers is None and self._was_there:
            raise _broken("is gone, and was there a moment ago")
        self._was_there = rules.readers is not None
        return rules


def _look_of(folder: Path) -> tuple[int, ...]:
    """What differs after anything in the folder came, went or was renamed; nothing where it is not there."""
    try:
        status = folder.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def read_rules(folder: Path) -> FileRules:
    """Read the folder's ``permissions.toml``.

    Raises:
        ConnectorError: it is there, but cannot be read or is wrong; one sentence says what to mend.
    """
    try:
        with (folder / PERMISSIONS_FILE).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as exc:
        if (folder / PERMISSIONS_FILE).is_symlink():
            raise _broken("is a link to a file that is not there") from exc
        return FileRules(groups={}, readers=None)
    except OSError as exc:
        raise _broken(f"could not be read ({type(exc).__name__})") from exc
    if len(content) > _MAX_BYTES:
        raise _broken(f"is larger than {_MAX_BYTES // 1024**2} MiB")
    try:
        return parse_rules(tomllib.loads(content.decode("utf-8-sig")))
    except UnicodeDecodeError as exc:
        raise _broken("is not in UTF-8") from exc
    except tomllib.TOMLDecodeError as exc:
        raise _broken(f"is not TOML: {exc}") from exc
    except RecursionError as exc:
        raise _broken("is nested too deeply") from exc


def parse_rules(table: Mapping[str, Any]) -> FileRules:
    """Rules from what was written.

    Raises:
        ConnectorError: something is not as it should be, or may not mean what its author thinks.
    """
    if unknown := table.keys() - {"groups", "rules"}:
        raise _broken(f"has a key {min(unknown)!r}: there are [groups] and [[rules]]")
    groups = {
        name: frozenset(_email(member, f"group {name!r}") for member in _texts(members, f"group {name!r}"))
        for name, members in _typed(table.get("groups", {}), dict, "[groups]").items()
    }
    readers: dict[str, frozenset[str]] = {}
    for row in _typed(table.get("rules", []), list, "[[rules]]"):
        if not isinstance(row, dict) or row.keys() != {"path", "readers"}:
            raise _broken("has a rule that is not made of path and readers")
        pattern = _pattern(row["path"])
        if pattern in readers:
            raise _broken(f"has two rules for {pattern!r}: make them one")
        listed = _texts(row["readers"], f"readers of {pattern!r}")
        readers[pattern] = frozenset(_reader(reader, pattern, groups) for reader in listed)
    return FileRules(groups=groups, readers=readers)


def matches(pattern: str, path: str) -> bool:
    """Whether the path matches: ``*`` and ``?`` stay within a name, ``**`` is any number of folders.

    Both are compared in the same Unicode form: an accent may be written in two ways, and file systems differ.
    """
    return _expression(pattern).fullmatch(_normal(path)) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    *folders, last = _normal(pattern).split("/")
    found = ["(?:[^/]+/)*" if folder == "**" else f"{_name(folder)}/" for folder in folders]
    return re.compile("".join([*found, ".*" if last == "**" else _name(last)]), re.DOTALL)


def _name(pattern: str) -> str:
    signs = {"*": "[^/]*", "?": "[^/]"}
    return "".join(signs.get(sign) or re.escape(sign) for sign in pattern)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _pattern(value: object) -> str:
    pattern = _normal(_typed(value, str, "path"))
    names = pattern.split("/")
    if any(name in {"", ".", ".."} for name in names) or "\\" in pattern:
        raise _broken(f"has the path {pattern!r}: write it like 'hr/**', relative to the folder")
    if any("**" in name and name != "**" for name in names):
        raise _broken(f"has the path {pattern!r}: ** stands alone between slashes")
    if any(first == second == "**" for first, second in pairwise(names)):
        raise _broken(f"has the path {pattern!r}: one ** is enough")
    return pattern


def _reader(reader: str, pattern: str, groups: Mapping[str, object]) -> str:
    if reader == ANYONE:
        return reader
    kind, _, name = reader.partition(":")
    if kind == "group" and name in groups:
        return reader
    if kind == "group":
        raise _broken(f"lets the group {name!r} read {pattern!r}, but [groups] has no such group")
    if kind == "user":
        return f"user:{_email(name, f'readers of {pattern!r}')}"
    raise _broken(f"has {reader!r} among the readers of {pattern!r}: write user:…, group:… or anyone")


def _email(value: str, where: str) -> str:
    email = value.strip().lower()
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise _broken(f"has {value!r} in {where}, which is no e-mail address")
    return email


def _texts(value: object, where: str) -> list[str]:
    return [_typed(item, str, where) for item in _typed(value, list, where)]


def _typed(value: object, wanted: type, where: str) -> Any:
    if not isinstance(value, wanted):
        words = {"str": "a text", "list": "a list", "dict": "a table"}
        raise _broken(f"must have {words[wanted.__name__]} in {where}")
    return value


def _broken(what: str) -> ConnectorError:
    return ConnectorError(
        f"{PERMISSIONS_FILE} {what}; nobody can read the folder's files until it is mended."
    )
