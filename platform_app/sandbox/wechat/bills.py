"""WeChat's trade bill of a day, as its book has it, and the mistakes that the admin port plants in it.

Source: WeChat Pay API v3, "申请交易账单" (bill_type ALL, tar_type GZIP): the hash is that of the unpacked text.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from platform_app.sandbox.store import Store
from platform_app.sandbox.wechat.book import SHANGHAI
from platform_app.sandbox.wechat.signing import Refusal

KINDS = ("missing_here", "missing_there", "amount", "state", "twice")
COLUMNS = [
    "交易时间",
    "公众账号ID",
    "商户号",
    "特约商户号",
    "设备号",
    "微信订单号",
    "商户订单号",
    "用户标识",
    "交易类型",
    "交易状态",
    "付款银行",
    "货币种类",
    "应结订单金额",
    "代金券金额",
    "微信退款单号",
    "商户退款单号",
    "退款金额",
    "充值券退款金额",
    "退款类型",
    "退款状态",
    "商品名称",
    "商户数据包",
    "手续费",
    "费率",
    "订单金额",
    "申请退款金额",
    "费率备注",
]
TOTALS = [
    "总交易单数",
    "应结订单总金额",
    "退款总金额",
    "充值券退款总金额",
    "手续费总金额",
    "订单总金额",
    "申请退款总金额",
]
FEE_RATE = Decimal("0.006")
TOKENS = 100
SCHEMA = """CREATE TABLE IF NOT EXISTS bill_plant(
    day TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, ref TEXT NOT NULL, line TEXT NOT NULL,
    PRIMARY KEY(day, subject, ref))"""


@dataclass(frozen=True)
class Line:
    """A line of the bill. Money in fen; `fee` is negative when it is given back."""

    at: float
    subject: str
    ref: str
    out_trade_no: str
    transaction_id: str
    refund_id: str
    openid: str
    amount: int
    fee: int
    status: str
    description: str


@dataclass(frozen=True)
class Planted:
    """A mistake in a day's bill: what kind, at which of the merchant's numbers."""

    kind: str
    subject: str
    ref: str


class Bills:
    """Makes bills, keeps what is to be downloaded for a while, plants mistakes."""

    def __init__(self, store: Store, appid: str, mchid: str) -> None:
        self._store = store
        self._appid = appid
        self._mchid = mchid
        self._files: dict[str, bytes] = {}
        store.run(SCHEMA)

    def offer(self, query: Mapping[str, str], base: str, now: float) -> dict[str, Any]:
        """Answers a request for a bill: where to download it, and its hash. Raises Refusal."""
        day = _day(query.get("bill_date", ""), now)
        if query.get("bill_type", "ALL") != "ALL" or query.get("tar_type", "") not in ("", "GZIP"):
            raise Refusal(400, "PARAM_ERROR", "参数错误：bill_type 仅支持ALL，tar_type 仅支持GZIP")
        lines = self.lines(day)
        if not lines:
            raise Refusal(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        text = written(lines, self._appid, self._mchid).encode()
        token = secrets.token_hex(16)
        self._files[token] = gzip.compress(text, mtime=0) if query.get("tar_type") else text
        while len(self._files) > TOKENS:
            del self._files[next(iter(self._files))]
        digest = hashlib.sha1(text, usedforsecurity=False).hexdigest()
        return {
            "hash_type": "SHA1",
            "hash_value": digest,
            "download_url": f"{base}/v3/billdownload/file?token={token}",
        }

    def file(self, token: str) -> bytes:
        """What was offered under a token. Raises Refusal 404."""
        if token not in self._files:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "账单下载地址已失效")
        return self._files[token]

    def lines(self, day: str) -> list[Line]:
        """The day's lines, with the mistakes planted."""
        lines = self._true(day)
        for row in self._store.rows("SELECT * FROM bill_plant WHERE day = ? ORDER BY rowid", day):
            lines = _with(lines, row)
        return sorted(lines, key=lambda line: (line.at, line.ref))

    def plant(self, day: str, kinds: list[str], seed: int) -> list[Planted]:
        """Plants one mistake of each kind named, each at a line of its own; those there are stay."""
        chance = random.Random(seed)
        spoilt = {planted.ref for planted in self.planted(day)}
        free = [line for line in self._true(day) if line.ref not in spoilt]
        chance.shuffle(free)
        made: list[Planted] = []
        for kind in kinds:
            if kind != "missing_here" and not free:
                raise ValueError(f"no line of {day} is left for {kind!r}")
            line = _spoilt(kind, day, free.pop() if kind != "missing_here" else None, chance)
            made.append(Planted(kind, line.subject, line.ref))
            self._store.run(
                "INSERT INTO bill_plant VALUES (?,?,?,?,?)",
                *(day, kind, line.subject, line.ref, json.dumps(asdict(line), ensure_ascii=False)),
            )
        return made

    def planted(self, day: str) -> list[Planted]:
        """The mistakes in a day's bill."""
        rows = self._store.rows("SELECT kind, subject, ref FROM bill_plant WHERE day = ? ORDER BY rowid", day)
        return [Planted(row["kind"], row["subject"], row["ref"]) for row in rows]

    def lift(self, day: str) -> None:
        """Takes all mistakes out of a day's bill."""
        self._store.run("DELETE FROM bill_plant WHERE day = ?", day)

    def _true(self, day: str) -> list[Line]:
        start = datetime.combine(date.fromisoformat(day), time(), SHANGHAI).timestamp()
        span = (start, start + 86_400)
        paid = self._store.rows("SELECT * FROM trade WHERE paid_at >= ? AND paid_at < ?", *span)
        sql = (
            "SELECT r.*, t.transaction_id, t.openid, t.description FROM refund r"
            " JOIN trade t ON t.out_trade_no = r.out_trade_no WHERE r.created_at >= ? AND r.created_at < ?"
        )
        return [_paid(row) for row in paid] + [_refunded(row) for row in self._store.rows(sql, *span)]


def _paid(row: sqlite3.Row) -> Line:
    number, total = row["out_trade_no"], row["total"]
    ids = (row["transaction_id"], "", row["openid"])
    return Line(row["paid_at"], "paid", number, number, *ids, total, _fee(total), "SUCCESS", row["description"])


def _refunded(row: sqlite3.Row) -> Line:
    ids = (row["transaction_id"], row["refund_id"], row["openid"])
    head = (row["created_at"], "refunded", row["out_refund_no"], row["out_trade_no"])
    return Line(*head, *ids, row["amount"], -_fee(row["amount"]), row["status"], row["description"])


def _fee(total: int) -> int:
    return int((total * FEE_RATE).quantize(Decimal(1), ROUND_HALF_UP))


def _spoilt(kind: str, day: str, line: Line | None, chance: random.Random) -> Line:
    """The line as the bill will show it; for missing_there, the line that it will not show."""
    if line is None:
        at = datetime.combine(date.fromisoformat(day), time(12), SHANGHAI).timestamp()
        number = f"GHOST{chance.randrange(10**15):015d}"
        ids = (f"42000{chance.randrange(10**20):020d}", "", "oGhost")
        return Line(at, "paid", number, number, *ids, 9_900, _fee(9_900), "SUCCESS", "家政服务")
    if kind == "amount":
        return replace(line, amount=line.amount + 100)
    if kind == "state":
        return replace(line, status="PROCESSING" if line.subject == "refunded" else "USERPAYING")
    return line


def _with(lines: list[Line], row: sqlite3.Row) -> list[Line]:
    line = Line(**json.loads(row["line"]))
    others = [x for x in lines if (x.subject, x.ref) != (line.subject, line.ref)]
    return others + [line] * {"missing_there": 0, "twice": 2}.get(row["kind"], 1)


def written(lines: list[Line], appid: str, mchid: str) -> str:
    """The bill as CSV with backticks, totals at its end."""
    rows = [_row(line, appid, mchid) for line in lines]
    sums = [f"{len(lines)}", _sum(lines, "paid"), _sum(lines, "refunded"), "0.00"]
    sums += [f"{_yuan(sum(line.fee for line in lines))}000", _sum(lines, "paid"), _sum(lines, "refunded")]
    body = ["`" + ",`".join(row) for row in [*rows]]
    return "\r\n".join([",".join(COLUMNS), *body, ",".join(TOTALS), "`" + ",`".join(sums), ""])


def _row(line: Line, appid: str, mchid: str) -> list[str]:
    refund = line.subject == "refunded"
    amount, zero = _yuan(line.amount), "0.00"
    at = datetime.fromtimestamp(line.at, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    head = [at, appid, mchid, "0", "", line.transaction_id, line.out_trade_no, line.openid, "NATIVE"]
    state = ["REFUND" if refund else line.status, "OTHERS", "CNY", zero if refund else amount, zero]
    back = (
        [line.refund_id, line.ref, amount, zero, "ORIGINAL", line.status] if refund else ["0", "0", zero, zero, "", ""]
    )
    name = line.description.replace(",", "，").replace("`", "'")
    tail = [name, "", f"{_yuan(line.fee)}000", "0.60%", zero if refund else amount, amount if refund else zero, ""]
    return head + state + back + tail


def _yuan(fen: int) -> str:
    sign, value = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{value // 100}.{value % 100:02d}"


def _sum(lines: list[Line], subject: str) -> str:
    return _yuan(sum(line.amount for line in lines if line.subject == subject))


def _day(text: str, now: float) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Refusal(400, "PARAM_ERROR", "参数错误：bill_date 格式须为yyyy-MM-dd") from error
    today = datetime.fromtimestamp(now, SHANGHAI).date()
    if not today - timedelta(days=92) <= day < today:
        raise Refusal(400, "INVALID_REQUEST", "账单日期须在三个月内且早于今日")
    return day.isoformat()
