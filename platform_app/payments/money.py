"""Fen as we count them, yuan as Alipay writes them, and Alipay's times. Exact: no floating point."""

from __future__ import annotations

import re
from datetime import datetime

from platform_app.kit.times import SHANGHAI, local

_YUAN = re.compile(r"(0|[1-9]\d{0,8})(?:\.(\d{1,2}))?")


def yuan(fen: int) -> str:
    """12800 → 128.00."""
    return f"{fen // 100}.{fen % 100:02d}"


def fen(text: str) -> int:
    """128.00 → 12800. Raises ValueError when it is no amount of yuan."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError(f"no amount of yuan: {text[:40]!r}")
    return int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))


def stamp(at: int) -> str:
    """Epoch seconds as Alipay writes them: 2026-11-23 09:30:00 in Shanghai."""
    return local(at, "%Y-%m-%d %H:%M:%S")


def moment(text: str) -> int:
    """Alipay's time as epoch seconds. Raises ValueError."""
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).timestamp())
