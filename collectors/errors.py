"""The error tree of the collectors.

CollectorError        the target was found, but it can not be measured as asked
└── NotReachable      the target does not answer
"""

from __future__ import annotations


class CollectorError(Exception):
    """An expected failure: one line for a person, and a hint on what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotReachable(CollectorError):
    """The target does not answer."""
