"""Writing a model as ONNX, with sentence-transformers' own vectors of the samples beside it to check it by.

``python -m indexer.embedding.export MODEL FOLDER`` runs it as a process of its own, so that the 800 MB that torch takes
are gone when it is done. Everything is offline: torch's own exporter, and no other library.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from indexer.embedding.backends import installed_version
from indexer.embedding.exported import INPUTS, MODEL_FILE, OUTPUT
from indexer.embedding.fingerprint import fingerprint
from indexer.embedding.pipeline import Pipeline, read_pipeline
from indexer.embedding.samples import SAMPLES

REFERENCE_FILE = "reference.npy"
DESCRIPTION_FILE = "export.json"

#: Of this module: a change of what it writes makes older exports stale.
_VERSION = 1
_OPSET = 17


def describe(pipeline: Pipeline, *, kept: Path | None = None) -> dict[str, Any]:
    """What an export depends on; one that says anything else is stale."""
    return {
        "exporter": _VERSION,
        "model": fingerprint(pipeline.folder, kept),
        "samples": hashlib.sha256("\0".join(SAMPLES).encode()).hexdigest()[:8],
        **{name: installed_version(name) for name in ("torch", "transformers", "sentence-transformers")},
    }


def export(model: str, folder: Path) -> None:
    """Write the model, the samples' reference vectors in float32 and the description, which comes last."""
    import torch  # noqa: PLC0415 - in this process alone

    from indexer.embedding.backends import load_reference  # noqa: PLC0415

    pipeline = read_pipeline(model)
    # The plain attention: what the fused ones are made of cannot be exported.
    reference = load_reference(pipeline.folder, attn_implementation="eager")
    vectors = reference.encode(list(SAMPLES), normalize_embeddings=True, show_progress_bar=False, prompt="")
    np.save(folder / REFERENCE_FILE, np.asarray(vectors, dtype=np.float32))
    transformer: Any = reference[0].auto_model
    axes = {0: "batch", 1: "tokens"}
    example = torch.ones((2, 8), dtype=torch.int64)
    with warnings.catch_warnings(), torch.no_grad():
        # The exporter that torch would have instead is slower, and so are its graphs (measured: 17 %).
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _graph(transformer.eval(), cls=pipeline.pooling == "cls"),
            (example, example),
            str(folder / MODEL_FILE),
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={**dict.fromkeys(INPUTS, axes), OUTPUT: {0: "batch"}},
        )
    description = describe(pipeline) | {"bytes": (folder / MODEL_FILE).stat().st_size}
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2), "utf-8")


def _graph(transformer: Any, *, cls: bool) -> Any:
    """Word pieces in, unit vectors out: the transformer, its pooling and the normalisation."""
    import torch  # noqa: PLC0415

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            # One text alone: all of it is the first segment.
            segments = {"token_type_ids": torch.zeros_like(input_ids)} if _has_segments(transformer) else {}
            states = self.transformer(input_ids=input_ids, attention_mask=attention_mask, **segments)[0]
            if cls:
                pooled = states[:, 0]
            else:
                weights = attention_mask.unsqueeze(-1).to(states.dtype)
                pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(pooled, dim=1)

    return Graph()


def _has_segments(transformer: Any) -> bool:
    return int(getattr(transformer.config, "type_vocab_size", 0) or 0) > 1


if __name__ == "__main__":
    export(sys.argv[1], Path(sys.argv[2]))
