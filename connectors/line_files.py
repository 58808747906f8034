"""Files of JSON lines, any line of which can be read again without reading those before it."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO


@dataclass(frozen=True, kw_only=True)
class Line:
    """Where a line is: its number, from 1, and its bytes."""

    number: int
    offset: int
    length: int


class LineFile:
    """A file as it was when it was opened; one ending in ``.gz`` is unpacked into a file that has no name.

    :meth:`read` is thread-safe.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            OSError: it cannot be read or unpacked.
        """
        self.path = path
        self.stamp = stamp(path)
        self._file = _unpacked(path) if path.suffix == ".gz" else path.open("rb")

    def lines(self) -> Iterator[tuple[Line, bytes]]:
        """Every line that is not empty."""
        with os.fdopen(os.dup(self._file.fileno()), "rb") as file:
            file.seek(0)
            offset = 0
            for number, content in enumerate(file, start=1):
                if content.strip():
                    yield Line(number=number, offset=offset, length=len(content)), content
                offset += len(content)

    def read(self, line: Line) -> bytes:
        """One line again."""
        return os.pread(self._file.fileno(), line.length, line.offset)


def stamp(path: Path) -> tuple[int, int]:
    """What differs when a file has been written again: its time of change (ns) and its size (bytes)."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _unpacked(path: Path) -> IO[bytes]:
    file = TemporaryFile()  # noqa: SIM115 - closed with the LineFile
    with gzip.open(path) as packed:
        shutil.copyfileobj(packed, file, 1024 * 1024)
    file.flush()
    return file
