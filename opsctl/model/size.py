"""Sizes as Prometheus writes them: `10MB`, `512KiB`; every unit is a power of 1024."""

from __future__ import annotations

import re

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGTPE])i?)?B", re.ASCII)
_POWERS = {letter: power for power, letter in enumerate("KMGTPE", start=1)}


def parse_size(text: str) -> int:
    """Bytes. `0` needs no unit. Raises ValueError."""
    if text.strip() == "0":
        return 0
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a valid size: {text!r}, write 512KB, 10MB or 2GB")
    return int(float(match[1]) * 1024 ** _POWERS.get(match[2] or "", 0))
