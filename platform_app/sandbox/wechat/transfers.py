"""WeChat's transfers from a merchant to a person.

Source: WeChat Pay API v3, "商家转账" (/v3/fund-app/mch-transfer/transfer-bills).
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from typing import Any

from platform_app.sandbox.faults import Faults
from platform_app.sandbox.store import Store
from platform_app.sandbox.wechat.book import shanghai
from platform_app.sandbox.wechat.signing import Refusal

NUMBER = re.compile(r"[0-9A-Za-z]{5,32}")
OPENID = re.compile(r"[0-9A-Za-z_\-]{6,64}")
SECONDS = 0.5
SCHEMA = """CREATE TABLE IF NOT EXISTS transfer(
    out_bill_no TEXT PRIMARY KEY, transfer_bill_no TEXT NOT NULL UNIQUE, openid TEXT NOT NULL, amount INTEGER NOT NULL,
    remark TEXT NOT NULL, state TEXT NOT NULL, fail_reason TEXT NOT NULL, created_at REAL NOT NULL, done_at REAL)"""


class Transfers:
    """Takes transfers; one is done half a second later, or fails while `wechat_transfers_fail` is on."""

    def __init__(self, store: Store, appid: str, faults: Faults) -> None:
        self._store = store
        self._appid = appid
        self._faults = faults
        store.run(SCHEMA)

    def take(self, body: bytes, now: float) -> dict[str, Any]:
        """Takes a transfer; the same again is the same one. Raises Refusal."""
        number, openid, amount, remark = self._parsed(body)
        found = self._find(number)
        if found is None:
            self._store.run(
                "INSERT INTO transfer VALUES (?,?,?,?,?,'ACCEPTED','',?,NULL)",
                *(number, f"1330{int(now)}{secrets.randbelow(10**15):015d}", openid, amount, remark, now),
            )
        elif (found["openid"], found["amount"]) != (openid, amount):
            raise Refusal(400, "PARAM_ERROR", "参数错误：同一商户单号的转账信息与之前不一致")
        shown = self.show(number, now)
        return {key: shown[key] for key in ("out_bill_no", "transfer_bill_no", "create_time", "state")}

    def show(self, number: str, now: float) -> dict[str, Any]:
        """A transfer as the query API shows it. Raises Refusal 404."""
        row = self._find(number)
        if row is None:
            raise Refusal(404, "NOT_FOUND", "记录不存在")
        if row["state"] == "ACCEPTED" and now - row["created_at"] >= SECONDS:
            failing = self._faults["wechat_transfers_fail"].on
            state, reason = ("FAIL", "ACCOUNT_FROZEN") if failing else ("SUCCESS", "")
            sql = "UPDATE transfer SET state=?, fail_reason=?, done_at=? WHERE out_bill_no=?"
            self._store.run(sql, state, reason, now, number)
        return _shown(self._need(number))

    def all(self) -> list[dict[str, Any]]:
        """Every transfer, oldest first."""
        return [_shown(row) for row in self._store.rows("SELECT * FROM transfer ORDER BY created_at, out_bill_no")]

    def _find(self, number: str) -> sqlite3.Row | None:
        return self._store.row("SELECT * FROM transfer WHERE out_bill_no = ?", number)

    def _need(self, number: str) -> sqlite3.Row:
        row = self._find(number)
        assert row is not None
        return row

    def _parsed(self, body: bytes) -> tuple[str, str, int, str]:
        try:
            data = json.loads(body)
        except ValueError as error:
            raise Refusal(400, "PARAM_ERROR", "请求体不是合法的JSON") from error
        texts = {key: str(data.get(key, "")) for key in ("out_bill_no", "openid", "transfer_remark", "appid")}
        if texts["appid"] != self._appid:
            raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
        if not NUMBER.fullmatch(texts["out_bill_no"]) or not OPENID.fullmatch(texts["openid"]):
            raise Refusal(400, "PARAM_ERROR", "参数错误：out_bill_no 或 openid")
        if not data.get("transfer_scene_id") or not 0 < len(texts["transfer_remark"]) <= 32:
            raise Refusal(400, "PARAM_ERROR", "参数错误：transfer_scene_id 或 transfer_remark")
        amount = data.get("transfer_amount")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
            raise Refusal(400, "PARAM_ERROR", "参数错误：transfer_amount 须为大于0的整数，单位为分")
        return texts["out_bill_no"], texts["openid"], amount, texts["transfer_remark"]


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "out_bill_no": row["out_bill_no"],
        "transfer_bill_no": row["transfer_bill_no"],
        "openid": row["openid"],
        "transfer_amount": row["amount"],
        "transfer_remark": row["remark"],
        "state": row["state"],
        "fail_reason": row["fail_reason"],
        "create_time": shanghai(row["created_at"]),
        "update_time": shanghai(row["done_at"] or row["created_at"]),
    }
