"""What PromQL raises.

PromqlError            the expression cannot be evaluated (Prometheus' errorType `execution`)
├── PromqlParseError   it is not PromQL, or asks for a feature that is refused by name (`bad_data`)
│   └── PromqlTypeError  it is, but gives a kind of value that the question cannot take
├── PromqlLimitError   its result or its work would be too large (`execution`)
└── PromqlTimeoutError its deadline has passed (`timeout`)
"""

from __future__ import annotations

from opsctl.core.errors import OpsctlError


class PromqlError(OpsctlError):
    """An expression failed. `position` is the offset of the character meant, None where there is none."""

    def __init__(self, message: str, position: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint)
        self.position = position


class PromqlParseError(PromqlError):
    """Not PromQL. `reason` is the bare sentence; `message` has Prometheus' `line:column: parse error:` before it."""

    def __init__(self, reason: str, text: str, position: int | None = None) -> None:
        place = "{}:{}".format(*line_and_column(text, position or 0)) if text else "unknown position"
        super().__init__(f"{place}: parse error: {reason}", position)
        self.reason = reason


class PromqlTypeError(PromqlParseError):
    """Sound PromQL that gives what was not asked for: its sentence has no place in the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "")
        self.message = reason
        self.position = None


class PromqlLimitError(PromqlError):
    """The query would be too large."""


class PromqlTimeoutError(PromqlError):
    """The query took longer than it may."""


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """The 1-based line and column of a character of a text; columns count bytes, as Prometheus' do."""
    before = text[:position]
    line = before[before.rfind("\n") + 1 :]
    return before.count("\n") + 1, len(line.encode("utf-8", "surrogateescape")) + 1


def too_many_samples() -> PromqlLimitError:
    return PromqlLimitError("query processing would load too many samples into memory in query execution")
