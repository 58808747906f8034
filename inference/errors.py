"""What can go wrong while a question is answered.

InferenceError
  + QuestionError
  + ModelUnavailableError
  + ModelAnswerError

``str(error)`` is a sentence for the person who asked; what only the log may read is in ``__cause__``.
"""

from __future__ import annotations


class InferenceError(Exception):
    """The question could not be answered."""


class QuestionError(InferenceError):
    """The question cannot be searched for: it is empty or far too long."""


class ModelUnavailableError(InferenceError):
    """The model does not answer just now."""


class ModelAnswerError(InferenceError):
    """The model answered with something that cannot be used."""
