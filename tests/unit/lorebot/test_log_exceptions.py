"""What a log says of an error: where and of which type, never what it quotes."""

from __future__ import annotations

import json

import pytest
import structlog

from lorebot.telemetry import configure_logging


def fail(text: str) -> None:
    try:
        int(text)
    except ValueError as error:
        raise KeyError(text) from error


def test_an_error_is_logged_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor with that of its cause; both types and the function are named."""
    configure_logging(verbose=False)
    try:
        fail("the secret of the lamp")
    except KeyError:
        structlog.get_logger("test").exception("failed", document="7")
    written = json.loads(capsys.readouterr().err)
    assert "secret" not in json.dumps(written)
    assert (written["event"], written["document"]) == ("failed", "7")
    for part in ("builtins.ValueError", "builtins.KeyError", "in fail", "test_log_exceptions.py"):
        assert part in written["exception"]


def test_an_error_that_is_given_is_logged_like_one_that_is_raised(capsys: pytest.CaptureFixture[str]) -> None:
    """And no error is none."""
    configure_logging(verbose=False)
    structlog.get_logger("test").warning("failed", exc_info=ValueError("the secret of the lamp"))
    structlog.get_logger("test").warning("well", exc_info=None)
    failed, well = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert failed["exception"] == "builtins.ValueError"
    assert "exception" not in well
