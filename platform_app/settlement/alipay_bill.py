"""Alipay's trade bill: a zip with two CSV files in GBK, the details and their totals.

Source: Alipay Open Platform, `alipay.data.dataservice.bill.downloadurl.query` with bill_type `trade`. Lines that begin
with # are remarks; fields end in a tab, so that Excel leaves them alone; refunds are negative; names are GBK, too.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping

from platform_app.settlement.bills import MOST_BYTES, Bill, BillError, BillLine, fen

NEEDED = ("商户订单号", "业务类型", "订单金额（元）", "退款批次号/请求号", "服务费（元）")
ROWS_END = "业务明细列表结束"
SUBJECTS = {"交易": "paid", "退款": "refunded"}


def parse(data: bytes, day: str, channel: str = "alipay") -> Bill:
    """Reads the zip. Raises BillError: no zip, no details, wrong bytes, columns or amounts, or a list cut off."""
    try:
        return Bill(channel, day, tuple(_lines(_details(data))))
    except UnicodeDecodeError as error:
        raise BillError(f"not GBK: {error}") from error
    except csv.Error as error:
        raise BillError(f"not CSV: {error}") from error


def _details(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data), metadata_encoding="gbk") as archive:
            for info in archive.infolist():
                if info.filename.endswith("业务明细.csv"):
                    if info.file_size > MOST_BYTES:
                        raise BillError(f"unpacked, the bill is larger than {MOST_BYTES} bytes")
                    return archive.read(info).decode("gb18030")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BillError(f"not a zip that can be read: {error}") from error
    except (ValueError, LookupError) as error:
        if isinstance(error, BillError | UnicodeDecodeError):
            raise
        raise BillError(f"not a zip that can be read: {error}") from error
    raise BillError("no file …业务明细.csv in the zip")


def _lines(text: str) -> Iterator[BillLine]:
    head: list[str] | None = None
    rows = text.replace("\r\n", "\n").split("\n")
    for number, row in enumerate(rows, 1):
        if row.startswith("#") and ROWS_END in row:
            return
        if not row or row.startswith("#"):
            continue
        fields = [field.strip() for field in next(csv.reader([row]))]
        if head is None:
            head = fields
            missing = [name for name in NEEDED if name not in head]
            if missing:
                raise BillError(f"line {number}: no column {missing[0]!r}")
        elif len(fields) != len(head):
            raise BillError(f"line {number}: {len(fields)} fields, {len(head)} columns")
        else:
            yield _line(dict(zip(head, fields, strict=True)), number)
    raise BillError(f"line {len(rows)}: the end of the list is missing: the bill is cut off")


def _line(row: Mapping[str, str], number: int) -> BillLine:
    kind = row["业务类型"]
    if kind not in SUBJECTS:
        raise BillError(f"line {number}: 业务类型 {kind[:20]!r}: one of 交易, 退款 expected")
    refund = kind == "退款"
    trade = row["商户订单号"]
    ref = (row["退款批次号/请求号"] or f"R{trade}") if refund else trade
    if not 0 < len(trade) <= 64 or len(ref) > 64:
        raise BillError(f"line {number}: 商户订单号: 1 to 64 characters expected")
    amount = fen(row["订单金额（元）"], f"line {number}: 订单金额（元）")
    if (amount > 0) if refund else (amount < 0):
        raise BillError(f"line {number}: 订单金额（元）: a refund is negative, a payment is not")
    fee = -fen(row["服务费（元）"] or "0", f"line {number}: 服务费（元）")  # they write what they take as negative
    return BillLine("refunded" if refund else "paid", ref, trade, abs(amount), fee, True, kind)
