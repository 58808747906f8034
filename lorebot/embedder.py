"""The embedder as it is configured."""

from __future__ import annotations

import sys
from pathlib import Path

from indexer.embedding import Embedder, EmbeddingOptions
from indexer.errors import EmbeddingError
from lorebot.errors import ConfigError
from lorebot.settings import Settings


def build_embedder(settings: Settings) -> Embedder:
    """The embedder with the model that is configured; nothing is loaded or asked yet.

    Raises:
        ConfigError: the model's folder is none, nor is the tokenizer's, or the address holds a password.
    """
    try:
        return Embedder(configured_location(settings), options=embedding_options(settings))
    except EmbeddingError as error:
        raise ConfigError(str(error)) from error


def configured_location(settings: Settings) -> str | None:
    """What the configured model is opened by; None for the one that comes along."""
    table = settings.embedding
    return f"{table.url}#{table.model}" if table.url and table.model else table.url or table.model


def embedding_options(settings: Settings) -> EmbeddingOptions:
    """How models are run, whichever they are."""
    table = settings.embedding
    return EmbeddingOptions(
        backend=table.backend,
        exports=model_exports(settings),
        url=table.url,
        api_key=table.api_key.get_secret_value() if table.api_key else None,
        tokenizer=table.tokenizer,
        announce=_announce,
    )


def model_exports(settings: Settings) -> Path:
    """Where exported models are kept."""
    return settings.embedding.exports or settings.data_dir / "models"


def _announce(model: str) -> None:
    if sys.stderr.isatty():  # as progress bars: where somebody waits
        sys.stderr.write(f"Preparing the embedding model {model} for this machine: half a minute, once.\n")
