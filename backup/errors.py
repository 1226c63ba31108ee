"""The errors of this package. Each carries a message and a hint.

BackupError          a backup, restore or proof failed, and this sentence says why
├── WrongUse         the caller asked for something that makes no sense
└── NotReachable     the source or the repository cannot be reached now
    └── Busy         another process holds the repository
"""

from __future__ import annotations


class BackupError(Exception):
    """A backup, restore or proof failed."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class WrongUse(BackupError):
    """The caller asked for something that makes no sense."""


class NotReachable(BackupError):
    """The source or the repository cannot be reached now."""


class Busy(NotReachable):
    """Another process holds the repository."""
