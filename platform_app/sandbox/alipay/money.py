"""Yuan as Alipay writes it, fen as we count it, and Alipay's times."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
AMOUNT = re.compile(r"(0|[1-9]\d{0,8})(?:\.(\d{1,2}))?")


def yuan(fen: int) -> str:
    """12800 → 128.00."""
    return f"{fen // 100}.{fen % 100:02d}"


def fen(text: str) -> int | None:
    """128.00 → 12800; None when it is no amount of yuan."""
    match = AMOUNT.fullmatch(text)
    if match is None:
        return None
    return int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))


def stamp(at: float) -> str:
    """Epoch seconds as Alipay writes times: 2026-11-23 16:34:28 in Shanghai."""
    return datetime.fromtimestamp(at, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def moment(text: str) -> float | None:
    """Alipay's time as epoch seconds; None when it is none."""
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=SHANGHAI).timestamp()
        except ValueError:
            continue
    return None
