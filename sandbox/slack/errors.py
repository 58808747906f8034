"""The one exception of the Slack sandbox: an error code of the Web API, with what goes beside it."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """A refusal that Slack would put into ``{"ok": false, "error": code}``.

    ``details`` are further keys of the answer, such as ``response_metadata`` or ``needed``.
    """

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details

    def to_json(self) -> dict[str, Any]:
        """The body of the Web API's answer."""
        return {"ok": False, "error": self.code, **self.details}


class ManifestError(ValueError):
    """The app manifest lacks something; the message says what to add."""
