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
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from indexer.embedding.backends import EXPORTED, Backend, BackendName, TorchBackend, cores, processor
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

    def order(self) -> list[BackendName]:
        """The backends that may be used, the fastest first."""
        allowed = [name for name in EXPORTED if self.agreement.get(name, 1.0) >= AGREEMENT]
        return sorted(allowed, key=lambda name: -self.rates.get(name, 0.0))


def open_backend(pipeline: Pipeline, wanted: str, exports: Path | None) -> Backend:
    """The backend that is wanted, or for "auto" the fastest that is known; torch where there is no other.

    Args:
        pipeline: the model.
        wanted: "auto", "torch", "onnx" or "openvino".
        exports: where exported models are kept; None for nowhere, which leaves torch.

    Raises:
        EmbeddingError: the model's files are broken.
    """
    if wanted == "torch" or exports is None:
        return TorchBackend(pipeline.folder)
    if pipeline.pooling is None:
        log.info("embedding_not_exportable", model=pipeline.name)
        return TorchBackend(pipeline.folder)
    export = ensure_export(pipeline, exports)
    if export is not None:
        choice = read_choice(export)
        for name in choice.order() if wanted == "auto" else [wanted]:
            backend = _checked(name, export, pipeline, choice)  # type: ignore[arg-type]
            if backend is not None:
                return backend
    return TorchBackend(pipeline.folder)


def ensure_export(pipeline: Pipeline, exports: Path) -> Path | None:
    """The folder of the model's export, which is made if there is none; None where that fails."""
    target = exports / pipeline.name
    if _is_current(target, pipeline):
        return target
    try:
        exports.mkdir(parents=True, exist_ok=True)
        with _lock(exports / f".{pipeline.name}.lock"):
            if not _is_current(target, pipeline):
                _export(pipeline, target)
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
        **{name: version(name) for name in ("onnxruntime", "openvino", "tokenizers")},
        "processor": processor(),
        "cores": cores(),
        "export": [model.st_size, model.st_mtime_ns],
    }
    try:
        known = Choice(**json.loads((export / CHOICE_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
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


def measure(pipeline: Pipeline, exports: Path) -> Choice | None:
    """Measure the backends in a process of its own, once on this machine; None where there is nothing to measure."""
    export = ensure_export(pipeline, exports) if pipeline.pooling else None
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
    """The worst cosine of any sample's vector to the reference."""
    reference = np.load(backend.export / REFERENCE_FILE)
    vectors = backend.encode(SAMPLES)
    if vectors.shape != reference.shape:
        return 0.0
    # A vector that is no number agrees with nothing.
    return float(np.nan_to_num(np.sum(vectors * reference, axis=1), nan=0.0).min())


def _checked(name: BackendName, export: Path, pipeline: Pipeline, choice: Choice) -> Backend | None:
    """The backend, if it agrees with the reference; what comes out is kept."""
    agreement = choice.agreement.get(name)
    backend = None
    try:
        if agreement is None or agreement >= AGREEMENT:
            backend = open_exported(name, export, folder=pipeline.folder, window=pipeline.window)
            known = agreement
            agreement = check(backend) if known is None else known
    except (EmbeddingError, OSError, ValueError) as error:
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
        said = json.loads((target / DESCRIPTION_FILE).read_text("utf-8"))
        return bool(
            said.pop("bytes") == (target / MODEL_FILE).stat().st_size
            and said == describe(pipeline, kept=target.parent)
        )
    except (OSError, ValueError, AttributeError, KeyError):
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
