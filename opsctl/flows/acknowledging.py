"""Acknowledging: who opens a link or types a command takes on the alerts that it is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsctl.alerts.batch import Batch
from opsctl.alerts.history import History
from opsctl.core.errors import Conflict, NotFound
from opsctl.flows.alerting import Alerting
from opsctl.model.alert import Alert
from opsctl.model.person import Person
from opsctl.oncall.acks import Ack
from opsctl.oncall.links import Links
from opsctl.oncall.roster import OnCall

VIA = {
    "dingtalk": "钉钉群", "wecom": "企业微信群", "wecom_app": "企业微信", "feishu": "飞书群", "aliyun_sms": "短信",
    "webhook": "webhook", "email": "邮件", "wechat": "企业微信",
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What a link's page shows: one alert as it is now, and who has taken it on."""

    alert: Alert
    firing: bool
    ack: Ack | None


@dataclass(frozen=True)
class Opened:
    """A link that was opened: what was sent, what became of it, and by which channel. `person`: see Link."""

    batch: Batch
    seen: tuple[Seen, ...]
    via: str
    now: float
    delivery: int = 0
    person: str = ""

    @property
    def open(self) -> tuple[str, ...]:
        """Fingerprints that still fire and that nobody has taken on."""
        return tuple(s.alert.fingerprint for s in self.seen if s.firing and s.ack is None)


class Acknowledging:
    """Links and names on one side, alerts and acknowledgements on the other."""

    def __init__(self, alerting: Alerting, history: History, links: Links, oncall: OnCall) -> None:
        self.links, self.oncall = links, oncall
        self._alerting, self._history = alerting, history

    def alert(self, fingerprint: str) -> Alert:
        """Raises NotFound."""
        found = self._alerting.alerts.get(fingerprint)
        if found is None:
            raise NotFound(f"no alert {fingerprint}", "opsctl alerts list")
        return found

    def standing(self, now: float) -> list[Ack]:
        """The acknowledgements in force."""
        found = (self._alerting.alerts.get(a.fingerprint) for a in self._alerting.acks.standing())
        acks = (self._alerting.acks.of(a, now) for a in found if a is not None)
        return [a for a in acks if a is not None]

    def give(self, fingerprints: Iterable[str], who: str, via: str, comment: str, now: float) -> list[Ack]:
        """Acknowledges firing alerts. Raises NotFound, or Conflict when one no longer fires."""
        wanted = list(fingerprints)
        for fingerprint in wanted:
            if self.alert(fingerprint).resolved(now):
                raise Conflict(f"alert {fingerprint} has resolved", "there is nothing to acknowledge")
        return self._alerting.acks.give(wanted, who, via, comment, now, self.oncall.ack_timeout)

    def open(self, token: str, now: float) -> Opened:
        """What a signed link is about. Raises Forbidden, NotFound."""
        link = self.links.read(token)
        return self.opened(link.delivery, link.via, link.person, now)

    def opened(self, delivery: int, via: str, person: str, now: float) -> Opened:
        """What a message was about, for whom it was sent to. Raises NotFound."""
        told = self._history.told(delivery)
        seen = tuple(self._seen(a, now) for a in told.batch.alerts)
        return Opened(told.batch, seen, VIA.get(via, via), now, told.id, person)

    def owner(self, recipient: str) -> Person:
        """Whose a personal link is, by the id that its channel knows him by; who is not in oncall.yml goes by it."""
        for person in self.oncall.people:
            if recipient in (person.mobile, person.wecom, person.dingtalk, person.id):
                return person
        shown = f"{recipient[:3]}****{recipient[-4:]}" if recipient.isdigit() and len(recipient) > 7 else recipient
        return Person(id=recipient, name=shown)

    def _seen(self, told: Alert, now: float) -> Seen:
        live = self._alerting.alerts.get(told.fingerprint)
        if live is None or live.starts_at > told.starts_at + 1:  # gone, or it has come back since: not what was told
            return Seen(told, False, None)
        return Seen(live, not live.resolved(now), self._alerting.acks.of(live, now))

    def person(self, chosen: str, typed: str) -> Person | None:
        """Who one says to be: somebody of oncall.yml, or a typed name where nobody is listed."""
        known = self.oncall.person(chosen)
        if known is not None or self.oncall.people:
            return known
        return Person(id=typed, name=typed) if 0 < len(typed) <= 40 else None
