"""WeChat's book: trades and refunds, one for both hosts."""

from __future__ import annotations

import json
import secrets
import sqlite3
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from platform_app.sandbox.store import Store
from platform_app.sandbox.wechat.requests import Prepay, RefundRequest
from platform_app.sandbox.wechat.signing import Refusal

SHANGHAI = ZoneInfo("Asia/Shanghai")
DESCRIPTIONS = {"NOTPAY": "订单未支付", "SUCCESS": "支付成功", "REFUND": "转入退款", "CLOSED": "订单已关闭"}
REFUND_SECONDS = 1.0


def shanghai(at: float) -> str:
    """Epoch seconds as WeChat writes times: 2026-11-23T16:34:28+08:00."""
    return datetime.fromtimestamp(at, SHANGHAI).isoformat(timespec="seconds")


class Book:
    """Keeps trades and refunds; every change queues the notification that it owes, in the same transaction."""

    def __init__(self, store: Store, appid: str, mchid: str) -> None:
        self._store = store
        self._appid = appid
        self._mchid = mchid

    def prepay(self, request: Prepay, now: float) -> str:
        """Opens a trade; returns its code_url, prepay_id or h5_url. The same request again returns the same one."""
        if (request.appid, request.mchid) != (self._appid, self._mchid):
            raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
        found = self._find(request.out_trade_no)
        if found is not None:
            return _again(found, request)
        code_url = token_of(request.trade_type, now)
        self._store.run(
            "INSERT INTO trade(out_trade_no, appid, mchid, description, attach, total, notify_url, code_url, state,"
            " created_at, expires_at, openid, trade_type) VALUES (?,?,?,?,?,?,?,?,'NOTPAY',?,?,?,?)",
            *(request.out_trade_no, request.appid, request.mchid, request.description, request.attach, request.total),
            *(request.notify_url, code_url, now, request.expires_at or now + 7200),
            *(request.openid, request.trade_type),
        )
        return code_url

    def trade(self, out_trade_no: str) -> dict[str, Any]:
        """A trade as the query API shows it."""
        return transaction(self._need(out_trade_no))

    def trade_by_transaction(self, transaction_id: str) -> dict[str, Any]:
        row = self._store.row("SELECT * FROM trade WHERE transaction_id = ?", transaction_id)
        if row is None:
            raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在")
        return transaction(row)

    def close(self, out_trade_no: str) -> None:
        """Closes an unpaid trade; closing it again is harmless."""
        row = self._need(out_trade_no)
        if row["state"] not in ("NOTPAY", "CLOSED"):
            raise Refusal(400, "ORDERPAID", "该订单已支付")
        self._store.run("UPDATE trade SET state = 'CLOSED' WHERE out_trade_no = ?", out_trade_no)

    def pay(self, code_url: str, now: float, openid: str | None = None) -> dict[str, Any]:
        """A customer's phone pays; returns the transaction."""
        row = self._store.row("SELECT * FROM trade WHERE code_url = ?", code_url)
        if row is None:
            raise Refusal(404, "ORDER_NOT_EXIST", "二维码不存在或已失效")
        if row["state"] != "NOTPAY":
            raise Refusal(409, "ORDERPAID" if row["paid_at"] else "ORDER_CLOSED", DESCRIPTIONS[row["state"]])
        if now > row["expires_at"]:
            raise Refusal(409, "ORDER_CLOSED", "二维码已过期")
        number = f"42000{int(now)}{secrets.randbelow(10**13):013d}"
        with self._store.transaction():
            self._store.run(
                "UPDATE trade SET state='SUCCESS', transaction_id=?, openid=?, paid_at=? WHERE code_url=?",
                *(number, openid or row["openid"] or "o" + secrets.token_urlsafe(20)[:27], now, code_url),
            )
            paid = transaction(self._need(row["out_trade_no"]))
            self._owe(row["notify_url"], "TRANSACTION.SUCCESS", paid, now, now)
        return paid

    def refund(self, request: RefundRequest, now: float) -> dict[str, Any]:
        """Takes a refund; it is done a second later. The same request again returns the same one."""
        trade = self._refundable(request)
        found = self._store.row("SELECT * FROM refund WHERE out_refund_no = ?", request.out_refund_no)
        if found is not None:
            if found["amount"] != request.refund or found["out_trade_no"] != trade["out_trade_no"]:
                raise Refusal(403, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
            return refund_answer(found, trade)
        spent = self._store.rows("SELECT amount FROM refund WHERE out_trade_no = ?", trade["out_trade_no"])
        if sum(r["amount"] for r in spent) + request.refund > trade["total"]:
            raise Refusal(400, "INVALID_REQUEST", "累计退款金额大于支付金额")
        with self._store.transaction():
            self._store.run(
                "INSERT INTO refund VALUES (?,?,?,?,?,?,'PROCESSING',?,NULL)",
                *(request.out_refund_no, f"503{int(now)}{secrets.randbelow(10**15):015d}", trade["out_trade_no"]),
                *(request.refund, request.reason, request.notify_url or trade["notify_url"], now),
            )
            self._store.run("UPDATE trade SET state='REFUND' WHERE out_trade_no=?", trade["out_trade_no"])
        return self.refunded(request.out_refund_no)

    def refunded(self, out_refund_no: str) -> dict[str, Any]:
        """A refund as the query API shows it."""
        row = self._store.row("SELECT * FROM refund WHERE out_refund_no = ?", out_refund_no)
        if row is None:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return refund_answer(row, self._need(row["out_trade_no"]))

    def finish_refunds(self, now: float) -> None:
        """Pays out the refunds that are due."""
        due = "SELECT * FROM refund WHERE status = 'PROCESSING' AND created_at <= ?"
        for row in self._store.rows(due, now - REFUND_SECONDS):
            number = row["out_refund_no"]
            with self._store.transaction():
                self._store.run("UPDATE refund SET status='SUCCESS', done_at=? WHERE out_refund_no=?", now, number)
                done = self.refunded(number)
                body = {**done, "mchid": self._mchid, "refund_status": done["status"]}
                self._owe(row["notify_url"], "REFUND.SUCCESS", body, now, now)

    def since(self, at: float) -> list[dict[str, Any]]:
        """The trades opened since `at`, oldest first, for reconciliation."""
        sql = "SELECT * FROM trade WHERE created_at >= ? ORDER BY created_at, out_trade_no"
        return [{**transaction(row), "created_at": row["created_at"]} for row in self._store.rows(sql, at)]

    def _find(self, out_trade_no: str) -> sqlite3.Row | None:
        return self._store.row("SELECT * FROM trade WHERE out_trade_no = ?", out_trade_no)

    def _need(self, out_trade_no: str) -> sqlite3.Row:
        row = self._find(out_trade_no)
        if row is None:
            raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在")
        return row

    def _refundable(self, request: RefundRequest) -> sqlite3.Row:
        by = "transaction_id" if request.transaction_id else "out_trade_no"
        value = request.transaction_id or request.out_trade_no
        row = self._store.row(f"SELECT * FROM trade WHERE {by} = ?", value)
        if row is None or row["paid_at"] is None:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "订单号不存在")
        if row["total"] != request.total:
            raise Refusal(400, "INVALID_REQUEST", "订单金额与之前请求不一致，请核实后再试")
        return row

    def _owe(self, url: str, kind: str, resource: dict[str, Any], created_at: float, next_at: float) -> None:
        text = json.dumps(resource, ensure_ascii=False)
        self._store.run(
            "INSERT INTO notice(id, url, kind, resource, created_at, next_at) VALUES (?,?,?,?,?,?)",
            *(f"EV-{int(created_at)}{secrets.randbelow(10**12):012d}", url, kind, text, created_at, next_at),
        )


def _again(found: sqlite3.Row, request: Prepay) -> str:
    if found["state"] != "NOTPAY":
        code, text = ("ORDERPAID", "该订单已支付") if found["paid_at"] else ("ORDER_CLOSED", "该订单已关闭")
        raise Refusal(400, code, text)
    same = (request.total, request.description, request.notify_url, request.trade_type)
    if same != (found["total"], found["description"], found["notify_url"], found["trade_type"]):
        raise Refusal(403, "OUT_TRADE_NO_USED", "商户订单号重复")
    return str(found["code_url"])


def token_of(trade_type: str, now: float) -> str:
    """What a prepay of each kind gives: a code to scan, an id to call by, a page to open."""
    if trade_type == "NATIVE":
        return f"weixin://wxpay/bizpayurl?pr={secrets.token_urlsafe(7)}zz"
    prepay_id = f"wx{int(now)}{secrets.token_hex(12)}"
    page = f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={prepay_id}&package={secrets.randbelow(10**10)}"
    return page if trade_type == "H5" else prepay_id


def transaction(row: sqlite3.Row) -> dict[str, Any]:
    """A trade as WeChat shows it to its merchant."""
    shown: dict[str, Any] = {
        "appid": row["appid"],
        "mchid": row["mchid"],
        "out_trade_no": row["out_trade_no"],
        "trade_type": "MWEB" if row["trade_type"] == "H5" else row["trade_type"],
        "trade_state": row["state"],
        "trade_state_desc": DESCRIPTIONS[row["state"]],
        "amount": {"total": row["total"], "currency": "CNY"},
    }
    if row["attach"] is not None:
        shown["attach"] = row["attach"]
    if row["paid_at"] is not None:
        shown |= {"transaction_id": row["transaction_id"], "bank_type": "OTHERS", "payer": {"openid": row["openid"]}}
        shown["success_time"] = shanghai(row["paid_at"])
        shown["amount"] |= {"payer_total": row["total"], "payer_currency": "CNY"}
    return shown


def refund_answer(row: sqlite3.Row, trade: sqlite3.Row) -> dict[str, Any]:
    """A refund as WeChat shows it to its merchant."""
    amount = {"total": trade["total"], "refund": row["amount"], "payer_total": trade["total"]}
    shown = {
        "refund_id": row["refund_id"],
        "out_refund_no": row["out_refund_no"],
        "transaction_id": trade["transaction_id"],
        "out_trade_no": trade["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": shanghai(row["created_at"]),
        "status": row["status"],
        "amount": {**amount, "payer_refund": row["amount"], "discount_refund": 0, "currency": "CNY"},
    }
    return shown | ({"success_time": shanghai(row["done_at"])} if row["done_at"] else {})
