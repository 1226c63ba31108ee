"""WeChat's transfers from the merchant to a user's change: taken at once, done a second later.

Source: WeChat Pay, "merchant transfer" (`/v3/fund-app/mch-transfer/transfer-bills`); a user here confirms by himself.
"""

from __future__ import annotations

import secrets
from typing import Any

from platform_app.sandbox.store import Store
from platform_app.sandbox.wechat.book import shanghai
from platform_app.sandbox.wechat.requests import TransferRequest
from platform_app.sandbox.wechat.signing import Refusal

DONE_SECONDS = 1.0
MOST_FEN = 20_000_000


class Transfers:
    """The transfers of one merchant; the same request again is the same transfer."""

    def __init__(self, store: Store, appid: str, mchid: str) -> None:
        self._store = store
        self._appid = appid
        self._mchid = mchid

    def make(self, request: TransferRequest, now: float) -> dict[str, Any]:
        if request.appid != self._appid:
            raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
        if request.amount > MOST_FEN:
            raise Refusal(400, "PARAM_ERROR", "转账金额超过单笔限额")
        found = self._store.row("SELECT * FROM transfer WHERE out_bill_no = ?", request.out_bill_no)
        if found is None:
            self._store.run(
                "INSERT INTO transfer VALUES (?,?,?,?,?,?,'PROCESSING',?,?)",
                *(request.out_bill_no, f"133{int(now)}{secrets.randbelow(10**15):015d}", request.openid),
                *(request.amount, request.remark, request.scene_id, now, now),
            )
        elif (found["openid"], found["amount"]) != (request.openid, request.amount):
            raise Refusal(400, "INVALID_REQUEST", "商户单号已存在，但请求参数与原单不一致")
        shown = self.shown(request.out_bill_no, now)
        return {name: shown[name] for name in ("out_bill_no", "transfer_bill_no", "create_time", "state")}

    def shown(self, out_bill_no: str, now: float) -> dict[str, Any]:
        """A transfer as the query shows it."""
        due = "UPDATE transfer SET state='SUCCESS', updated_at=? WHERE state='PROCESSING' AND created_at <= ?"
        self._store.run(due, now, now - DONE_SECONDS)
        row = self._store.row("SELECT * FROM transfer WHERE out_bill_no = ?", out_bill_no)
        if row is None:
            raise Refusal(404, "NOT_FOUND", "记录不存在")
        return {
            "mch_id": self._mchid,
            "out_bill_no": row["out_bill_no"],
            "transfer_bill_no": row["transfer_bill_no"],
            "appid": self._appid,
            "state": row["state"],
            "transfer_amount": row["amount"],
            "transfer_remark": row["remark"],
            "openid": row["openid"],
            "create_time": shanghai(row["created_at"]),
            "update_time": shanghai(row["updated_at"]),
        }
