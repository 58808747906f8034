"""Choosing what runs a model: exported once, checked against sentence-transformers, measured on this machine.

``exports/<model>/`` holds the export (``export.py`` says what of) and ``choice.json``: how well each backend agrees
with the reference, how fast each is here, and what both depend on. What depends on something else by now is done again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from pydantic import TypeAdapter

from indexer.embedding.backends import (
    Announce,
    Backend,
    BackendName,
    TorchBackend,
    cores,
    installed,
    installed_version,
    processor,
)
from indexer.embedding.export import DESCRIPTION_FILE, REFERENCE_FILE, describe
from indexer.embedding.exported import MODEL_FILE, ExportedBackend, open_exported
from indexer.embedding.pipeline import Pipeline
from indexer.embedding.samples import SAMPLES
from indexer.errors import EmbeddingError

log = structlog.get_logger(__name__)

CHOICE_FILE = "choice.json"

#: Cosine that every sample's vector has to reach with sentence-transformers' own.
AGREEMENT = 0.999

#: Seconds; an export takes ten, most of it torch's import.
_TIMEOUT = 900.0


@dataclass(kw_only=True)
class Choice:
    """What is known of the backends on this machine."""

    depends_on: dict[str, Any]
    #: The worst cosine to the reference of any sample; 0 of a backend that cannot load the export.
    agreement: dict[str, float] = field(default_factory=dict)
    #: Samples a second; empty until it was measured.
    rates: dict[str, float] = field(default_factory=dict)
    #: No backend could use the export before this one: if none can use this one either, it is for no damage.
    made_again: bool = False

    def order(self) -> list[BackendName]:
        """The backends that may be used, the fastest first."""
        allowed = [name for name in installed() if self.agreement.get(name, 1.0) >= AGREEMENT]
        return sorted(allowed, key=lambda name: -self.rates.get(name, 0.0))


def open_backend(
    pipeline: Pipeline, wanted: str, exports: Path | None, announce: Announce = lambda _: None
) -> Backend:
    """The backend that is wanted, or for "auto" the fastest that is known; torch where there is no other.

    Args:
        pipeline: the model.
        wanted: "auto", "torch", "onnx" or "openvino".
        exports: where exported models are kept; None for nowhere, which leaves torch.
        announce: told before the model is exported.

    Raises:
        EmbeddingError: the model's files are broken.
    """
    if wanted == "torch" or exports is None or not installed():
        return TorchBackend(pipeline.folder)
    if pipeline.pooling is None:
        log.info("embedding_not_exportable", model=pipeline.name)
        return TorchBackend(pipeline.folder)
    backend = None
    try:
        export = ensure_export(pipeline, exports, announce)
        backend = _best(export, pipeline, wanted) if export else None
        if export and backend is None and _is_damaged(export, pipeline):
            export = ensure_export(pipeline, exports, announce, instead_of=read_choice(export))
            backend = _best(export, pipeline, wanted) if export else None
    except OSError as error:
        # Another process is replacing the export just now, or the disk fails.
        log.warning("embedding_export_unreadable", model=pipeline.name, error=type(error).__name__)
    return backend or TorchBackend(pipeline.folder)


def ensure_export(
    pipeline: Pipeline,
    exports: Path,
    announce: Announce = lambda _: None,
    *,
    instead_of: Choice | None = None,
) -> Path | None:
    """The folder of the model's export, which is made if there is none; None where that fails.

    ``instead_of`` is what is known of an export that no backend can use: it is made again.
    """
    target = exports / pipeline.name
    if instead_of is None and _is_current(target, pipeline):
        return target
    try:
        exports.mkdir(parents=True, exist_ok=True)
        with _lock(exports / f".{pipeline.name}.lock"):
            # Another process may have made it meanwhile.
            if not _is_current(target, pipeline) or (
                instead_of and instead_of.depends_on == read_choice(target).depends_on
            ):
                announce(pipeline.name)
                _export(pipeline, target)
                if instead_of:
                    write_choice(target, replace(read_choice(target), made_again=True))
    except (OSError, subprocess.SubprocessError) as error:
        log.warning(
            "embedding_export_failed", model=pipeline.name, error=type(error).__name__, **_said(error)
        )
        return None
    return target


def read_choice(export: Path) -> Choice:
    """What is known of the backends; nothing where it was found out under other circumstances."""
    model = (export / MODEL_FILE).stat()
    depends_on = {
        **{name: installed_version(name) for name in ("onnxruntime", "openvino", "tokenizers")},
        "processor": processor(),
        "cores": cores(),
        "export": [model.st_size, model.st_mtime_ns],
    }
    try:
        # Whatever field is no such thing is a ValueError.
        known = TypeAdapter(Choice).validate_json((export / CHOICE_FILE).read_bytes())
    except (OSError, ValueError):
        return Choice(depends_on=depends_on)
    return known if known.depends_on == depends_on else Choice(depends_on=depends_on)


def write_choice(export: Path, choice: Choice) -> None:
    """Keep it; a folder that cannot be written to only means that it is found out again."""
    try:
        with tempfile.NamedTemporaryFile("w", dir=export, suffix=".json", delete=False) as file:
            json.dump(asdict(choice), file, indent=2)
        Path(file.name).replace(export / CHOICE_FILE)
    except OSError as error:
        log.warning("embedding_choice_not_kept", error=type(error).__name__)


def measure(pipeline: Pipeline, exports: Path, announce: Announce = lambda _: None) -> Choice | None:
    """Measure the backends in a process of its own, once on this machine; None where there is nothing to measure."""
    export = ensure_export(pipeline, exports, announce) if pipeline.pooling and installed() else None
    if export is None:
        return None
    if not read_choice(export).rates:
        try:
            with _lock(exports / f".{pipeline.name}.lock"):
                if not read_choice(export).rates:
                    _run("indexer.embedding.measuring", str(pipeline.folder), str(export))
        except (OSError, subprocess.SubprocessError) as error:
            log.warning("embedding_measuring_failed", error=type(error).__name__, **_said(error))
    return read_choice(export)


def check(backend: ExportedBackend) -> float:
    """The worst cosine of any sample's vector to the reference.

    Raises:
        EmbeddingError: the reference is damaged, or the backend cannot run the model.
    """
    try:
        reference = np.load(backend.export / REFERENCE_FILE)
        vectors = backend.encode(SAMPLES)
        if vectors.shape != reference.shape:
            return 0.0
        # A vector that is no number agrees with nothing.
        return float(np.nan_to_num(np.sum(vectors * reference, axis=1), nan=0.0).min())
    except Exception as error:  # NumPy and both backends raise their own kinds
        raise EmbeddingError(f"{backend.name} cannot be checked: {type(error).__name__}.") from error


def _best(export: Path, pipeline: Pipeline, wanted: str) -> Backend | None:
    choice = read_choice(export)
    candidates = choice.order() if wanted == "auto" else [name for name in installed() if name == wanted]
    backends = (_checked(name, export, pipeline, choice) for name in candidates)
    return next((backend for backend in backends if backend), None)


def _is_damaged(export: Path, pipeline: Pipeline) -> bool:
    """Whether no backend can use the export, and it was not made again for that already."""
    choice = read_choice(export)
    return not choice.made_again and not any(
        _checked(name, export, pipeline, choice) for name in choice.order()
    )


def _checked(name: BackendName, export: Path, pipeline: Pipeline, choice: Choice) -> Backend | None:
    """The backend, if it agrees with the reference; what comes out is kept."""
    agreement = choice.agreement.get(name)
    backend = None
    try:
        if agreement is None or agreement >= AGREEMENT:
            backend = open_exported(name, export, folder=pipeline.folder, window=pipeline.window)
            known = agreement
            agreement = check(backend) if known is None else known
    except EmbeddingError as error:
        log.warning("embedding_backend_broken", backend=name, model=pipeline.name, error=str(error))
        agreement = 0.0
    if choice.agreement.get(name) != agreement:
        choice.agreement[name] = agreement or 0.0
        write_choice(export, choice)
    if (agreement or 0.0) < AGREEMENT:
        log.warning("embedding_backend_refused", backend=name, model=pipeline.name, cosine=agreement)
        return None
    return backend


def _is_current(target: Path, pipeline: Pipeline) -> bool:
    try:
        said = json.loads((target / DESCRIPTION_FILE).read_bytes())
        size = (target / MODEL_FILE).stat().st_size
        return bool(said == describe(pipeline, kept=target.parent) | {"bytes": size})
    except (OSError, ValueError):
        return False


def _export(pipeline: Pipeline, target: Path) -> None:
    log.info("embedding_export", model=pipeline.name)
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        _run("indexer.embedding.export", str(pipeline.folder), str(fresh))
        if target.exists():
            shutil.rmtree(target)
        fresh.chmod(0o755)
        fresh.replace(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _run(module: str, *arguments: str) -> None:
    """Run a module of ours as a process; what it says is for the log of a failure."""
    subprocess.run(  # noqa: S603 (our own command line)
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"},
    )


def _said(error: Exception) -> dict[str, str]:
    lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
    return {"said": lines[-1] if lines else ""}


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Held by one process at a time; a process that is killed gives it back."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
