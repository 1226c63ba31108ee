"""Alipay's book: trades and refunds, one for both hosts. Amounts are kept in fen."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from platform_app.sandbox.alipay.money import fen, moment, stamp, yuan
from platform_app.sandbox.alipay.signing import Refusal
from platform_app.sandbox.store import Store

PRODUCTS = {
    "alipay.trade.app.pay": "QUICK_MSECURITY_PAY",
    "alipay.trade.wap.pay": "QUICK_WAP_PAY",
    "alipay.trade.page.pay": "FAST_INSTANT_TRADE_PAY",
}


@dataclass(frozen=True)
class Parties:
    """The one application and its seller."""

    app_id: str
    seller_id: str


class Book:
    """Keeps trades and refunds; every change queues the notification that it owes, in the same transaction.

    A trade comes to be when the customer opens the signed text that the merchant gave out, not before.
    """

    def __init__(self, store: Store, parties: Parties) -> None:
        self._store = store
        self._parties = parties

    def open(self, method: str, notify_url: str, wish: Mapping[str, Any], now: float) -> sqlite3.Row:
        """A customer opens a signed order; the trade it makes, or made before."""
        number, total = str(wish.get("out_trade_no", "")), fen(str(wish.get("total_amount", "")))
        if not 0 < len(number) <= 64 or not total or wish.get("product_code") != PRODUCTS[method]:
            raise Refusal("ACQ.INVALID_PARAMETER", "参数无效")
        found = self._find(number)
        if found is not None:
            return _same(found, total)
        expires_at = moment(str(wish["time_expire"])) if wish.get("time_expire") else now + 15 * 86400
        if expires_at is None:
            raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：time_expire")
        if now > expires_at:
            raise Refusal("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
        self._store.run(
            "INSERT INTO ali_trade(out_trade_no, trade_no, method, subject, total, notify_url, state, buyer_id,"
            " created_at, expires_at) VALUES (?,?,?,?,?,?,'WAIT_BUYER_PAY',?,?,?)",
            *(number, f"20{int(now)}{secrets.randbelow(10**16):016d}", method, str(wish.get("subject", ""))),
            *(total, notify_url, f"2088{secrets.randbelow(10**12):012d}", now, expires_at),
        )
        return self.need(number)

    def pay(self, number: str, now: float) -> dict[str, Any]:
        """The customer pays; the trade as the query shows it."""
        row = self.need(number)
        if row["state"] == "WAIT_BUYER_PAY" and now > row["expires_at"]:
            self._set(number, "TRADE_CLOSED")
            row = self.need(number)
        if row["state"] != "WAIT_BUYER_PAY":
            raise Refusal("ACQ.TRADE_HAS_SUCCESS" if row["paid_at"] else "ACQ.TRADE_HAS_CLOSE", "交易已支付或已关闭")
        with self._store.transaction():
            sql = "UPDATE ali_trade SET state='TRADE_SUCCESS', paid_at=? WHERE out_trade_no=?"
            self._store.run(sql, now, number)
            self._owe(self.need(number), now)
        return self.shown(self.need(number))

    def query(self, number: str) -> dict[str, Any]:
        return self.shown(self.need(number))

    def close(self, number: str) -> dict[str, Any]:
        """Closes an unpaid trade."""
        row = self.need(number)
        if row["state"] == "TRADE_CLOSED" and not row["paid_at"]:
            return {"trade_no": row["trade_no"], "out_trade_no": number}
        if row["state"] != "WAIT_BUYER_PAY":
            raise Refusal("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        self._set(number, "TRADE_CLOSED")
        return {"trade_no": row["trade_no"], "out_trade_no": number}

    def finish(self, number: str) -> None:
        """The time for refunds is over: the trade is TRADE_FINISHED and its merchant is told."""
        with self._store.transaction():
            self._set(number, "TRADE_FINISHED")
            self._owe(self.need(number), self.need(number)["paid_at"])

    def refund(self, wish: Mapping[str, Any], now: float) -> dict[str, Any]:
        """Gives money back at once. The same out_request_no again changes nothing (fund_change N)."""
        number, amount = str(wish.get("out_trade_no", "")), fen(str(wish.get("refund_amount", "")))
        own = str(wish.get("out_request_no") or number)
        row = self.need(number)
        if not amount:
            raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：refund_amount")
        before = self._store.row("SELECT * FROM ali_refund WHERE out_trade_no=? AND out_request_no=?", number, own)
        if before is not None:
            if before["amount"] != amount:
                raise Refusal("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致")
            return self._refunded(row, "N")
        if row["state"] != "TRADE_SUCCESS":
            finished = row["state"] == "TRADE_FINISHED"
            code = "ACQ.TRADE_HAS_FINISHED" if finished else "ACQ.TRADE_STATUS_ERROR"
            raise Refusal(code, "交易已结束" if finished else "交易状态不合法")
        if self.refunded(number) + amount > row["total"]:
            raise Refusal("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
        with self._store.transaction():
            sql = "INSERT INTO ali_refund(out_request_no, out_trade_no, amount, reason, at) VALUES (?,?,?,?,?)"
            self._store.run(sql, own, number, amount, wish.get("refund_reason"), now)
            if self.refunded(number) == row["total"]:
                self._set(number, "TRADE_CLOSED")
            self._owe(self.need(number), now, own)
        return self._refunded(self.need(number), "Y")

    def query_refund(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """A refund; one that is unknown is answered without `refund_status`, as Alipay does."""
        row, own = self.need(str(wish.get("out_trade_no", ""))), str(wish.get("out_request_no", ""))
        shown = {"trade_no": row["trade_no"], "out_trade_no": row["out_trade_no"], "out_request_no": own}
        sql = "SELECT * FROM ali_refund WHERE out_trade_no=? AND out_request_no=?"
        found = self._store.row(sql, row["out_trade_no"], own)
        if found is None:
            return {}
        amounts = {"total_amount": yuan(row["total"]), "refund_amount": yuan(found["amount"])}
        return {**shown, **amounts, "refund_status": "REFUND_SUCCESS", "gmt_refund_pay": stamp(found["at"])}

    def since(self, at: float) -> list[dict[str, Any]]:
        """The trades opened since `at`, oldest first, with what went back, for reconciliation."""
        rows = self._store.rows("SELECT * FROM ali_trade WHERE created_at >= ? ORDER BY created_at, out_trade_no", at)
        return [
            {
                **self.shown(row),
                "created_at": row["created_at"],
                "total_fen": row["total"],
                "paid": bool(row["paid_at"]),
                "refunded_fen": self.refunded(row["out_trade_no"]),
            }
            for row in rows
        ]

    def shown(self, row: sqlite3.Row) -> dict[str, Any]:
        """A trade as Alipay shows it to its merchant."""
        known = {name: row[name] for name in ("trade_no", "out_trade_no")}
        shown = {**known, "trade_status": row["state"], "total_amount": yuan(row["total"])}
        if row["paid_at"]:
            shown |= {"buyer_user_id": row["buyer_id"], "send_pay_date": stamp(row["paid_at"])}
        return shown

    def refunded(self, number: str) -> int:
        """What went back of a trade, in fen."""
        row = self._store.row("SELECT coalesce(sum(amount), 0) AS fen FROM ali_refund WHERE out_trade_no=?", number)
        return int(row["fen"]) if row is not None else 0

    def need(self, number: str) -> sqlite3.Row:
        row = self._find(number)
        if row is None:
            raise Refusal("ACQ.TRADE_NOT_EXIST", "交易不存在")
        return row

    def _find(self, number: str) -> sqlite3.Row | None:
        return self._store.row("SELECT * FROM ali_trade WHERE out_trade_no = ?", number)

    def _set(self, number: str, state: str) -> None:
        self._store.run("UPDATE ali_trade SET state=? WHERE out_trade_no=?", state, number)

    def _refunded(self, row: sqlite3.Row, changed: str) -> dict[str, Any]:
        known = {name: row[name] for name in ("trade_no", "out_trade_no")}
        return {**known, "fund_change": changed, "refund_fee": yuan(self.refunded(row["out_trade_no"]))}

    def _owe(self, row: sqlite3.Row, now: float, refund: str = "") -> None:
        """Queues what Alipay tells its merchant about a trade as it now is."""
        body = {
            **{k: str(v) for k, v in self.shown(row).items() if k != "send_pay_date"},
            "notify_type": "trade_status_sync",
            "app_id": self._parties.app_id,
            "seller_id": self._parties.seller_id,
            "buyer_id": row["buyer_id"],
            "subject": row["subject"],
            "body": "",
            "charset": "utf-8",
            "version": "1.0",
            "gmt_create": stamp(row["created_at"]),
            "gmt_payment": stamp(row["paid_at"]),
            "receipt_amount": yuan(row["total"]),
        }
        if refund:
            gone = yuan(self.refunded(row["out_trade_no"]))
            body |= {"out_biz_no": refund, "refund_fee": gone, "gmt_refund": stamp(now)}
        sql = "INSERT INTO ali_notice(id, url, body, created_at, next_at) VALUES (?,?,?,?,?)"
        own = f"20{int(now)}{secrets.token_hex(11)}"
        self._store.run(sql, own, row["notify_url"], urlencode({**body, "notify_id": own}), now, now)


def _same(found: sqlite3.Row, total: int) -> sqlite3.Row:
    if found["total"] != total:
        raise Refusal("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
    return found
