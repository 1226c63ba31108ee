"""The way to the channel: the host that the configuration in force names, calls in a bounded pool of threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from platform_app.kit.config import ConfigFolder, Payments
from platform_app.payments.channel import Channel, ChannelUnreachable
from platform_app.payments.wechat import WeChatChannel

T = TypeVar("T")

BUILDERS: dict[str, Callable[[Payments], Channel]] = {"wechat_native": WeChatChannel}
"""Every channel that customers can choose."""


class Gateway:
    """Calls channels. Customers' calls and background checks have threads of their own."""

    def __init__(self, folder: ConfigFolder) -> None:
        self._folder = folder
        self._built: dict[str, tuple[Payments, Channel]] = {}
        self._front = ThreadPoolExecutor(8, "channel")
        self._back = ThreadPoolExecutor(3, "channel-check")

    @property
    def name(self) -> str:
        """primary | standby: the host in use now."""
        return self._folder.config.payments.gateway

    def channel(self, name: str) -> Channel:
        """The channel by the configuration in force; built anew after a change."""
        config = self._folder.config.payments
        found = self._built.get(name)
        if found is None or found[0] != config:
            found = (config, BUILDERS[name](config))
            self._built[name] = found
        return found[1]

    async def call(self, name: str, work: Callable[[Channel], T], *, back: bool = False) -> T:
        """Runs `work(channel)` in a thread. Raises ChannelError; a queue that is too long counts as a time-out."""
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
