"""Telling models apart by what makes them: configuration, tokenizer and every byte of the weights.

Reading the weights takes a tenth of a second for 90 MB, so what came out is kept with the files' sizes and times.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

#: Files of a sentence-transformers folder and of its modules' folders that decide what vectors it gives.
_DECISIVE = (
    "modules.json",
    "config.json",
    "*_config.json",
    "config_sentence_transformers.json",
    "tokenizer.json",
    "special_tokens_map.json",
    "*.safetensors",
    "pytorch_model*.bin",
)

#: What a model was trained on and how it was quantised elsewhere decides nothing here.
_OTHERS = ("data_config.json", "generation_config.json", "quantize_config.json", "ort_config.json")


def fingerprint(folder: Path, kept: Path | None = None) -> str:
    """Eight hexadecimal digits, others for any two models whose vectors must not meet.

    Args:
        folder: the model's.
        kept: a folder for what came out, so that the weights are read again only after a change; None for nowhere.
    """
    files = list(_files(folder))
    seen = [_identity(folder, file) for file in files]
    note = kept / f".fingerprint-{_digest(str(folder.resolve()))}.json" if kept else None
    if note:
        with suppress(OSError, ValueError, TypeError, KeyError):
            known = json.loads(note.read_bytes())
            if known["files"] == seen:
                return str(known["fingerprint"])
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            of_file = hashlib.file_digest(content, "sha256").hexdigest()
        digest.update(f"{file.relative_to(folder)}:{of_file}\n".encode())
    found = digest.hexdigest()[:8]
    if note:
        _keep(note, {"files": seen, "fingerprint": found})
    return found


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        place = file.relative_to(folder)
        hidden = any(part.startswith((".", "checkpoint-")) for part in place.parts)
        decisive = any(fnmatch(file.name, pattern) for pattern in _DECISIVE) and file.name not in _OTHERS
        if decisive and not hidden and file.is_file():
            yield file


def _identity(folder: Path, file: Path) -> list[str | int]:
    """Changes with the content: the last is the time that nobody can set."""
    known = file.stat()
    return [str(file.relative_to(folder)), known.st_size, known.st_mtime_ns, known.st_ctime_ns]


def _keep(note: Path, content: dict[str, object]) -> None:
    # Without it the weights are only read again.
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=note.parent, prefix=".", delete=False) as file:
            json.dump(content, file)
        Path(file.name).replace(note)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
