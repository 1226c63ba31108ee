"""Alipay's trade bill of a day: a zip with a GBK CSV, as merchants download it.

Source: Alipay open platform, `alipay.data.dataservice.bill.downloadurl.query`, bill type `trade`: lines that begin
with `#` are remarks, amounts are yuan, a refund is a line of its own with negative amounts; texts end with a tab.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from platform_app.sandbox.alipay.money import SHANGHAI, stamp, yuan
from platform_app.sandbox.store import Store

COLUMNS = (
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "商品名称",
    "创建时间",
    "完成时间",
    "门店编号",
    "门店名称",
    "操作员",
    "终端号",
    "对方账户",
    "订单金额（元）",
    "商家实收（元）",
    "支付宝红包（元）",
    "集分宝（元）",
    "支付宝优惠（元）",
    "商家优惠（元）",
    "券核销金额（元）",
    "券名称",
    "商家红包消费金额（元）",
    "卡消费金额（元）",
    "退款批次号/请求号",
    "服务费（元）",
    "分润（元）",
    "备注",
)
RULE = "-" * 41
_PAID = "SELECT * FROM ali_trade WHERE paid_at >= ? AND paid_at < ? ORDER BY paid_at, out_trade_no"
_GONE = (
    "SELECT r.out_request_no, r.amount, r.at, t.* FROM ali_refund r JOIN ali_trade t USING (out_trade_no)"
    " WHERE r.at >= ? AND r.at < ? ORDER BY r.at, r.out_request_no"
)


def bill(store: Store, seller_id: str, day: str) -> bytes:
    """The zip of a day (YYYY-MM-DD, Asia/Shanghai). Raises ValueError when it is no day."""
    start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=SHANGHAI)
    span = (start.timestamp(), (start + timedelta(days=1)).timestamp())
    lines = [_line(row, "交易", row["total"], row["paid_at"], "") for row in store.rows(_PAID, *span)]
    lines += [_line(row, "退款", -row["amount"], row["at"], row["out_request_no"]) for row in store.rows(_GONE, *span)]
    text = _text(seller_id, day, lines)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{seller_id}_{day.replace('-', '')}_业务明细.csv", text.encode("gbk", "replace"))
    return packed.getvalue()


def _line(row: sqlite3.Row, kind: str, amount: int, at: float, request_no: str) -> Sequence[str]:
    money = f"-{yuan(-amount)}" if amount < 0 else yuan(amount)
    head = (f"{row['trade_no']}\t", f"{row['out_trade_no']}\t", kind, row["subject"])
    return (
        *(*head, stamp(row["created_at"]), stamp(at)),
        *("", "", "", "", f"{row['buyer_id']}\t"),
        *(money, money, *["0.00"] * 5, "", "0.00", "0.00"),
        *(f"{request_no}\t" if request_no else "", "0.00", "0.00", ""),
    )


def _text(seller_id: str, day: str, lines: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    out.write(f"#支付宝业务明细查询\r\n#账号：[{seller_id}]\r\n#日期：[{day}]\r\n#{RULE}业务明细列表{RULE}\r\n")
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    count = 0
    for line in lines:
        table.writerow(line)
        count += 1
    out.write(f"#{RULE}业务明细列表结束{RULE}\r\n#合计：{count}笔\r\n")
    return out.getvalue()
