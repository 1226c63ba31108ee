"""Deliveries seen from outside: retry one, test a receiver, add to a message what only the moment knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from opsctl.alerts.batch import Batch, LinkSet
from opsctl.alerts.delivery import BY_HAND, FAILED, PENDING, Delivery
from opsctl.alerts.flight import Dress
from opsctl.alerts.receiver import Addressed, Integration
from opsctl.alerts.receivers.oncall import OnCallReceiver
from opsctl.alerts.sender import Sender
from opsctl.alerts.shared import members_of
from opsctl.alerts.writer import Writer
from opsctl.core.clock import Clock
from opsctl.core.copied import copied
from opsctl.core.errors import Conflict, NotFound
from opsctl.flows.alerting import Alerting
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from opsctl.oncall.acks import Acks
from opsctl.oncall.links import Links


def nobody(_: float) -> tuple[str, ...]:
    """Who is on call where no schedule says."""
    return ()


def dresser(links: Links, acks: Acks, clock: Clock, on_call: Callable[[float], tuple[str, ...]] = nobody) -> Dress:
    """Puts into a batch, at the time of sending: links, who acknowledged, who is on call."""

    def dress(delivery: Delivery, integration: Integration) -> Batch:
        batch, kind, now = delivery.batch, integration.impl.kind, clock.now()
        if kind == "webhook":  # its body has no room for the rest
            return copied(batch, external_url=links.base, cause=delivery.cause)
        standing = ((a.fingerprint, acks.of(a, now)) for a in batch.firing)
        shared = link_set(links, delivery, kind, "")
        people = integration.impl.people if isinstance(integration.impl, Addressed) else ()
        return replace(
            batch,
            now=now,
            external_url=links.base,
            cause=delivery.cause,
            ack_url=shared.ack,
            silence_url=shared.silence,
            details_url=shared.details,
            personal=tuple((p, link_set(links, delivery, kind, p)) for p in people),
            acked=tuple((f, ack.who) for f, ack in standing if ack is not None),
            on_call=on_call(now),
        )

    return dress


def link_set(links: Links, delivery: Delivery, via: str, person: str) -> LinkSet:
    """The links of one message; nothing to press in a test, and no silence for a digest of many groups."""
    number, batch = delivery.id, delivery.batch
    return LinkSet(
        ack="" if batch.test else links.url("ack", number, via, person),
        silence="" if batch.test or batch.digest else links.url("silence", number, via, person),
        details=links.url("details", number, via, person),
    )


class Delivering:
    """What an operator does with deliveries and receivers."""

    def __init__(self, alerting: Alerting, sender: Sender, writer: Writer) -> None:
        self._alerting, self._sender, self._writer = alerting, sender, writer
        self._tests = 0

    async def retry(self, delivery: Delivery, now: float) -> Delivery:
        """Sends a failed delivery once more. Raises Conflict for any other."""
        if delivery.status != FAILED:
            raise Conflict(f"delivery {delivery.id} is {delivery.status}", "only a failed one can be tried again")
        if delivery.integration not in self._alerting.configuration.integrations:
            raise Conflict(f"its receiver {delivery.integration} is no longer configured", "opsctl receivers list")
        again = replace(delivery, status=PENDING, attempts=0, part=0, next_at=now, reason="", cause=BY_HAND)
        await self._writer.write(self._sender.requeue(again))
        return again

    async def test(self, name: str, now: float) -> list[int]:
        """A marked test message to each integration of a receiver. Raises NotFound, Conflict."""
        integrations = self._alerting.configuration.receivers.get(name)
        if integrations is None:
            raise NotFound(f"no receiver {name!r}", "opsctl receivers list")
        numbers = []
        for each in integrations:
            if each.impl.kind in ("heartbeat", "oncall"):
                continue
            self._tests += 1
            number, written = self._alerting.test(each, _test_batch(name, f"test:{each.key}:{now}:{self._tests}", now))
            await written
            numbers.append(number)
        if not numbers:
            vias = [v for i in integrations if isinstance(i.impl, OnCallReceiver) for v in i.impl.via]
            hint = f"it pages by others: opsctl receivers test {vias[0]}" if vias else "opsctl receivers list"
            raise Conflict(f"receiver {name!r} takes no messages of its own", hint)
        return numbers

    def receivers(self, now: float) -> list[dict[str, Any]]:
        """Each receiver with its integrations and how many deliveries are on their way."""
        waiting: dict[str, int] = {}
        for delivery in self._sender.open():
            waiting[delivery.integration] = waiting.get(delivery.integration, 0) + 1
        return [
            {
                "name": name,
                "integrations": [
                    {
                        "key": i.key, "kind": i.impl.kind, "channel": i.impl.channel.name,
                        "sendResolved": i.impl.send_resolved, "ratePerMinute": i.impl.channel.rate or None,
                        "robots": len(members_of(i.impl)), "standby": i.standby,
                        "pending": waiting.get(i.key, 0), "restSeconds": round(self._sender.resting(i, now), 1),
                    }
                    for i in integrations
                ],
            }
            for name, integrations in self._alerting.configuration.receivers.items()
        ]  # fmt: skip


def _test_batch(receiver: str, key: str, now: float) -> Batch:
    labels = Labels({"alertname": "TestMessage", "severity": "info", "service": "opsctl"})
    annotations = Labels({
        "summary": "这是一条测试消息，无需处理 / This is a test message, nothing to do",
        "description": "由 opsctl receivers test 发出 / sent by opsctl receivers test",
    })  # fmt: skip
    alert = Alert(labels=labels, annotations=annotations, starts_at=now, updated_at=now)
    return Batch(receiver=receiver, group_key=key, group_labels=labels, alerts=(alert,), now=now, test=True)
