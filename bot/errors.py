"""What can go wrong in the bot.

BotError
  + SlackRefusedError
  + ClaimLostError
  + UndeliverableError

``str(error)`` is one sentence for the admin; it holds no secret.
"""

from __future__ import annotations


class BotError(Exception):
    """The bot cannot work as it is configured, or cannot go on with a message."""


class SlackRefusedError(BotError):
    """Slack refused a token, or does not answer."""


class ClaimLostError(BotError):
    """Another process has taken over a message of the inbox: this one must not touch it any more."""

    def __init__(self, item: int) -> None:
        super().__init__(f"Another process has taken over message {item}.")


class UndeliverableError(BotError):
    """Slack will never take a message for this conversation; ``code`` is its reason."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack takes no message for this conversation ({code}).")
        self.code = code
