"""The process that reads one file: its content on standard input, its text as JSON on standard output.

Run as ``python -I -m connectors.extraction.child FORMAT SECONDS BYTES``.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from connectors.errors import ExtractionError
from connectors.extraction.formats import Format
from connectors.extraction.parts import ExtractedPart, tidied


def main() -> None:
    """Read what is on standard input within the limits."""
    name, seconds, memory = sys.argv[1:]
    limit_process(seconds=int(seconds), memory=int(memory))
    content, found = sys.stdin.buffer.read(), Format[name]
    answer = json.dumps(read(content, found, memory=int(memory)), ensure_ascii=False)
    sys.stdout.buffer.write(answer.encode())
    sys.stdout.flush()


def limit_process(*, seconds: int, memory: int) -> None:
    """Limit what this process may take from here on; nothing of it can lift the limits again.

    Where the machine's memory runs out first, this process is the one to be ended.
    """
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    for forbidden in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(forbidden, (0, 0))


def read(content: bytes, found: Format, *, memory: int) -> dict[str, object]:
    """``{"parts": [...]}``, or ``{"error": "..."}`` with one sentence without text of the file."""
    try:
        return {"parts": [asdict(part) for part in tidied(reader(found)(content))]}
    except ExtractionError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"Reading the file needed more than {memory / 1024**3:g} GiB of memory."}
    except RecursionError:
        return {"error": "The file is nested too deeply."}
    except Exception as error:  # noqa: BLE001 - the libraries raise whatever a broken file makes them trip over
        return {"error": f"The file is broken, or no {found.value} ({type(error).__name__})."}


def reader(found: Format) -> Callable[[bytes], Iterable[ExtractedPart]]:
    """What reads the format; only its own library is imported, for most of a small file's time goes there."""
    if found is Format.PDF:
        from connectors.extraction.pdf import read_pdf as read_it  # noqa: PLC0415
    elif found is Format.WORD:
        from connectors.extraction.word import read_word as read_it  # noqa: PLC0415
    elif found is Format.SLIDES:
        from connectors.extraction.slides import read_slides as read_it  # noqa: PLC0415
    elif found is Format.SHEETS:
        from connectors.extraction.sheets import read_sheets as read_it  # noqa: PLC0415
    elif found is Format.HTML:
        from connectors.extraction.pages import read_page as read_it  # noqa: PLC0415
    else:
        from connectors.extraction.pages import read_note as read_it  # noqa: PLC0415
    return read_it


if __name__ == "__main__":
    main()
