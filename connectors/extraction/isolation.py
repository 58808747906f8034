"""A file is read in a process of its own, with limits of time, memory and output, that is ended with all it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Timer

from connectors.documents import SectionKind
from connectors.errors import ExtractionError
from connectors.extraction.formats import Format
from connectors.extraction.parts import ExtractedPart

#: Bytes of JSON that are taken from a child; its text is limited to fewer characters than that.
_MAX_ANSWER = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What reading one file may take."""

    #: Of the clock, and of the processor.
    seconds: int = 60
    #: Of address space.
    memory: int = 1024**3


def read_isolated(content: bytes, found: Format, limits: Limits | None = None) -> list[ExtractedPart]:
    """Read a file of this format in a child process.

    Raises:
        ExtractionError: the file cannot be read, or not within the limits.
    """
    limits = limits or Limits()
    command = [sys.executable, "-I", "-m", "connectors.extraction.child"]
    answer = run_limited([*command, found.name, str(limits.seconds), str(limits.memory)], content, limits)
    try:
        result = json.loads(answer)
        if "error" in result:
            raise ExtractionError(str(result["error"]))
        return [_part(row) for row in result["parts"]]
    except (ValueError, KeyError, TypeError) as exc:
        raise ExtractionError(f"The file broke the reader of {found.value} files.") from exc


def _part(row: dict[str, object]) -> ExtractedPart:
    fields = {**row, "kind": SectionKind(row["kind"]), "heading_path": tuple(row["heading_path"])}  # type: ignore[arg-type]
    return ExtractedPart(**fields)  # type: ignore[arg-type]


def run_limited(command: Sequence[str], content: bytes, limits: Limits) -> bytes:
    """What ``command`` writes when it is given ``content``; it must read all before it writes.

    The child sees nothing of our environment, where secrets are, and what it says on stderr, which may be text of
    the file, goes nowhere.

    Raises:
        ExtractionError: it took too long, wrote too much or was ended by a signal.
    """
    late, answer = Event(), b""
    with (
        suppress(BrokenPipeError),
        subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8"},
            start_new_session=True,
        ) as child,
    ):
        timer = Timer(limits.seconds, _end, [child, late])
        timer.start()
        try:
            answer = _exchange(child, content)
        finally:
            timer.cancel()
            timer.join()
            _kill(child)
    _check(child.returncode, late=late.is_set(), size=len(answer), limits=limits)
    return answer


def _exchange(child: subprocess.Popen[bytes], content: bytes) -> bytes:
    assert child.stdin
    assert child.stdout
    with suppress(BrokenPipeError):  # it ended early; how it ended tells why
        child.stdin.write(content)
        child.stdin.close()
    return child.stdout.read(_MAX_ANSWER + 1)


def _end(child: subprocess.Popen[bytes], late: Event) -> None:
    late.set()
    _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the whole group. The child is not waited for before, so that the number is still its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _check(code: int, *, late: bool, size: int, limits: Limits) -> None:
    if late or code == -signal.SIGXCPU:
        raise ExtractionError(f"Reading the file took longer than {limits.seconds} seconds.")
    if size > _MAX_ANSWER:
        raise ExtractionError("The file holds too much text.")
    if code < 0 and not size:
        raise ExtractionError(
            f"Reading the file needed too much memory or broke the reader (signal {-code})."
        )
