"""Where a host's figures are read from: /proc, /sys, /etc, or copies of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sources:
    """The roots of the kernel's files."""

    proc: Path
    sys: Path
    etc: Path

    def lines(self, relative: str) -> list[str]:
        """The lines of a file below /proc."""
        return (self.proc / relative).read_text().splitlines()

    def number(self, relative: str) -> float:
        """A file below /proc that holds one number."""
        return float((self.proc / relative).read_text())


def word(path: Path) -> str:
    """The text of a small file, '' where the kernel does not give it (some of /sys answers EINVAL)."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def number(path: Path) -> float | None:
    """The number in a small file, None where there is none."""
    text = word(path)
    try:
        return float(int(text, 0)) if text else None
    except ValueError:
        return None
