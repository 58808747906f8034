"""What can go wrong in the bot.

BotError
  + SlackRefusedError

``str(error)`` is one sentence for the admin who starts the bot; it holds no secret.
"""

from __future__ import annotations


class BotError(Exception):
    """The bot cannot work as it is configured."""


class SlackRefusedError(BotError):
    """Slack refused a token, or does not answer."""
