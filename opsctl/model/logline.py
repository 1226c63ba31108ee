"""A log line as every room sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.core.clock import iso

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `at` is epoch seconds with milliseconds; `fields` everything else of its ECS document, flat
    (`http.response.status_code`); `id` names the line for ever, so that it is stored once."""

    at: float
    level: str
    service: str
    message: str
    trace_id: str = ""
    fields: Mapping[str, Scalar | list[Scalar]] = field(default_factory=dict)
    id: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The line as the API and `--json` show it."""
        return {
            "at": iso(self.at), "level": self.level, "service": self.service, "message": self.message,
            "trace_id": self.trace_id, "fields": dict(self.fields), "id": self.id,
        }  # fmt: skip
