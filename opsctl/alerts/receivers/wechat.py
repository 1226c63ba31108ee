"""Alertmanager's WeChat Work application message (企业微信应用消息).

A token for the application is fetched and kept; success only by errcode 0. Source: alertmanager notify/wechat and
https://developer.work.weixin.qq.com/document/path/90236
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

import orjson

from opsctl.alerts.batch import Batch
from opsctl.alerts.documents.wechat import WechatOf
from opsctl.alerts.notification_data import Data
from opsctl.alerts.notification_templates import Templates
from opsctl.alerts.receiver import (
    Channel,
    Courier,
    Outcome,
    Refused,
    Request,
    Response,
    RetryAfter,
    Sent,
    Unsendable,
    by_status,
    channel_name,
)
from opsctl.alerts.setting import Setting
from opsctl.core.http_settings import HttpSettings
from opsctl.gotemplate import TemplateError

_STALE = (40014, 42001)  # a token that is no token, or one that is over
_BUSY = (-1, 6000)
_TOO_FAST = 45009
_REST = 60.0
_TIMES_BUSY = 3


@dataclass
class _Token:
    """The token that is in use; '' until it is asked for, and after the server called it stale."""

    text: str = ""


@dataclass(frozen=True)
class WechatMessage:
    """A message without its token."""

    corp_id: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Wechat:
    """One application. `api_url` ends in a slash."""

    api_url: str
    api_secret: str
    corp_id: str
    agent_id: str
    to_user: str
    to_party: str
    to_tag: str
    message: str
    message_type: str
    templates: Templates
    http: HttpSettings
    root: str
    send_resolved: bool = False
    kind: str = "wechat"
    _token: _Token = field(default_factory=_Token, compare=False, repr=False)

    @property
    def channel(self) -> Channel:
        place = f"{self.api_url} {self.corp_id} {self.api_secret} {self.agent_id}"
        return Channel(name=channel_name("wechat", place), timeout=30.0, again=True)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[WechatMessage | Unsendable, ...]:
        try:
            return (self._message(batch, self.templates.data(batch)),)
        except TemplateError as error:
            return (Unsendable(error.message),)

    def _message(self, batch: Batch, data: Data) -> WechatMessage:
        def text(template: str) -> str:
            return self.templates.text(template, data, batch.now)

        kind = "markdown" if self.message_type == "markdown" else "text"
        whom = {"touser": text(self.to_user), "toparty": text(self.to_party), "totag": text(self.to_tag)}
        body = {
            kind: {"content": text(self.message)}, **{k: v for k, v in whom.items() if v},
            "agentid": text(self.agent_id), "safe": "0", "msgtype": kind,
        }  # fmt: skip
        return WechatMessage(text(self.corp_id), orjson.dumps(body))

    async def send(self, message: WechatMessage | Unsendable, courier: Courier) -> Outcome:
        """As Receiver: with a token that is called stale, once more with a new one."""
        if isinstance(message, Unsendable):
            return Refused(message.reason)
        known = bool(self._token.text)
        outcome, stale = await self._try(message, courier)
        if stale and known:
            outcome, stale = await self._try(message, courier)
        return outcome

    async def _try(self, message: WechatMessage, courier: Courier) -> tuple[Outcome, bool]:
        """One try, and whether it failed for its token."""
        if not self._token.text:
            problem = await self._fetch(message.corp_id, courier)
            if problem is not None:
                return problem, False
        url = f"{self.api_url}message/send?{urlencode({'access_token': self._token.text})}"
        answer = await courier.http(Request("POST", url, message.body, http=self.http, root=self.root))
        code, said = _read(answer)
        if code in _STALE:
            self._token.text = ""
            return RetryAfter(f"errcode {code}: {said}", 1.0), True
        return _outcome(answer, code, said), False

    async def _fetch(self, corp_id: str, courier: Courier) -> Outcome | None:
        """Gets a token; what went wrong, or None."""
        asked = urlencode({"corpsecret": self.api_secret, "corpid": corp_id})
        request = Request("GET", f"{self.api_url}gettoken?{asked}", headers={}, http=self.http, root=self.root)
        answer = await courier.http(request)
        code, said = _read(answer)
        token = _json(answer).get("access_token")
        if code == 0 and isinstance(token, str) and token:
            self._token.text = token
            return None
        found = _outcome(answer, code, said)
        return Refused(f"gettoken: no access_token for {corp_id}") if isinstance(found, Sent) else found


def _json(answer: Response) -> dict[str, object]:
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _read(answer: Response) -> tuple[int | None, str]:
    """errcode (None where there is none) and errmsg."""
    found = _json(answer)
    code = found.get("errcode")
    return (code if isinstance(code, int) else None), str(found.get("errmsg", ""))[:200]


def _outcome(answer: Response, code: int | None, said: str) -> Outcome:
    if code is None or answer.status != 200:
        found = by_status(answer)
        return RetryAfter("HTTP 200 without errcode") if isinstance(found, Sent) else found
    reason = f"errcode {code}: {said}"
    if code == 0:
        return Sent()
    if code == _TOO_FAST:
        return RetryAfter(reason, _REST, rest=True)
    return RetryAfter(reason, most=_TIMES_BUSY) if code in _BUSY else Refused(reason)


def build_wechat(made: WechatOf, setting: Setting) -> Wechat:
    """From its document, the rest from `global`. Raises DocumentError."""
    common = setting.common
    if made.message_type not in ("", "text", "markdown"):
        kind = made.message_type
        raise setting.refuse("message_type", f"message type {kind!r} does not match valid options (text|markdown)")
    corp_id = made.corp_id or common.wechat_api_corp_id
    if not corp_id:
        raise setting.refuse("corp_id", "no global Wechat CorpID set: give corp_id or global wechat_api_corp_id")
    return Wechat(
        api_url=(made.api_url or common.wechat_api_url).rstrip("/") + "/", api_secret=_secret(made, setting),
        corp_id=corp_id, agent_id=made.agent_id, to_user=made.to_user, to_party=made.to_party, to_tag=made.to_tag,
        message=made.message, message_type=made.message_type, templates=setting.templates,
        http=setting.http(made.http_config), root=str(setting.folder), send_resolved=made.send_resolved,
    )  # fmt: skip


def _secret(made: WechatOf, setting: Setting) -> str:
    if made.api_secret or made.api_secret_file:
        return setting("api_secret")
    common = setting.common
    if not (common.wechat_api_secret or common.wechat_api_secret_file):
        raise setting.refuse("api_secret", "no global Wechat ApiSecret set: give api_secret or wechat_api_secret")
    return common.wechat_api_secret or setting.content("api_secret", common.wechat_api_secret_file)
