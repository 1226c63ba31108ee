"""Digests: when more waits than a robot may send, one message names it all. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from opsctl.alerts.batch import Batch, sort_alerts
from opsctl.alerts.delivery import Delivery, Place, absorb, idle
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels

_ALONG = 60  # so many of lower severity travel with an urgent digest: its page has room for them


def gather(
    head: Delivery, waiting: Sequence[Delivery], room: int, fits: Callable[[Delivery], bool]
) -> tuple[Delivery, ...]:
    """What goes into one digest with the next delivery, `head` included; nothing when there is room for each alone.

    `waiting`: all that is due; `room`: messages that may go at once; `fits`: may share a message with the head.
    """
    if not _alone(head) or not fits(head):
        return ()
    free = [d for d in waiting if _alone(d) and fits(d)]
    same = [d for d in free if d.urgent == head.urgent]
    if len(same) <= max(1, room):
        return ()
    along = [d for d in free if head.urgent and not d.urgent]
    return tuple(sorted((*same, *along[:_ALONG]), key=lambda d: d.id))


def _alone(delivery: Delivery) -> bool:
    return idle(delivery) and not delivery.batch.test


def unite(number: int, head: Delivery, members: Sequence[Delivery], now: float) -> Delivery:
    """The digest of some deliveries: each alert once, as it was told last."""
    per_place: dict[Place, list[Delivery]] = {}
    for member in members:
        per_place.setdefault(member.place, []).append(member)
    told = [reduce(absorb, each).batch for each in per_place.values()]
    batch = Batch(
        receiver=head.batch.receiver, group_key=f"digest/{number}", group_labels=_common(told), alerts=_latest(told),
        now=now, digest=True, flapping=tuple({f: n for b in told for f, n in b.flapping}.items()),
        note=next((b.note for b in told if b.note), ""),
    )  # fmt: skip
    return Delivery(
        id=number, created_at=now, channel=head.channel, integration=head.integration, batch=batch,
        cause=f"digest of {len(members)}", possibly_repeated=any(m.possibly_repeated for m in members),
    )  # fmt: skip


def _latest(batches: Sequence[Batch]) -> tuple[Alert, ...]:
    found: dict[str, Alert] = {}
    for alert in (a for b in batches for a in b.alerts):
        before = found.get(alert.fingerprint)
        if before is None or before.updated_at <= alert.updated_at:
            found[alert.fingerprint] = alert
    return sort_alerts(tuple(found.values()))


def _common(batches: Sequence[Batch]) -> Labels:
    first, *rest = batches
    return Labels({k: v for k, v in first.group_labels.items() if all(b.group_labels.get(k) == v for b in rest)})
