"""The faults that somebody outside can switch on and off: the third parties' bad days."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

HELP: Mapping[str, str] = MappingProxyType(
    {
        "wechat_primary_down": "the primary WeChat host refuses connections",
        "wechat_standby_down": "the standby WeChat host refuses connections",
        "wechat_slow": "WeChat answers after `seconds` (default 5); `host`: primary | standby | both (default)",
        "wechat_errors": "WeChat answers 500 SYSTEM_ERROR for `ratio` of calls (default 1); `host` as above",
        "wechat_bills_down": "WeChat has no bill to give: 500 SYSTEM_ERROR",
        "wechat_bills_damaged": "WeChat's bills arrive cut in half",
        "wechat_transfers_fail": "WeChat's transfers to people end as FAIL",
        "callbacks_lost": "WeChat's notifications never arrive",
        "alipay_primary_down": "the primary Alipay host refuses connections",
        "alipay_standby_down": "the standby Alipay host refuses connections",
        "alipay_slow": "Alipay answers after `seconds` (default 5); `host`: primary | standby | both (default)",
        "alipay_errors": "Alipay answers 20000 aop.ACQ.SYSTEM_ERROR for `ratio` of calls (default 1); `host` as above",
        "alipay_forged": "Alipay's answers and notifications are signed by another key",
        "alipay_callbacks_lost": "Alipay's notifications never arrive",
        "alipay_callbacks_late": "Alipay's notifications arrive `seconds` late (default 5)",
        "alipay_callbacks_repeated": "each of Alipay's notifications arrives `times` times (default 3)",
        "alipay_callbacks_reordered": "Alipay's notifications arrive in random order",
        "robots_errcode": "chat robots answer `errcode` (default -1); `channel`: dingtalk | wecom | both (default)",
    }
)

Listener = Callable[["Fault"], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """One fault: whether it is on, since when, and its parameters."""

    name: str
    on: bool = False
    since: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def number(self, key: str, default: float) -> float:
        """The parameter `key` as a number."""
        return float(self.parameters.get(key, default))

    def meets(self, key: str, value: str) -> bool:
        """True when the fault is on and its parameter `key` names `value`, `both` or nothing."""
        return self.on and self.parameters.get(key, "both") in (value, "both")

    def as_dict(self) -> dict[str, Any]:
        since = {"since": self.since} if self.on else {}
        return {"name": self.name, "on": self.on, **since, "parameters": dict(self.parameters), "help": HELP[self.name]}


class Faults:
    """All faults; none is on at start, so that a restart of the sandbox heals every one of them."""

    def __init__(self) -> None:
        self._faults = {name: Fault(name) for name in HELP}
        self._listeners: dict[str, Listener] = {}

    def __getitem__(self, name: str) -> Fault:
        return self._faults[name]

    def __contains__(self, name: str) -> bool:
        return name in self._faults

    def all(self) -> list[Fault]:
        return list(self._faults.values())

    def on_change(self, name: str, listener: Listener) -> None:
        """Calls `listener` with the fault's new state each time that it is switched."""
        self._listeners[name] = listener

    async def put(self, name: str, on: bool, parameters: Mapping[str, Any], now: float) -> Fault:
        """Switches a fault; when this returns, it has taken effect."""
        before = self._faults[name]
        since = before.since if before.on else now
        fault = Fault(name, on, since, MappingProxyType(dict(parameters))) if on else Fault(name)
        self._faults[name] = fault
        if name in self._listeners:
            await self._listeners[name](fault)
        return fault
