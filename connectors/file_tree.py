"""A folder of files that other people change at the same time: walked and read without following links."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from connectors.errors import ConnectorError, ExtractionError, NotFoundError, SourceUnavailableError
from connectors.extraction import can_extract
from connectors.extraction.formats import format_of
from connectors.file_rules import PERMISSIONS_FILE

log = structlog.get_logger(__name__)

#: A folder in a folder in a folder …: deeper trees are made by accident or malice.
_DEEPEST = 100
#: What the system answers when a network volume has gone away.
_VOLUME_LOST = {errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENODEV}
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG}
#: How a byte that is not UTF-8 is written in an id, which must be text.
_ESCAPED = re.compile(r"\\u(dc[89a-f][0-9a-f])")
#: Looks at a file that changes while it is read.
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class FileState:
    """A file that can be read, as the folder lists it."""

    #: The path relative to the folder, with slashes.
    id: str
    size: int
    #: When its content or name changed, by the clock of the file system: unlike the next, nobody can set it back.
    changed_ns: int
    modified_ns: int

    @property
    def part(self) -> str:
        """A word that differs when the content may differ."""
        return f"file:{self.size}:{self.modified_ns}:{self.changed_ns}"

    @property
    def changed(self) -> datetime:
        """As :attr:`changed_ns`."""
        return datetime.fromtimestamp(self.changed_ns / 1e9, UTC)

    @property
    def modified(self) -> datetime:
        """What people see as the date of the file."""
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)


def list_files(root: Path) -> Iterator[FileState]:
    """Every file of a kind that is read, in the order of their paths.

    Left out are links, hidden files and folders, Office's lock files and what is no regular file. A folder that
    may not be looked into is logged; its files are not gone, :func:`read_file` finds that they may not be read.

    Raises:
        ConnectorError: the root is missing or empty, as that of a volume is that is not mounted.
    """
    require_mounted(root)
    yield from _walk(root, "", 0)


def require_mounted(root: Path) -> None:
    """Raise a ConnectorError if the folder is not there, cannot be read or holds nothing at all."""
    try:
        with os.scandir(root) as entries:
            empty = next(entries, None) is None
    except OSError as exc:
        raise _unreadable_root(root, exc) from exc
    if empty:
        raise NotFoundError(f"The folder {root} is empty: check that its volume is mounted.")


def _walk(root: Path, folder: str, depth: int) -> Iterator[FileState]:
    try:
        with os.scandir(root / folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as exc:
        if not folder:
            raise _unreadable_root(root, exc) from exc
        _note(root, folder, exc)
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        status = _status(root, entry, path)
        if status is None or not _is_wanted(entry.name):
            continue
        if stat.S_ISDIR(status.st_mode) and depth < _DEEPEST:
            yield from _walk(root, path, depth + 1)
        elif stat.S_ISREG(status.st_mode) and can_extract(entry.name, "", status.st_size):
            yield _state(written(path), status)


def _status(root: Path, entry: os.DirEntry[str], path: str) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError as exc:
        _note(root, path, exc)
        return None


def _note(root: Path, path: str, exc: OSError) -> None:
    """Go on without what has just gone or may not be looked at, but not when the whole volume has gone."""
    if exc.errno in _VOLUME_LOST:
        raise _unreadable_root(root, exc) from exc
    if exc.errno not in _NOT_THERE:
        log.warning("files.not_looked_at", path=written(path), error=type(exc).__name__)


def _is_wanted(name: str) -> bool:
    return bool(name) and not name.startswith((".", "~$")) and name != PERMISSIONS_FILE


def read_file(root: Path, identity: str) -> tuple[bytes, FileState] | None:
    """The content with the state in which it was read; None when there is no such file to read.

    Raises:
        ExtractionError: it is being written.
        SourceUnavailableError, NotFoundError: the folder is not there.
        OSError: this one file cannot be read.
    """
    path = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), identity)
    names = path.split("/")
    if not all(map(_is_wanted, names)) or not format_of(names[-1], "") or "\0" in path:
        return None
    for _ in range(_TRIES):
        try:
            with _opened(root, names) as file:
                before = os.fstat(file)
                if not stat.S_ISREG(before.st_mode) or not can_extract(names[-1], "", before.st_size):
                    return None
                content = _content(file, before.st_size)
                state = _state(identity, before)
                if len(content) == before.st_size and state == _state(identity, os.fstat(file)):
                    return content, state
        except OSError as exc:
            if exc.errno in _VOLUME_LOST:
                raise _unreadable_root(root, exc) from exc
            if exc.errno not in _NOT_THERE:
                raise
            require_mounted(root)
            return None
    raise ExtractionError("It changed while it was read; it is read again when it has settled.")


@contextmanager
def _opened(root: Path, names: list[str]) -> Iterator[int]:
    """The file open for reading. Each folder is entered on its own, so that no link can lead out of the root."""
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as exc:
        raise _unreadable_root(root, exc) from exc
    try:
        for number, name in enumerate(names, start=1):
            # A named pipe that is opened without O_NONBLOCK waits for somebody to write to it.
            kind = os.O_NONBLOCK if number == len(names) else os.O_DIRECTORY
            below = os.open(os.fsencode(name), os.O_RDONLY | os.O_NOFOLLOW | kind, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


def _content(file: int, size: int) -> bytes:
    """Up to one byte more than ``size``: more of it would only show that the file grows."""
    with os.fdopen(os.dup(file), "rb") as opened:
        return opened.read(size + 1)


def _state(identity: str, status: os.stat_result) -> FileState:
    return FileState(
        id=identity, size=status.st_size, changed_ns=status.st_ctime_ns, modified_ns=status.st_mtime_ns
    )


def written(path: str) -> str:
    """The path as text: bytes of its names that are not UTF-8 written as backslash escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def is_utf8(identity: str) -> bool:
    """Whether the names of the path are text on the disk too."""
    return not _ESCAPED.search(identity)


def _unreadable_root(root: Path, exc: OSError) -> ConnectorError:
    if exc.errno in _NOT_THERE:
        return NotFoundError(f"There is no folder {root}: check the path, and that its volume is mounted.")
    return SourceUnavailableError(
        f"The folder {root} could not be read ({type(exc).__name__}): check its rights and that it is mounted."
    )
