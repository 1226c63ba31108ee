"""WeChat Pay for settlement, by the wechatpayv3 SDK in public-key mode: bills and transfers to providers.

Source: WeChat Pay API v3, "申请交易账单", "商家转账" (/v3/fund-app/mch-transfer/transfer-bills).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import requests
from wechatpayv3 import WeChatPay, WeChatPayType

from platform_app.kit.config import PlatformConfig, secret
from platform_app.settlement import wechat_bill
from platform_app.settlement.bills import Bill
from platform_app.settlement.channel import ChannelRefused, ChannelSilent, Transfer, TransferState

NO_BILL = "NO_STATEMENT_EXIST"
STATES: Mapping[str, TransferState] = {"SUCCESS": "paid", "FAIL": "failed", "CANCELLED": "failed"}
SCENE_REPORT = [
    {"info_type": "岗位类型", "info_content": "家政服务者"},
    {"info_type": "报酬说明", "info_content": "服务收入"},
]


class WeChat:
    """WeChat's bills and transfers through the host in force. Safe to use from several threads."""

    channel = "wechat"

    def __init__(self, config: PlatformConfig) -> None:
        pay, own = config.payments, config.settlement
        self._scene = own.transfer_scene_id
        self._sdk = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=pay.mchid,
            appid=pay.appid,
            private_key=Path(pay.private_key_file).read_text(),
            cert_serial_no=pay.cert_serial,
            apiv3_key=secret(pay.apiv3_key_file),
            public_key=Path(pay.public_key_file).read_text(),
            public_key_id=pay.public_key_id,
            timeout=(pay.timeout_seconds, own.bill_timeout_seconds),
        )
        self._sdk._core._gate_way = pay.hosts[pay.gateway].rstrip("/")

    def bill(self, day: str) -> Bill:
        """A day's trade bill; a day without any trade has an empty one."""
        try:
            answer = self._call(lambda: self._sdk.trade_bill(bill_date=day))
        except ChannelRefused as refused:
            if refused.code == NO_BILL:
                return Bill(self.channel, day, ())
            raise
        try:
            url, sha1 = str(answer["download_url"]), str(answer["hash_value"])
        except KeyError as error:
            raise ChannelSilent("bad_answer", f"no {error}") from error
        data = self._raw(lambda: self._sdk.download_bill(url))
        return wechat_bill.parse(wechat_bill.unpack(data, sha1), day, self.channel)

    def send(self, no: str, openid: str, amount_fen: int) -> Transfer:
        """Sends money to a provider; the same number again is the same transfer."""
        call = lambda: self._sdk.mch_transfer_bills(  # noqa: E731
            out_bill_no=no,
            transfer_scene_id=self._scene,
            openid=openid,
            transfer_amount=amount_fen,
            transfer_remark="服务收入提现",
            transfer_scene_report_infos=SCENE_REPORT,
        )
        return _transfer({"transfer_amount": amount_fen, **self._call(call)})

    def ask(self, no: str) -> Transfer:
        """How a transfer stands. ChannelRefused NOT_FOUND: they never got it."""
        return _transfer(self._call(lambda: self._sdk.mch_transfer_bills_query(out_bill_no=no)))

    def _call(self, call: Callable[[], tuple[int, Any]]) -> dict[str, Any]:
        return _parsed(self._raw(call))

    def _raw(self, call: Callable[[], tuple[int, Any]]) -> bytes:
        try:
            status, content = call()
        except requests.RequestException as error:
            raise ChannelSilent("unreachable", str(error)) from error
        except Exception as error:  # the SDK raises bare Exception when an answer's signature is wrong
            raise ChannelSilent("bad_answer", str(error)) from error
        data = content.encode() if isinstance(content, str) else bytes(content)
        if 200 <= status < 300:
            return data
        answer = _parsed(data) if data[:1] == b"{" else {}
        code, text = str(answer.get("code", f"http_{status}")), str(answer.get("message", ""))
        if status >= 500 or status == 429:
            raise ChannelSilent(code, text)
        raise ChannelRefused(code, text)


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(data)
    except ValueError as error:
        raise ChannelSilent("bad_answer", "not JSON") from error
    if not isinstance(answer, dict):
        raise ChannelSilent("bad_answer", "not an object")
    return answer


def _transfer(raw: Mapping[str, Any]) -> Transfer:
    try:
        state = STATES.get(str(raw["state"]), "open")
        return Transfer(str(raw["out_bill_no"]), state, int(raw["transfer_amount"]), str(raw.get("fail_reason", "")))
    except (KeyError, TypeError, ValueError) as error:
        raise ChannelSilent("bad_answer", f"not a transfer: {error!r}") from error
