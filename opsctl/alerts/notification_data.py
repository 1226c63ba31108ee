"""What a notification template sees of a batch. Source: alertmanager template.Data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.alerts.batch import Batch
from opsctl.gotemplate.errors import TemplateError
from opsctl.gotemplate.gojson import Struct
from opsctl.gotemplate.gotime import GoTime, rfc3339
from opsctl.gotemplate.text import go_text
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels

_REASONS = {
    "first": "first notification", "new alerts": "new alerts added", "some resolved": "some alerts resolved",
    "all resolved": "all alerts resolved", "repeat": "repeat interval elapsed",
}  # fmt: skip
_NONE: Mapping[str, str] = {}
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


class KV(Mapping[str, str]):
    """Labels or annotations, with the methods that templates call on them."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._pairs = dict(pairs)

    def __getitem__(self, name: str) -> str:
        return self._pairs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def pairs(self) -> Pairs:
        """By name, alertname first."""
        return Pairs(Pair(k, self._pairs[k]) for k in sorted(self._pairs, key=lambda k: (k != "alertname", k)))

    def remove(self, names: Any) -> KV:
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise TemplateError("wrong type for value; expected []string")
        return KV({k: v for k, v in self._pairs.items() if k not in names})

    def template_fields(self) -> Mapping[str, Callable[..., Any]]:
        return {
            "SortedPairs": self.pairs, "Remove": self.remove, "Names": lambda: self.pairs().names(),
            "Values": lambda: self.pairs().values(), "String": self.__go_text__,
        }  # fmt: skip

    def __go_text__(self) -> str:
        return self.pairs().__go_text__()


@dataclass(frozen=True)
class Pair:
    """One label or annotation."""

    name: str
    value: str

    def template_fields(self) -> Mapping[str, str]:
        return {"Name": self.name, "Value": self.value}

    def __go_text__(self) -> str:
        return f"{{{self.name} {self.value}}}"

    def __go_json__(self) -> Struct:
        return Struct(self.template_fields())


class Pairs(list[Pair]):
    """Labels or annotations in order."""

    def names(self) -> list[str]:
        return [p.name for p in self]

    def values(self) -> list[str]:
        return [p.value for p in self]

    def template_fields(self) -> Mapping[str, Callable[..., Any]]:
        return {"Names": self.names, "Values": self.values, "String": self.__go_text__}

    def __go_text__(self) -> str:
        return ", ".join(f"{p.name}={p.value}" for p in self)


class Alerts(list["ShownAlert"]):
    """The alerts of a notification."""

    def template_fields(self) -> Mapping[str, Callable[..., Any]]:
        return {
            "Firing": lambda: [a for a in self if a.fields["Status"] == "firing"],
            "Resolved": lambda: [a for a in self if a.fields["Status"] == "resolved"],
        }


class _Fields:
    """A Go struct: fields by name, printed in order; `json` is how it is written to JSON."""

    def __init__(self, json: Callable[[], dict[str, Any]], **fields: Any) -> None:
        self.fields = fields
        self._json = json

    def template_fields(self) -> Mapping[str, Any]:
        return self.fields

    def __go_text__(self) -> str:
        return "{" + " ".join(go_text(v) for v in self.fields.values()) + "}"

    def __go_json__(self) -> Struct:
        return Struct(self._json())


class ShownAlert(_Fields):
    """One alert."""


class Data(_Fields):
    """The whole: the dot of every notification template."""


def template_data(batch: Batch, most: int = 0, route_labels: Mapping[str, str] = _NONE) -> Data:
    """The data of a batch; of its alerts the first `most` (0: all), as if there were no others.

    `route_labels` are filled in already.
    """
    alerts = _first(batch, most)
    return Data(
        lambda: data_json(batch, most, route_labels),
        Receiver=_quoted(batch.receiver),
        Status=_status(alerts),
        Alerts=Alerts(_shown(a) for a in alerts),
        NotificationReason=_reason(batch),
        GroupLabels=KV(batch.group_labels),
        CommonLabels=KV(_common([a.labels for a in alerts])),
        CommonAnnotations=KV(_common([a.annotations for a in alerts])),
        RouteLabels=KV(route_labels),
        ExternalURL=batch.external_url,
    )


def data_json(batch: Batch, most: int = 0, route_labels: Mapping[str, str] = _NONE) -> dict[str, Any]:
    """The same as Go writes it to JSON, in plain types: keys in the order of Go's struct."""
    alerts = _first(batch, most)
    return {
        "receiver": _quoted(batch.receiver),
        "status": _status(alerts),
        "alerts": [_alert_json(a) for a in alerts],
        "notification_reason": _reason(batch),
        "groupLabels": batch.group_labels.plain,
        "commonLabels": _common([a.labels for a in alerts]),
        "commonAnnotations": _common([a.annotations for a in alerts]),
        "routeLabels": dict(sorted(route_labels.items())),
        "externalURL": batch.external_url,
    }


def _reason(batch: Batch) -> str:
    return _REASONS.get(batch.cause, "unknown")


def _first(batch: Batch, most: int) -> tuple[Alert, ...]:
    return batch.alerts[:most] if most else batch.alerts


def _quoted(receiver: str) -> str:
    """As a regular expression that matches it, which is how Alertmanager's own links filter by receiver."""
    return _SPECIAL.sub(lambda m: f"\\{m.group()}", receiver)


def _status(alerts: Sequence[Alert]) -> str:
    return "firing" if any(a.ends_at is None for a in alerts) else "resolved"


def _shown(alert: Alert) -> ShownAlert:
    return ShownAlert(
        lambda: _alert_json(alert),
        Status=_status((alert,)),
        Labels=KV(alert.labels),
        Annotations=KV(alert.annotations),
        StartsAt=GoTime.at(alert.starts_at),
        EndsAt=GoTime.at(alert.ends_at),
        GeneratorURL=alert.generator_url,
        Fingerprint=alert.fingerprint,
    )


def _alert_json(alert: Alert) -> dict[str, Any]:
    return {
        "status": "firing" if alert.ends_at is None else "resolved",
        "labels": alert.labels.plain,
        "annotations": alert.annotations.plain,
        "startsAt": rfc3339(alert.starts_at),
        "endsAt": rfc3339(alert.ends_at),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _common(sets: Sequence[Labels]) -> Mapping[str, str]:
    """What is the same in all."""
    first, *others = [s.plain for s in sets] or [{}]
    return {k: v for k, v in first.items() if all(s.get(k) == v for s in others)} if others else first
