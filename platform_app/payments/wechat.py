"""WeChat Pay (native, jsapi, h5, app) by the wechatpayv3 SDK, in public-key mode.

Source: WeChat Pay API v3. The SDK has no public option for the host, so its gateway is set after
construction; it accepts stale notifications, so freshness is checked here.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import requests
from wechatpayv3 import WeChatPay, WeChatPayType

from platform_app.kit.config import Payments, secret
from platform_app.kit.times import iso
from platform_app.payments.channel import (
    NO_REFUND,
    NO_TRADE,
    ChannelRefused,
    ChannelUnreachable,
    Notice,
    NoticeRefused,
    Opened,
    Prepay,
    Refund,
    RefundState,
    RefundWish,
    Trade,
    TradeState,
)

FRESH_SECONDS = 300
TRADE_STATES: Mapping[str, TradeState] = {
    "NOTPAY": "open",
    "USERPAYING": "open",
    "SUCCESS": "paid",
    "REFUND": "refunded",
    "CLOSED": "closed",
    "REVOKED": "closed",
    "PAYERROR": "closed",
}
REFUND_STATES: Mapping[str, RefundState] = {"SUCCESS": "done", "PROCESSING": "processing"}


class WeChatChannel:
    """WeChat Pay through the host that `config.gateway` names. Safe to use from several threads."""

    def __init__(self, config: Payments, kind: WeChatPayType = WeChatPayType.NATIVE) -> None:
        self._kind = kind
        self._mchid, self._appid = config.mchid, config.appid
        self._key_id = config.public_key_id
        self._sdk = WeChatPay(
            wechatpay_type=kind,
            mchid=config.mchid,
            appid=config.appid,
            private_key=Path(config.private_key_file).read_text(),
            cert_serial_no=config.cert_serial,
            apiv3_key=secret(config.apiv3_key_file),
            public_key=Path(config.public_key_file).read_text(),
            public_key_id=config.public_key_id,
            notify_url=config.notify_url,
            timeout=(config.timeout_seconds, config.timeout_seconds),
        )
        self._sdk._core._gate_way = config.hosts[config.gateway].rstrip("/")

    def prepay(self, order: Prepay) -> Opened:
        """Opens a trade; what each kind of client is given to pay it."""
        more: dict[str, Any] = {}
        if self._kind is WeChatPayType.JSAPI:
            more["payer"] = {"openid": order.openid}
        if self._kind is WeChatPayType.H5:
            more["scene_info"] = {"payer_client_ip": order.client_ip, "h5_info": {"type": "Wap"}}
        call = partial(
            self._sdk.pay,
            description=order.description,
            out_trade_no=order.out_trade_no,
            amount={"total": order.amount_fen, "currency": "CNY"},
            time_expire=iso(order.expires_at),
            **more,
        )
        return self._opened(self._call(call))

    def _opened(self, answer: Mapping[str, Any]) -> Opened:
        try:
            if self._kind is WeChatPayType.NATIVE:
                return Opened(code_url=str(answer["code_url"]))
            if self._kind is WeChatPayType.H5:
                return Opened(client={"h5_url": str(answer["h5_url"])})
            return Opened(client=self._invoke(str(answer["prepay_id"])))
        except KeyError as error:
            raise ChannelUnreachable("bad_answer", f"no {error}") from error

    def _invoke(self, prepay_id: str) -> dict[str, str]:
        """What a page or an app calls WeChat with, signed by us; the two spell the same differently."""
        at, nonce = str(int(time.time())), secrets.token_hex(16)
        if self._kind is WeChatPayType.APP:
            signature = self._sdk.sign([self._appid, at, nonce, prepay_id])
            who = {"appid": self._appid, "partnerid": self._mchid, "prepayid": prepay_id, "package": "Sign=WXPay"}
            return {**who, "noncestr": nonce, "timestamp": at, "sign": signature}
        package = f"prepay_id={prepay_id}"
        signature = self._sdk.sign([self._appid, at, nonce, package])
        said = {"appId": self._appid, "timeStamp": at, "nonceStr": nonce, "package": package}
        return {**said, "signType": "RSA", "paySign": signature}

    def query(self, out_trade_no: str) -> Trade:
        """Asks how a trade stands."""
        try:
            return _trade(self._call(lambda: self._sdk.query(out_trade_no=out_trade_no)))
        except ChannelRefused as error:
            unknown = error.code in ("ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS")
            raise ChannelRefused(NO_TRADE, str(error)) if unknown else error from error

    def close(self, out_trade_no: str) -> None:
        """Closes an unpaid trade. ChannelRefused with ORDERPAID when it was paid meanwhile."""
        self._call(lambda: self._sdk.close(out_trade_no=out_trade_no))

    def refund(self, wish: RefundWish) -> Refund:
        """Gives money of a trade back. The same number again is the same refund."""
        amount = {"refund": wish.amount_fen, "total": wish.total_fen, "currency": "CNY"}
        more = {"out_trade_no": wish.out_trade_no, "reason": wish.reason}
        return _refund(self._call(partial(self._sdk.refund, wish.out_refund_no, amount, **more)))

    def query_refund(self, out_refund_no: str, out_trade_no: str) -> Refund:
        """Asks how a refund stands."""
        try:
            return _refund(self._call(lambda: self._sdk.query_refund(out_refund_no)))
        except ChannelRefused as error:
            raise ChannelRefused(NO_REFUND, str(error)) if error.code == "RESOURCE_NOT_EXISTS" else error from error

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: int) -> Notice:
        """Verifies a notification's raw bytes and opens it. Raises NoticeRefused."""
        given = {name.lower(): value for name, value in headers.items()}
        stamp = given.get("wechatpay-timestamp", "")
        if not stamp.isdigit() or abs(now - int(stamp)) > FRESH_SECONDS:
            raise NoticeRefused("timestamp missing or not fresh")
        if given.get("wechatpay-serial") != self._key_id:
            raise NoticeRefused("signed by a key that is not WeChat's")
        return _notice(self._open(given, body))

    def _open(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        try:
            opened = self._sdk.callback(dict(headers), body)
        except Exception as error:  # the SDK raises bare Exception for all that is wrong with a notification
            raise NoticeRefused(f"cannot be verified: {error}") from error
        if not isinstance(opened, dict):
            raise NoticeRefused("signature or seal is wrong")
        return opened

    def _call(self, call: Callable[[], tuple[int, Any]]) -> dict[str, Any]:
        try:
            status, text = call()
        except requests.Timeout as error:
            raise ChannelUnreachable("timeout", str(error)) from error
        except requests.RequestException as error:
            raise ChannelUnreachable("unreachable", str(error)) from error
        except Exception as error:  # the SDK raises bare Exception when an answer's signature is wrong
            raise ChannelUnreachable("bad_answer", str(error)) from error
        answer = _parsed(text)
        if status >= 500 or status == 429:
            raise ChannelUnreachable(str(answer.get("code", f"http_{status}")), str(answer.get("message", "")))
        if not 200 <= status < 300:
            raise ChannelRefused(str(answer.get("code", f"http_{status}")), str(answer.get("message", "")))
        return answer


def _parsed(text: str | bytes) -> dict[str, Any]:
    if not text:
        return {}
    try:
        answer = orjson.loads(text)
    except ValueError as error:
        raise ChannelUnreachable("bad_answer", "not JSON") from error
    return answer if isinstance(answer, dict) else {}


def _trade(raw: Mapping[str, Any]) -> Trade:
    try:
        state = TRADE_STATES[raw["trade_state"]]
        amount = int(raw["amount"]["total"])
        return Trade(str(raw["out_trade_no"]), state, amount, raw.get("transaction_id"), raw)
    except (KeyError, TypeError, ValueError) as error:
        raise ChannelUnreachable("bad_answer", f"not a trade: {error!r}") from error


def _refund(raw: Mapping[str, Any]) -> Refund:
    try:
        state = REFUND_STATES.get(raw.get("status") or raw["refund_status"], "failed")
        amount = int(raw["amount"]["refund"])
        return Refund(str(raw["out_refund_no"]), str(raw["out_trade_no"]), state, amount, raw)
    except (KeyError, TypeError, ValueError) as error:
        raise ChannelUnreachable("bad_answer", f"not a refund: {error!r}") from error


def _notice(opened: Mapping[str, Any]) -> Notice:
    event_id, kind, resource = str(opened.get("id", "")), str(opened.get("event_type", "")), opened["resource"]
    if not event_id:
        raise NoticeRefused("no id")
    try:
        if kind.startswith("TRANSACTION."):
            return Notice(event_id, kind, trade=_trade(resource))
        if kind.startswith("REFUND."):
            return Notice(event_id, kind, refund=_refund(resource))
    except ChannelUnreachable as error:
        raise NoticeRefused(str(error)) from error
    return Notice(event_id, kind)
