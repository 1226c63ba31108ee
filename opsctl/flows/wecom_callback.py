"""What WeCom calls back when somebody presses a button of a card: acknowledge or silence, then the card says so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from opsctl.alerts.receiver import Outcome, Sent
from opsctl.alerts.receivers.wecom_app import WeComApp
from opsctl.alerts.sender import Sender
from opsctl.alerts.transport import call_with
from opsctl.alerts.wecom_crypto import CallbackCrypto
from opsctl.core.clock import local
from opsctl.core.errors import NotFound, UsageError
from opsctl.core.log import Log
from opsctl.flows.acknowledging import Acknowledging, Opened
from opsctl.flows.alerting import Alerting
from opsctl.flows.link_silencing import SECONDS, LinkSilencing

LOG = Log("opsctl.flows.wecom_callback")
_TASK = re.compile(r"opsctl-(\d{1,18})-\d+-\d+@")
_UPDATE_SECONDS = 4.0  # WeCom waits five for our answer
_FIELD = "<{0}>(?:<!\\[CDATA\\[(.*?)\\]\\]>|([^<]*))</{0}>"


class WeComCallback:
    """Callbacks of every app in alertmanager.yml that has a token and a key."""

    def __init__(
        self, alerting: Alerting, acknowledging: Acknowledging, silencing: LinkSilencing, sender: Sender
    ) -> None:
        self._alerting, self._acknowledging = alerting, acknowledging
        self._silencing, self._sender = silencing, sender

    def echo(self, corp: str, agent: str, query: Mapping[str, str], now: float) -> bytes:
        """WeCom checks the address: what it sent, decrypted. Raises NotFound, Forbidden."""
        app = self._app(corp, agent)
        return _crypto(app).open(*_signed(query), query.get("echostr", ""), now)

    async def pressed(self, corp: str, agent: str, query: Mapping[str, str], body: bytes, now: float) -> str:
        """Somebody has pressed a button; returns what his card says now. Raises NotFound, Forbidden, UsageError."""
        app = self._app(corp, agent)
        encrypted = _field(body.decode("utf-8", "replace"), "Encrypt")
        event = _crypto(app).open(*_signed(query), encrypted, now).decode("utf-8", "replace")
        if _field(event, "Event") != "template_card_event":
            return ""
        user, task = _field(event, "FromUserName"), _TASK.match(_field(event, "TaskId"))
        if task is None:
            raise UsageError("not a card of ours")
        words = await self._act(app, int(task[1]), _field(event, "EventKey"), user, now)
        outcome, _ = await call_with(_UPDATE_SECONDS, self._update(app, user, _field(event, "ResponseCode"), words))
        if not isinstance(outcome, Sent):
            LOG.warning("wecom.card_not_updated", user=user, reason=outcome.reason)
        return words

    async def _update(self, app: WeComApp, user: str, code: str, words: str) -> Outcome:
        return await app.update_card(user, code, words, self._sender.courier)

    async def _act(self, app: WeComApp, delivery: int, button: str, user: str, now: float) -> str:
        opened = await asyncio.to_thread(self._acknowledging.opened, delivery, app.kind, user, now)
        who = self._acknowledging.owner(user).name
        if button == "ack":
            return await asyncio.to_thread(self._acknowledge, opened, who, now)
        if button == "silence":
            return await self._silence(opened, who, now)
        raise UsageError(f"no button {button[:40]!r}")

    def _acknowledge(self, opened: Opened, who: str, now: float) -> str:
        if opened.open:
            self._acknowledging.give(opened.open, who, opened.via, "", now)
            return f"{who} 已认领"
        firing = [s for s in opened.seen if s.firing and s.ack is not None]
        return f"{firing[0].ack.who} 已认领" if firing and firing[0].ack else "已恢复，无需认领"

    async def _silence(self, opened: Opened, who: str, now: float) -> str:
        written = self._silencing.give(opened, who, now)
        if written is None:
            given = self._silencing.plan(opened, now).given
            return f"{given[0].created_by} 已静默" if given else "已恢复，无需静默"
        await written
        return f"{who} 已静默至 {local(now + SECONDS, '%H:%M')}"

    def _app(self, corp: str, agent: str) -> WeComApp:
        for each in self._alerting.configuration.integrations.values():
            app = each.impl
            if isinstance(app, WeComApp) and app.callback_token and (app.corp_id, str(app.agent_id)) == (corp, agent):
                return app
        raise NotFound("no such WeCom app with a callback")


def _crypto(app: WeComApp) -> CallbackCrypto:
    return CallbackCrypto(app.callback_token, app.callback_aes_key, app.corp_id)


def _signed(query: Mapping[str, str]) -> tuple[str, str, str]:
    return query.get("msg_signature", ""), query.get("timestamp", ""), query.get("nonce", "")


def _field(xml: str, name: str) -> str:
    """One element of WeCom's flat XML; read by hand, since a parser would expand entities of a stranger's body."""
    found = re.search(_FIELD.format(name), xml, re.DOTALL)
    return (found[1] if found[1] is not None else found[2]).strip() if found else ""
