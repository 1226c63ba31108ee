"""What a merchant may ask of WeChat, checked as WeChat checks it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platform_app.sandbox.wechat.signing import Refusal

NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
REFUND_NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")


@dataclass(frozen=True)
class Prepay:
    """`POST /v3/pay/transactions/{native,jsapi,h5,app}`; `total` in fen. `openid`: jsapi's payer."""

    appid: str
    mchid: str
    description: str
    out_trade_no: str
    notify_url: str
    total: int
    attach: str | None
    expires_at: float | None
    trade_type: str = "NATIVE"
    openid: str | None = None


@dataclass(frozen=True)
class RefundRequest:
    """`POST /v3/refund/domestic/refunds`; amounts in fen."""

    out_refund_no: str
    transaction_id: str | None
    out_trade_no: str | None
    reason: str | None
    notify_url: str | None
    refund: int
    total: int


def parse_prepay(body: bytes, trade_type: str = "NATIVE") -> Prepay:
    """Reads the body of a prepay call. Raises Refusal 400 PARAM_ERROR."""
    data = _object(body)
    payer, scene = data.get("payer"), data.get("scene_info")
    openid = payer.get("openid") if isinstance(payer, dict) else None
    if trade_type == "JSAPI" and not (isinstance(openid, str) and openid):
        raise _wrong("payer.openid", "必填项缺失")
    if trade_type == "H5" and not (isinstance(scene, dict) and scene.get("payer_client_ip") and scene.get("h5_info")):
        raise _wrong("scene_info", "H5支付须填写用户终端IP和场景信息")
    number = _text(data, "out_trade_no")
    if not NUMBER.fullmatch(number):
        raise _wrong("out_trade_no", "商户订单号只能是数字、大小写字母_-*且长度为6到32")
    notify_url = _text(data, "notify_url")
    if not notify_url.startswith(("http://", "https://")) or "?" in notify_url:
        raise _wrong("notify_url", "通知地址必须为直接可访问的URL，不能携带参数")
    description = _text(data, "description")
    if len(description) > 127:
        raise _wrong("description", "商品描述长度超过127")
    return Prepay(
        appid=_text(data, "appid"),
        mchid=_text(data, "mchid"),
        description=description,
        out_trade_no=number,
        notify_url=notify_url,
        total=_fen(data.get("amount"), "total"),
        attach=data.get("attach"),
        expires_at=_time(data.get("time_expire")),
        trade_type=trade_type,
        openid=openid,
    )


def parse_refund(body: bytes) -> RefundRequest:
    """Reads the body of a refund call. Raises Refusal 400 PARAM_ERROR."""
    data = _object(body)
    number = _text(data, "out_refund_no")
    if not REFUND_NUMBER.fullmatch(number):
        raise _wrong("out_refund_no", "商户退款单号格式错误")
    if not data.get("transaction_id") and not data.get("out_trade_no"):
        raise _wrong("transaction_id", "微信支付订单号和商户订单号必须填写一个")
    return RefundRequest(
        out_refund_no=number,
        transaction_id=data.get("transaction_id"),
        out_trade_no=data.get("out_trade_no"),
        reason=data.get("reason"),
        notify_url=data.get("notify_url"),
        refund=_fen(data.get("amount"), "refund"),
        total=_fen(data.get("amount"), "total"),
    )


def parse_close(body: bytes) -> str:
    """Reads the body of a close call; returns the mchid."""
    return _text(_object(body), "mchid")


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError as error:
        raise Refusal(400, "PARAM_ERROR", "请求体不是合法的JSON") from error
    if not isinstance(data, dict):
        raise Refusal(400, "PARAM_ERROR", "请求体不是合法的JSON对象")
    return data


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise _wrong(key, "必填项缺失")
    return value


def _fen(amount: object, key: str) -> int:
    value = amount.get(key) if isinstance(amount, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _wrong(f"amount.{key}", "金额须为大于0的整数，单位为分")
    return value


def _time(text: object) -> float | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError as error:
        raise _wrong("time_expire", "时间格式须为rfc3339标准格式") from error


def _wrong(field: str, why: str) -> Refusal:
    return Refusal(400, "PARAM_ERROR", f"参数错误：{field} {why}")
