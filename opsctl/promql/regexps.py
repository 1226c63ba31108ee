"""What is wrong with a regular expression, in the words of Go's regexp package: RE2 uses others for the same."""

from __future__ import annotations

_GO = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid named capture group": "invalid named capture",
    "trailing \\": "trailing backslash at end of expression",
}


def regexp_error(error: BaseException | None) -> str:
    """Of an error of the re2 package."""
    said = error.args[0] if error is not None and error.args else "unknown"
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    reason, _, part = text.partition(": ")
    return f"error parsing regexp: {_GO.get(reason, reason)}" + (f": `{part}`" if part else "")
