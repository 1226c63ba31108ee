"""What is known of a metric besides its samples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metadata:
    """What a page says about a metric."""

    type: str = "unknown"
    help: str = ""
    unit: str = ""
