"""What customers send to payments and are shown: bounded, with examples."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Row

from platform_app.kit.times import iso

Channel = Literal[
    "wechat_native",
    "wechat_jsapi",
    "wechat_h5",
    "wechat_app",
    "alipay_app",
    "alipay_wap",
    "alipay_page",
]
Fen = Annotated[int, Field(ge=1, le=100_000_000, strict=True)]
Key = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[0-9A-Za-z_\-:.]+$")]


class PayRequest(BaseModel):
    """How to pay. `openid` is needed for wechat_jsapi alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"channel": "wechat_native"}, {"channel": "alipay_app"}]})
    channel: Channel | Literal["wallet"] = "wechat_native"
    openid: Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Za-z_\-]*$")] = ""

    @model_validator(mode="after")
    def _payer(self) -> PayRequest:
        if self.channel == "wechat_jsapi" and not self.openid:
            raise ValueError("微信内支付须填写 openid")
        return self


class TopUpRequest(PayRequest):
    """How much to put into the wallet, and how to pay it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"channel": "alipay_app", "amount_fen": 20000}]})
    channel: Channel = "wechat_native"
    amount_fen: Fen


class RefundRequest(BaseModel):
    """What an operator gives back: part of a payment or, without an amount, all that is left."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount_fen": 2000, "reason": "迟到补偿"}]})
    amount_fen: Fen | None = None
    reason: Annotated[str, Field(max_length=80)] = ""
    target: Literal["channel", "wallet"] = "channel"


class FreezeRequest(BaseModel):
    """What an operator freezes in a wallet or sets free. `version`: the wallet as it was seen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount_fen": 2000, "reason": "风控核查"}]})
    amount_fen: Fen
    reason: Annotated[str, Field(max_length=60)] = ""
    version: Annotated[int, Field(ge=0)] | None = None


def shown(row: Row[Any]) -> dict[str, Any]:
    """A payment as its customer sees it; what pays it only while it can be paid."""
    open_ = row.status == "prepaid" and row.superseded_at is None
    return {
        "out_trade_no": row.out_trade_no,
        "order_id": row.order_id if row.order_id > 0 else None,
        "channel": row.channel,
        "gateway": row.gateway,
        "amount_fen": row.amount_fen,
        "status": row.status,
        "code_url": row.code_url if open_ else None,
        "client": orjson.loads(row.client) if open_ and row.client else None,
        "created_at": iso(row.created_at),
        "expires_at": iso(row.expires_at),
        "succeeded_at": iso(row.succeeded_at),
        "refund_status": row.refund_status,
        "refunded_fen": row.refunded_fen,
        "refunded_at": iso(row.refunded_at),
    }


def shown_refund(row: Row[Any]) -> dict[str, Any]:
    return {
        "out_refund_no": row.out_refund_no,
        "amount_fen": row.amount_fen,
        "target": row.target,
        "reason": row.reason,
        "status": row.status,
        "created_at": iso(row.created_at),
        "done_at": iso(row.done_at),
    }
