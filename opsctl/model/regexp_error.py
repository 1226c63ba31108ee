"""What is wrong with a regular expression, in the words of Go's regexp/syntax: RE2's own are a little different."""

from __future__ import annotations

import re2

_GO = {
    "missing )": "missing closing )", "unexpected )": "unexpected )", "missing ]": "missing closing ]",
    "bad repetition operator": "invalid nested repetition operator",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count", "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture", "trailing \\": "trailing backslash at end of expression",
}  # fmt: skip


def regexp_error(pattern: str) -> str:
    """Why Prometheus cannot anchor and compile `pattern`, which is known to be none."""
    options = re2.Options()
    options.log_errors = False
    for text in (f"^(?s:{pattern})$", pattern):
        try:
            re2.compile(text, options)
        except re2.error as error:
            return told(error)
    return f"error parsing regexp: `{pattern}`"


def told(error: BaseException | None) -> str:
    """What the re2 package says, as Go does."""
    said = error.args[0] if error is not None and error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    code, _, place = text.partition(": ")
    return f"error parsing regexp: {_GO.get(code, code)}: `{place}`"
