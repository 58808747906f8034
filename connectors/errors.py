"""What can go wrong when a source is read.

ConnectorError
  + AuthenticationError
  + SourceUnavailableError
  + UnexpectedAnswerError

The message of each is one sentence for an admin that says what to do; it holds no secret and no document text.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """The source could not be read."""


class AuthenticationError(ConnectorError):
    """The source refused the credentials: check e-mail and token, and that the account may read the source."""


class SourceUnavailableError(ConnectorError):
    """The source did not answer (network, time-out, rate limit or a fault of its own); try again later."""


class UnexpectedAnswerError(ConnectorError):
    """Something answered that is not the API of the source: check the URL."""
