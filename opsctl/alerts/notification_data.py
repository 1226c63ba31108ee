"""What a notification template sees of a batch. Source: alertmanager template.Data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.alerts.batch import Batch
from opsctl.gotemplate.errors import TemplateError
from opsctl.gotemplate.gojson import Struct
from opsctl.gotemplate.gotime import GoTime
from opsctl.model.alert import Alert

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
    """A Go struct: fields by name, printed in order, written to JSON by their JSON names."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def template_fields(self) -> Mapping[str, Any]:
        return self.fields

    def __go_text__(self) -> str:
        from_text = (v.__go_text__() if hasattr(v, "__go_text__") else str(v) for v in self.fields.values())
        return "{" + " ".join(from_text) + "}"

    def __go_json__(self) -> Struct:
        return Struct({_json_name(k): v for k, v in self.fields.items()})


def _json_name(name: str) -> str:
    return f"{name[0].lower()}{name[1:]}"


class ShownAlert(_Fields):
    """One alert."""


class Data(_Fields):
    """The whole: the dot of every notification template."""


def template_data(batch: Batch, most: int = 0) -> Data:
    """The data of a batch; of its alerts the first `most` (0: all), as if there were no others."""
    alerts = batch.alerts[:most] if most else batch.alerts
    firing = any(a.ends_at is None for a in alerts)
    return Data(
        Receiver=quoted(batch.receiver),
        Status="firing" if firing else "resolved",
        Alerts=Alerts(_shown(a) for a in alerts),
        GroupLabels=KV(batch.group_labels),
        CommonLabels=KV(common([a.labels for a in alerts])),
        CommonAnnotations=KV(common([a.annotations for a in alerts])),
        ExternalURL=batch.external_url,
    )


def quoted(name: str) -> str:
    """A receiver's name as Alertmanager shows it: fit for a regular expression."""
    return _SPECIAL.sub(lambda m: f"\\{m.group()}", name)


def _shown(alert: Alert) -> ShownAlert:
    return ShownAlert(
        Status="firing" if alert.ends_at is None else "resolved",
        Labels=KV(alert.labels),
        Annotations=KV(alert.annotations),
        StartsAt=GoTime.at(alert.starts_at),
        EndsAt=GoTime.at(alert.ends_at),
        GeneratorURL=alert.generator_url,
        Fingerprint=alert.fingerprint,
    )


def common(sets: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What is the same in all."""
    first = sets[0] if sets else {}
    return {k: v for k, v in first.items() if all(s.get(k) == v for s in sets)}
