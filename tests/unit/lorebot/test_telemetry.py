"""Logs: to stderr, without the values of variables."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import structlog

from lorebot.telemetry import configure_logging


class _Terminal:
    """A standard error that people look at."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return True


def _fail(token: str) -> None:
    raise RuntimeError("it broke")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Logging as a person in a terminal sees it; put back afterwards."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    configure_logging(verbose=True)
    yield terminal
    structlog.reset_defaults()


def test_a_traceback_in_the_terminal_shows_no_values(terminal: Any) -> None:
    """A token or a passage may stand in any variable, and in a foreign message."""
    try:
        _fail("-".join(["xoxb", "secret"]))
    except RuntimeError:
        structlog.get_logger("test").exception("failed")

    assert "RuntimeError" in terminal.text
    assert "it broke" not in terminal.text
    assert "xoxb-secret" not in terminal.text
