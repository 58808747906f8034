"""Everything that the sandbox raises: each message is one sentence that says what to do."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot do what it was asked; the text is meant for the person who runs it."""


class SiteError(SandboxError):
    """A site folder cannot be loaded."""


class ChangeError(SandboxError):
    """A change asked for through the admin API does not make sense (unknown page, missing field)."""


class QueryError(SandboxError):
    """A JQL or CQL text that the sandbox does not understand; a real server answers 400 to such a text."""
