"""The way to the channels: the hosts that the configuration in force names, calls in a bounded pool of threads.

A host that failed several times in a row is left alone for a few seconds (purgatory's circuit breaker), so that
customers hear at once what they would have heard after the time-out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import MappingProxyType
from typing import Protocol, TypeVar

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState
from wechatpayv3 import WeChatPayType

from platform_app.kit.config import ConfigFolder, Payments
from platform_app.payments.alipay import AlipayChannel
from platform_app.payments.channel import Channel, ChannelError, ChannelRefused, ChannelUnreachable
from platform_app.payments.wechat import WeChatChannel

T = TypeVar("T")

BUILDERS: Mapping[str, Callable[[Payments], Channel]] = MappingProxyType(
    {
        "wechat_native": WeChatChannel,
        "wechat_jsapi": partial(WeChatChannel, kind=WeChatPayType.JSAPI),
        "wechat_h5": partial(WeChatChannel, kind=WeChatPayType.H5),
        "wechat_app": partial(WeChatChannel, kind=WeChatPayType.APP),
        "alipay_app": partial(AlipayChannel, kind="app"),
        "alipay_wap": partial(AlipayChannel, kind="wap"),
        "alipay_page": partial(AlipayChannel, kind="page"),
    }
)
"""Every channel that customers can choose, beside their wallet."""


def is_alipay(channel: str) -> bool:
    """Alipay knows a trade only once its customer has opened it."""
    return channel.startswith("alipay_")


class Meter(Protocol):
    """Counts calls: channel, host, result (ok | refused | a code), seconds."""

    def called(self, channel: str, gateway: str, result: str, seconds: float) -> None: ...


class Gateway:
    """Calls channels. Customers' calls and background checks have threads of their own."""

    def __init__(self, folder: ConfigFolder, meter: Meter) -> None:
        self._folder = folder
        self._meter = meter
        self._built: dict[str, tuple[Payments, Channel]] = {}
        self._front = ThreadPoolExecutor(8, "channel")
        self._back = ThreadPoolExecutor(3, "channel-check")
        self._breakers = AsyncCircuitBreakerFactory(exclude=[ChannelRefused, asyncio.CancelledError])

    def name(self, channel: str) -> str:
        """primary | standby: the host of a channel in use now."""
        config = self._folder.config.payments
        return config.alipay.gateway if is_alipay(channel) else config.gateway

    def channel(self, name: str) -> Channel:
        """The channel by the configuration in force; built anew after a change. Raises ChannelRefused."""
        config = self._folder.config.payments
        found = self._built.get(name)
        if found is None or found[0] != config:
            found = (config, BUILDERS[name](config))
            self._built[name] = found
        return found[1]

    async def call(self, name: str, work: Callable[[Channel], T], *, back: bool = False) -> T:
        """Runs `work(channel)` in a thread. Raises ChannelError; a queue that is too long counts as a time-out."""
        gateway, started, result = self.name(name), time.monotonic(), "ok"
        try:
            return await self._guarded(f"{name.partition('_')[0]} {gateway}", name, work, back)
        except ChannelError as error:
            result = "refused" if isinstance(error, ChannelRefused) else "failed"
            raise
        finally:
            self._meter.called(name, gateway, result, time.monotonic() - started)

    async def _guarded(self, circuit: str, name: str, work: Callable[[Channel], T], back: bool) -> T:
        config = self._folder.config.payments
        breaker = await self._breakers.get_breaker(circuit, config.breaker_failures, config.breaker_seconds)
        try:
            async with breaker:
                return await self._run(name, work, back)
        except OpenedState as error:
            raise ChannelUnreachable("circuit_open", f"{circuit} failed too often; not asked now") from error

    async def _run(self, name: str, work: Callable[[Channel], T], back: bool) -> T:
        channel = self.channel(name)
        limit = 2 * self._folder.config.payments.timeout_seconds + 0.5  # connect, read, and a little for the queue
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._back if back else self._front, work, channel)
        try:
            return await asyncio.wait_for(future, limit)
        except TimeoutError as error:
            raise ChannelUnreachable("timeout", f"no answer in {limit:.1f} s") from error

    async def close(self) -> None:
        for pool in (self._front, self._back):
            pool.shutdown(wait=False, cancel_futures=True)
