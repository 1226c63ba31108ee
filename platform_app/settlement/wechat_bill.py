"""WeChat's trade bill (bill_type ALL): CSV whose fields each begin with a backtick, so that Excel leaves them alone.

Source: WeChat Pay API v3, "申请交易账单": the head row, a row a payment or refund, a head and a row of totals.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence

from platform_app.settlement.bills import MOST_BYTES, Bill, BillError, BillLine, fen

TOTALS = "总交易单数"
NEEDED = ("商户订单号", "交易状态", "商户退款单号", "退款金额", "退款状态", "手续费", "订单金额")


def unpack(data: bytes, sha1: str) -> bytes:
    """The bill's text, of which `sha1` is the hash. Raises BillError when it is not gzip, too large, or another text."""
    reader = zlib.decompressobj(wbits=31)
    try:
        text = reader.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise BillError(f"not gzip: {error}") from error
    if reader.unconsumed_tail:
        raise BillError(f"unpacked, the bill is larger than {MOST_BYTES} bytes")
    if not reader.eof:
        raise BillError("the gzip file is cut off")
    found = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    if found != sha1.lower():
        raise BillError(f"the hash is {found}, not {sha1[:64]}")
    return text


def pack(text: bytes) -> tuple[bytes, str]:
    """The other way round: gzip, and the hash of the text."""
    return gzip.compress(text, mtime=0), hashlib.sha1(text, usedforsecurity=False).hexdigest()


def parse(text: bytes, day: str, channel: str = "wechat") -> Bill:
    """Reads a bill. Raises BillError: wrong bytes, columns, amounts, or totals that are not those of the rows."""
    try:
        rows = text.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise BillError(f"not UTF-8: {error}") from error
    head = [name.strip() for name in rows[0].split(",")]
    missing = [name for name in NEEDED if name not in head]
    if missing:
        raise BillError(f"line 1: no column {missing[0]!r}")
    lines: list[BillLine] = []
    for number, row in enumerate(rows[1:], 2):
        if row.startswith(TOTALS):
            _check_totals(row, rows[number] if number < len(rows) else "", len(lines), number)
            return Bill(channel, day, tuple(lines))
        if row:
            lines.append(_line(_named(head, row, number), number))
    raise BillError(f"line {len(rows)}: the totals are missing: the bill is cut off")


def _fields(row: str, number: int) -> list[str]:
    if not row.startswith("`"):
        raise BillError(f"line {number}: fields begin with a backtick")
    return [field.strip() for field in row[1:].split(",`")]


def _named(head: Sequence[str], row: str, number: int) -> Mapping[str, str]:
    fields = _fields(row, number)
    if len(fields) != len(head):
        raise BillError(f"line {number}: {len(fields)} fields, {len(head)} columns")
    return dict(zip(head, fields, strict=True))


def _line(row: Mapping[str, str], number: int) -> BillLine:
    refund = row["交易状态"] == "REFUND"
    ref = row["商户退款单号"] if refund else row["商户订单号"]
    if not 0 < len(ref) <= 64 or len(row["商户订单号"]) > 64:
        raise BillError(f"line {number}: {'商户退款单号' if refund else '商户订单号'}: 1 to 64 characters expected")
    column = "退款金额" if refund else "订单金额"
    amount = fen(row[column], f"line {number}: {column}")
    if amount < 0:
        raise BillError(f"line {number}: {column} is negative")
    state = row["退款状态"] if refund else row["交易状态"]
    fee = fen(row["手续费"], f"line {number}: 手续费")
    subject = "refunded" if refund else "paid"
    return BillLine(subject, ref, row["商户订单号"], amount, fee, state == "SUCCESS", state[:32])  # type: ignore[arg-type]


def _check_totals(head: str, row: str, lines: int, number: int) -> None:
    total = _named([name.strip() for name in head.split(",")], row, number + 1)[TOTALS]
    if total.split(".")[0] != str(lines):
        raise BillError(f"line {number + 1}: {TOTALS} is {total}, there are {lines} rows")
