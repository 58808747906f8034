"""The public face of a site: load a folder, get the mutable in-memory site that the applications serve."""

from __future__ import annotations

from sandbox.site_loading import load_site
from sandbox.site_state import Site

__all__ = ["Site", "load_site"]
