"""What can go wrong before anything else works.

LorebotError
  + ConfigError
  + DatabaseError

``str(error)`` is one sentence for the operator that says what to do.
"""

from __future__ import annotations


class LorebotError(Exception):
    """Lorebot could not do what was asked."""


class ConfigError(LorebotError):
    """The configuration is missing, broken or contradicts itself."""


class DatabaseError(LorebotError):
    """The database cannot be reached, started or migrated."""
