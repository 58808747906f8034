"""What can go wrong in the index.

IndexerError
  + EmbeddingError
  + SweepRefusedError

``str(error)`` is one sentence for an admin.
"""

from __future__ import annotations


class IndexerError(Exception):
    """The index could not be read or written."""


class EmbeddingError(IndexerError):
    """The embedding model cannot be loaded or used."""


class SweepRefusedError(IndexerError):
    """So much of a source seems to have gone that it looks like a fault; nothing was deleted."""
