"""Secrets taken out of what a step says, before it is recorded or shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "********"
_NAME = re.compile(
    r"(secret|password|passwd|token|api_?v?\d*_?key|private_key|authorization|credential)", re.IGNORECASE
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(//[^/\s:@]*:)[^@/\s]+@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"(?i)((?:access_token|token|sign|signature|secret|password|passwd|api_?key)\s*[=:]\s*)[^\s&\"',}]+"), rf"\1{MASK}"),
    (re.compile(r"\bops_[\w-]{20,}"), MASK),
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL), MASK),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MASK),
)  # fmt: skip


def redact(value: Any, name: str = "") -> Any:
    """The value without secrets: by the name of its key (file paths stay), and by what text looks like."""
    if isinstance(value, Mapping):
        return {str(k): redact(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(v, name) for v in value]
    if isinstance(value, str):
        if value and _NAME.search(name) and not name.endswith(("_file", "_id")):
            return MASK
        return redact_text(value)
    return value


def redact_text(text: str) -> str:
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
