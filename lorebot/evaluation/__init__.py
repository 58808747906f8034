"""Scoring retrieval on judged collections: reading one, running strategies over it, figures with their intervals."""

from __future__ import annotations

from lorebot.evaluation.judged import Judged, read_judged

__all__ = ["Judged", "read_judged"]
