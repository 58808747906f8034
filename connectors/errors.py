"""What can go wrong when a source is read.

ConnectorError
  + AuthenticationError
      + ScopeError
      + AuthorizationLostError
  + CertificateError
  + SourceUnavailableError
      + ServerFaultError
  + UnexpectedAnswerError
      + BrokenAnswerError
  + NotFoundError
      + RemovedError
  + ExtractionError

The message of each is one sentence for an admin that says what to do, without secrets and document text.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """The source could not be read."""


class AuthenticationError(ConnectorError):
    """The source refused the credentials: check e-mail, token and the rights of the account."""


class ScopeError(AuthenticationError):
    """The token is right, but its scopes do not cover what was asked for."""


class AuthorizationLostError(AuthenticationError):
    """The refresh token of an OAuth app was revoked or has expired: authorise the app again."""


class CertificateError(ConnectorError):
    """The server's certificate is not trusted: set ca_bundle, or mend the certificate."""


class SourceUnavailableError(ConnectorError):
    """The source did not answer (network, time-out, rate limit or a fault of its own); try again later."""


class UnexpectedAnswerError(ConnectorError):
    """Something answered that is not the API of the source: check the URL."""


class BrokenAnswerError(UnexpectedAnswerError):
    """The answer is broken off or too large to be given; a smaller request may get through."""


class ServerFaultError(SourceUnavailableError):
    """The source answered with a fault of its own (500, 504) over and over; a smaller request may get through."""


class NotFoundError(ConnectorError):
    """The source has no such thing, or does not show it to this account."""


class RemovedError(NotFoundError):
    """The source does not answer this kind of request any more (410), which says nothing about a document."""


class ExtractionError(ConnectorError):
    """A file's text cannot be had: it is broken, encrypted or too large to be read within the limits."""
