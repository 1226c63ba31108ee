"""Alipay (app, wap, page) by python-alipay-sdk.

Source: Alipay open platform. The SDK has no public option for the host, so its gateway is set after construction.
Its `verify` changes what it is given and signs blank values too, so it is handed a copy without them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qsl

import orjson
from alipay import AliPay, AliPayConfig
from alipay.exceptions import AliPayException, AliPayValidationError

from platform_app.kit.config import Payments
from platform_app.kit.times import now
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
    RefundWish,
    Trade,
    TradeState,
)
from platform_app.payments.money import fen, moment, stamp, yuan

FRESH_SECONDS = 300
MOST_FIELDS = 100
PRODUCTS = {"app": "QUICK_MSECURITY_PAY", "wap": "QUICK_WAP_PAY", "page": "FAST_INSTANT_TRADE_PAY"}
TRADE_STATES: Mapping[str, TradeState] = {
    "WAIT_BUYER_PAY": "open",
    "TRADE_SUCCESS": "paid",
    "TRADE_FINISHED": "paid",
    "TRADE_CLOSED": "closed",
}


class AlipayChannel:
    """Alipay through the host that `config.alipay.gateway` names. Safe to use from several threads."""

    def __init__(self, config: Payments, kind: str) -> None:
        own = config.alipay
        if not own.app_id:
            raise ChannelRefused("not_configured", "payments.alipay is not configured")
        self._kind, self._config = kind, own
        self._sdk = AliPay(
            appid=own.app_id,
            app_notify_url=own.notify_url,
            app_private_key_string=Path(own.private_key_file).read_text(),
            alipay_public_key_string=Path(own.public_key_file).read_text(),
            sign_type="RSA2",
            config=AliPayConfig(timeout=config.timeout_seconds),
        )
        self._sdk._gateway = f"{own.hosts[own.gateway].rstrip('/')}/gateway.do"

    def prepay(self, order: Prepay) -> Opened:
        """Signs an order; Alipay hears of it only when the customer opens it."""
        content = {
            "out_trade_no": order.out_trade_no,
            "total_amount": yuan(order.amount_fen),
            "subject": order.description,
            "product_code": PRODUCTS[self._kind],
            "time_expire": stamp(order.expires_at),
        }
        more = {"return_url": self._config.return_url} if self._config.return_url and self._kind != "app" else {}
        text = self._sdk.client_api(f"alipay.trade.{self._kind}.pay", content, timestamp=stamp(now()), **more)
        if self._kind == "app":
            return Opened(client={"order_string": text})
        return Opened(client={"pay_url": f"{self._sdk._gateway}?{text}"})

    def query(self, out_trade_no: str) -> Trade:
        """Asks how a trade stands."""
        return _trade(self._call("alipay.trade.query", {"out_trade_no": out_trade_no}))

    def close(self, out_trade_no: str) -> None:
        """Closes an unpaid trade. ChannelRefused when it was paid meanwhile, or never opened (NO_TRADE)."""
        self._call("alipay.trade.close", {"out_trade_no": out_trade_no})

    def refund(self, wish: RefundWish) -> Refund:
        """Gives money of a trade back, at once. The same number again is the same refund."""
        content = {
            "out_trade_no": wish.out_trade_no,
            "refund_amount": yuan(wish.amount_fen),
            "out_request_no": wish.out_refund_no,
            "refund_reason": wish.reason or "退款",
        }
        raw = self._call("alipay.trade.refund", content)
        # fund_change N may be a repeat or a refund that is not through: the query tells
        state = "done" if raw.get("fund_change") == "Y" else "processing"
        return Refund(wish.out_refund_no, wish.out_trade_no, state, wish.amount_fen, raw)  # type: ignore[arg-type]

    def query_refund(self, out_refund_no: str, out_trade_no: str) -> Refund:
        """Asks how a refund stands; Alipay answers an unknown one without a status."""
        asked = {"out_trade_no": out_trade_no, "out_request_no": out_refund_no}
        raw = self._call("alipay.trade.fastpay.refund.query", asked)
        if "out_request_no" not in raw:
            raise ChannelRefused(NO_REFUND, out_refund_no)
        done = raw.get("refund_status", "REFUND_SUCCESS" if "refund_amount" in raw else "") == "REFUND_SUCCESS"
        try:
            amount = fen(str(raw["refund_amount"]))
        except (KeyError, ValueError) as error:
            raise ChannelUnreachable("bad_answer", f"not a refund: {error!r}") from error
        return Refund(out_refund_no, out_trade_no, "done" if done else "processing", amount, raw)

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: int) -> Notice:
        """Verifies a notification's raw form and reads it. Raises NoticeRefused."""
        given = _form(body)
        self._verify(given)
        try:
            sent = moment(given.get("notify_time", ""))
        except ValueError as error:
            raise NoticeRefused("notify_time missing or wrong") from error
        if abs(now - sent) > FRESH_SECONDS:
            raise NoticeRefused("not fresh")
        if given.get("app_id") != self._config.app_id or given.get("seller_id") != self._config.seller_id:
            raise NoticeRefused("for another application or seller")
        return _notice(given)

    def _verify(self, given: Mapping[str, str]) -> None:
        signed = {k: v for k, v in given.items() if v != "" and k != "sign"}
        if signed.get("sign_type") != "RSA2":
            raise NoticeRefused("sign_type is not RSA2")
        try:
            verified = self._sdk.verify(signed, given.get("sign", ""))
        except (ValueError, TypeError, AliPayException) as error:
            raise NoticeRefused(f"cannot be verified: {error}") from error
        if not verified:
            raise NoticeRefused("signature is wrong")

    def _call(self, method: str, content: Mapping[str, str]) -> dict[str, Any]:
        answer = self._ask(lambda: self._sdk.server_api(method, dict(content), timestamp=stamp(now())))
        code, sub = str(answer.get("code", "")), str(answer.get("sub_code", ""))
        if code == "10000":
            return answer
        raise _failure(code, sub, str(answer.get("sub_msg", "")))

    def _ask(self, call: Callable[[], Any]) -> dict[str, Any]:
        try:
            answer = call()
        except AliPayValidationError as error:
            raise ChannelUnreachable("bad_answer", "signature is wrong") from error
        except TimeoutError as error:
            raise ChannelUnreachable("timeout", str(error)) from error
        except URLError as error:
            code = "timeout" if isinstance(error.reason, TimeoutError) else "unreachable"
            raise ChannelUnreachable(code, str(error)) from error
        except OSError as error:
            raise ChannelUnreachable("unreachable", str(error)) from error
        except Exception as error:  # the SDK raises whatever a damaged answer makes it stumble over
            raise ChannelUnreachable("bad_answer", repr(error)[:200]) from error
        if not isinstance(answer, dict):
            raise ChannelUnreachable("bad_answer", "not an object")
        return answer


def _failure(code: str, sub: str, text: str) -> ChannelRefused | ChannelUnreachable:
    """20000, 20001 and system errors leave open whether they did it; the others are a no."""
    if code in ("20000", "20001") or sub.upper().endswith("SYSTEM_ERROR") or not code:
        return ChannelUnreachable(sub or code or "bad_answer", text)
    return ChannelRefused(NO_TRADE if sub == "ACQ.TRADE_NOT_EXIST" else sub or code, text)


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
            strict_parsing=True,
        )
    except ValueError as error:
        raise NoticeRefused("not a form") from error
    given = dict(pairs)
    if len(given) != len(pairs):
        raise NoticeRefused("a field twice")
    return given


def _trade(raw: Mapping[str, Any]) -> Trade:
    try:
        state = TRADE_STATES[str(raw["trade_status"])]
        if state == "closed" and raw.get("send_pay_date"):
            state = "refunded"  # paid, and all of it given back since
        return Trade(str(raw["out_trade_no"]), state, fen(str(raw["total_amount"])), raw.get("trade_no"), raw)
    except (KeyError, ValueError) as error:
        raise ChannelUnreachable("bad_answer", f"not a trade: {error!r}") from error


def _notice(given: Mapping[str, str]) -> Notice:
    own = given.get("notify_id", "")
    if not own:
        raise NoticeRefused("no notify_id")
    event_id = f"ali:{own}" if len(own) <= 64 else f"ali:{sha256(own.encode()).hexdigest()}"
    kind = given.get("trade_status", "")[:32]
    raw = orjson.loads(orjson.dumps(dict(given)))
    try:
        trade = _trade(raw)
    except ChannelUnreachable as error:
        raise NoticeRefused(str(error)) from error
    if given.get("gmt_refund"):
        return Notice(
            event_id, f"REFUND.{kind}"[:32], replace(trade, state="refunded"), ask=given.get("out_biz_no", "")
        )
    return Notice(event_id, kind, trade)
