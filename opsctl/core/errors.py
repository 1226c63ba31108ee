"""The error tree. Every error carries a message, a hint and an exit code.

OpsctlError (exit 1)      something is wrong, and this sentence says what
├── UsageError (exit 2)   the caller asked for something that makes no sense
│   └── DocumentError     a configuration document is wrong: file, line, nearest right name
├── Unreachable (exit 3)  something that is needed does not answer
│   └── PortTaken         somebody else listens on a port of ours
├── NotFound              the named thing does not exist
├── Forbidden             the token's role does not allow this
├── Conflict              the thing's state does not allow this now
└── StateError            a state folder or store is in use, too new or damaged
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class OpsctlError(Exception):
    """An expected failure: one line for a person, a hint on what to do, an exit code."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(OpsctlError):
    """The caller asked for something that makes no sense."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document: where it is, what it is, what was probably meant."""

    file: str
    line: int
    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        field = f" {self.field}:" if self.field else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}:{field} {self.message}{hint}"


class DocumentError(UsageError):
    """A document is wrong; `problems` names every mistake with file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(f"{first}{more}", first.hint)


class Unreachable(OpsctlError):
    """Something that is needed does not answer."""

    exit_code = 3


class PortTaken(Unreachable):
    """Somebody else listens on a port of ours; the hint names the setting that moves it."""


class NotFound(OpsctlError):
    """The named thing does not exist."""


class Forbidden(OpsctlError):
    """The token's role does not allow this."""


class Conflict(OpsctlError):
    """The thing's state does not allow this now."""


class StateError(OpsctlError):
    """A state folder or store is in use by another process, too new, or damaged."""
