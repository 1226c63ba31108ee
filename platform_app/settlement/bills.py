"""A channel's bill of a day, whatever the channel: lines of money that came or went back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Subject = Literal["paid", "refunded"]
MOST_BYTES = 256_000_000
_YUAN = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,2})0*)?")


class BillError(ValueError):
    """A bill that cannot be read; the text names the line and the column."""


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line. `ref`: our number of the payment or of the refund; `done`: the money has moved; fen, never negative."""

    subject: Subject
    ref: str
    trade_no: str
    amount_fen: int
    fee_fen: int
    done: bool
    state: str


@dataclass(frozen=True, slots=True)
class Bill:
    """A day's lines (Asia/Shanghai)."""

    channel: str
    day: str
    lines: tuple[BillLine, ...]

    @property
    def fee_fen(self) -> int:
        """What the channel took for itself; fees given back are negative."""
        return sum(line.fee_fen for line in self.lines)


def fen(text: str, where: str) -> int:
    """Yuan with at most two decimals (zeros behind them are harmless) as fen. Raises BillError."""
    found = _YUAN.fullmatch(text.strip())
    if found is None:
        raise BillError(f"{where}: not an amount in yuan: {text[:40]!r}")
    sign, whole, part = found.groups()
    value = int(whole) * 100 + int((part or "0").ljust(2, "0"))
    return -value if sign else value
