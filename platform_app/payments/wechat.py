"""WeChat Pay native by the wechatpayv3 SDK, in public-key mode.

Source: WeChat Pay API v3. The SDK has no public option for the host, so its gateway is set after
construction; it accepts stale notifications, so freshness is checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import requests
from wechatpayv3 import WeChatPay, WeChatPayType

from platform_app.kit.config import Payments, secret
from platform_app.kit.times import iso
from platform_app.payments.channel import (
    ChannelRefused,
    ChannelUnreachable,
    Notice,
    NoticeRefused,
    Prepay,
    Refund,
    RefundState,
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

    def __init__(self, config: Payments) -> None:
        self._key_id = config.public_key_id
        self._sdk = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
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

    def prepay(self, order: Prepay) -> str:
        """Opens a trade; returns the code_url that a phone scans."""
        answer = self._call(
            lambda: self._sdk.pay(
                description=order.description,
                out_trade_no=order.out_trade_no,
                amount={"total": order.amount_fen, "currency": "CNY"},
                time_expire=iso(order.expires_at),
                notify_url=order.notify_url,
            )
        )
        return str(answer["code_url"])

    def query(self, out_trade_no: str) -> Trade:
        """Asks how a trade stands."""
        return _trade(self._call(lambda: self._sdk.query(out_trade_no=out_trade_no)))

    def close(self, out_trade_no: str) -> None:
        """Closes an unpaid trade. ChannelRefused with ORDERPAID when it was paid meanwhile."""
        self._call(lambda: self._sdk.close(out_trade_no=out_trade_no))

    def refund(self, out_refund_no: str, out_trade_no: str, amount_fen: int, reason: str) -> Refund:
        """Gives all of a trade back. The same number again is the same refund."""
        amount = {"refund": amount_fen, "total": amount_fen, "currency": "CNY"}
        call = lambda: self._sdk.refund(out_refund_no, amount, out_trade_no=out_trade_no, reason=reason)  # noqa: E731
        return _refund(self._call(call))

    def query_refund(self, out_refund_no: str) -> Refund:
        """Asks how a refund stands."""
        return _refund(self._call(lambda: self._sdk.query_refund(out_refund_no)))

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
