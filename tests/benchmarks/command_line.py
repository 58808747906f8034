"""How long the command line takes to say what it can do."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from figures import Figure, median

#: Seconds.
TARGET = 0.5

_STARTS = 7


def measure(repeats: int) -> list[Figure]:
    """Start ``lorebot --help`` seven times, or more for more repeats; the first start, which fills caches, is extra."""
    script = Path(sys.executable).with_name("lorebot")
    samples = [_help(script) for _ in range(1 + max(_STARTS, repeats))][1:]
    return [median("lorebot --help", samples, "s", at_most=TARGET)]


def _help(script: Path) -> float:
    started = time.perf_counter()
    subprocess.run([script, "--help"], check=True, capture_output=True, timeout=60)
    return time.perf_counter() - started
