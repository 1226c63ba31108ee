"""Aliyun SMS: `SendSms` signed by ACS3, limits by phone number, and the phones that receive.

Source: Alibaba Cloud SMS, "SendSms" and its error codes (business errors come with HTTP 200).
"""

from __future__ import annotations

import json
import re
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from platform_app.sandbox.acs3 import Acs3Error, verify
from platform_app.sandbox.store import Store
from platform_app.sandbox.wall import Wall

PHONE = re.compile(r"1[3-9]\d{9}")
LIMITS = (("分钟", 60, 1), ("小时", 3600, 5), ("天", 86400, 10))  # Aliyun's defaults for codes
NONCE_SECONDS = 900


class SmsRefused(Exception):
    """Aliyun refuses to send: a code and its words, with HTTP 200."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Account:
    """What was registered with Aliyun: a key, a signature, and templates by code."""

    key_id: str
    secret: str
    sign_name: str
    templates: Mapping[str, str]


class SmsGateway:
    """Takes SendSms calls and puts the messages on phones."""

    def __init__(self, account: Account, store: Store, wall: Wall) -> None:
        self._account = account
        self._store = store
        self._wall = wall
        self._nonces: dict[str, float] = {}

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/", self._call)
        app.router.add_get("/api/phones/{number}/sms", self._phone)

    async def _call(self, request: web.Request) -> web.Response:
        body, now, number = await request.read(), time.time(), str(uuid.uuid4()).upper()
        try:
            self._verify(request, body, now)
            if request.headers.get("x-acs-action") != "SendSms":
                raise Acs3Error(404, "InvalidAction.NotFound", "Specified api is not found.")
            self._send(dict(request.query), now)
        except Acs3Error as error:
            shown = {"RequestId": number, "HostId": request.host, "Code": error.code, "Message": error.message}
            return web.json_response(shown, status=error.status)
        except SmsRefused as refused:
            return web.json_response({"RequestId": number, "Code": refused.code, "Message": refused.message})
        receipt = f"{secrets.randbelow(10**18):018d}^0"
        return web.json_response({"RequestId": number, "Code": "OK", "Message": "OK", "BizId": receipt})

    def _verify(self, request: web.Request, body: bytes, now: float) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        pairs = list(request.query.items())
        authorization = headers.get("authorization", "")
        verify(authorization, headers, pairs, body, self._account.key_id, self._account.secret, now)
        self._nonces = {n: at for n, at in self._nonces.items() if at > now - NONCE_SECONDS}
        nonce = headers["x-acs-signature-nonce"]
        if nonce in self._nonces:
            raise Acs3Error(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self._nonces[nonce] = now

    def _send(self, query: dict[str, str], now: float) -> None:
        text = self._text(query)
        phones = [p for p in query.get("PhoneNumbers", "").split(",") if p]
        if not phones or not all(PHONE.fullmatch(p) for p in phones):
            raise SmsRefused("isv.MOBILE_NUMBER_ILLEGAL", f"{query.get('PhoneNumbers', '')}invalid mobile number")
        for phone in phones:
            self._check_limits(phone, now)
        for phone in phones:
            self._store.run("INSERT INTO sms(phone, text, at) VALUES (?,?,?)", phone, text, now)
            self._wall.post(now, "sms", phone, text, raw=dict(query))
        self._store.run("DELETE FROM sms WHERE at < ?", now - 2 * 86400)

    def _text(self, query: dict[str, str]) -> str:
        if query.get("SignName") != self._account.sign_name:
            raise SmsRefused("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
        template = self._account.templates.get(query.get("TemplateCode", ""))
        if template is None:
            raise SmsRefused("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
        return f"【{self._account.sign_name}】{_fill(template, query.get('TemplateParam', '{}'))}"

    def _check_limits(self, phone: str, now: float) -> None:
        for name, seconds, permits in LIMITS:
            sql = "SELECT count(*) FROM sms WHERE phone = ? AND at > ?"
            row = self._store.row(sql, phone, now - seconds)
            if row is not None and row[0] >= permits:
                raise SmsRefused("isv.BUSINESS_LIMIT_CONTROL", f"触发{name}级流控Permits:{permits}")

    async def _phone(self, request: web.Request) -> web.Response:
        sql = "SELECT id, at, text FROM sms WHERE phone = ? ORDER BY id DESC LIMIT 50"
        rows = self._store.rows(sql, request.match_info["number"])
        return web.json_response({"messages": [dict(row) for row in rows]})


def _fill(template: str, parameters: str) -> str:
    try:
        values: Any = json.loads(parameters or "{}")
    except ValueError as error:
        raise SmsRefused("isv.INVALID_JSON_PARAM", "参数格式错误，请检查TemplateParam") from error
    missing = [n for n in re.findall(r"\$\{(\w+)\}", template) if not isinstance(values, dict) or n not in values]
    if missing:
        raise SmsRefused("isv.TEMPLATE_MISSING_PARAMETERS", f"模板变量缺少对应参数值: {missing[0]}")
    return re.sub(r"\$\{(\w+)\}", lambda m: str(values[m[1]]), template)
