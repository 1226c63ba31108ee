"""Alertmanager's flags that are not parameters of ours: taken for the cluster, taken for their names' sake, refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsctl.core.document import nearest
from opsctl.core.errors import UsageError

_CLUSTER = frozenset({
    "listen-address", "advertise-address", "peer", "peer-timeout", "peer-name", "peers-resolve-timeout", "name",
    "gossip-interval", "pushpull-interval", "tcp-timeout", "probe-timeout", "probe-interval", "settle-timeout",
    "reconnect-interval", "reconnect-timeout", "tls-config", "label", "key-file",
})  # fmt: skip
_SWITCHES = frozenset({
    "cluster.allow-insecure-public-advertise-address-discovery", "log.silences", "web.systemd-socket",
})  # fmt: skip
_TAKEN = frozenset({"auto-gomemlimit.ratio", "dispatch.maintenance-interval", "web.ui-path"})
_REFUSED = {
    "web.systemd-socket": "it listens by itself: --web.listen-address",
    "alerts.per-alertname-limit": "no number of alerts is too many",
    "cluster.tls-config": "members speak plain HTTP: put them in one private network",
}


def other_flags(arguments: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The cluster's flags by name without `cluster.`, each with all its values. Raises UsageError for any other."""
    found: dict[str, list[str]] = {}
    rest = list(arguments)
    while rest:
        flag, is_set, value = rest.pop(0).partition("=")
        name = flag.removeprefix("--").removeprefix("no-")
        if not flag.startswith("--"):
            raise UsageError(f"unexpected {flag}", "flags are written --name=value or --name value")
        if name not in _SWITCHES and not is_set:
            if not rest:
                raise UsageError(f"{flag} needs a value")
            value = rest.pop(0)
        _check(name, flag, value if is_set or name not in _SWITCHES else flag)
        if name.startswith("cluster."):
            found.setdefault(name.removeprefix("cluster."), []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _check(name: str, flag: str, value: str) -> None:
    if name in _REFUSED:
        if value not in ("", "0") and not flag.startswith("--no-"):
            raise UsageError(f"{flag} is a flag of Alertmanager that opsctl does not have", _REFUSED[name])
        return
    known = {*(f"cluster.{each}" for each in _CLUSTER), *_SWITCHES, *_TAKEN}
    if name not in known:
        raise UsageError(f"unknown long flag '{flag}'", nearest(name, sorted(known)))
