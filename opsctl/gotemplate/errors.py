"""What a template raises: one error, with the template's name and the place."""

from __future__ import annotations

from opsctl.core.errors import OpsctlError


class TemplateError(OpsctlError):
    """A template cannot be parsed or rendered. `line` is 1-based; `reason` the bare sentence."""

    def __init__(self, reason: str, name: str = "", line: int = 0, hint: str = "", at: str = "") -> None:
        """`at`: the column and what was being rendered, as Go tells them after the line."""
        place = f"{name}:{line}:{at} " if line else (f"{name}: " if name else "")
        super().__init__(f"template: {place}{reason}", hint)
        self.reason = reason
        self.name = name
        self.line = line
