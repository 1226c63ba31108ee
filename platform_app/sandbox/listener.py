"""A listening port that can be closed and opened again while the process runs."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from platform_app.kit.config import host_port
from platform_app.kit.log import Log

log = Log("platform.sandbox.listener")


class Listener:
    """One address and the app that answers there. Closed, connections are refused, open ones are cut."""

    def __init__(self, name: str, address: str, build: Callable[[], web.Application]) -> None:
        self.name = name
        self.address = address
        self._build = build
        self._runner: web.AppRunner | None = None

    @property
    def is_open(self) -> bool:
        return self._runner is not None

    async def open(self) -> None:
        """Listens; harmless when it does already. Raises OSError when the port is taken."""
        if self._runner is not None:
            return
        runner = web.AppRunner(self._build(), access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
        await runner.setup()
        host, port = host_port(self.address)
        try:
            await web.TCPSite(runner, host, port, reuse_address=True).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        log.info("listener.opened", listener=self.name, address=self.address)

    async def close(self) -> None:
        """Listens no more; harmless when it does not."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
            log.info("listener.closed", listener=self.name, address=self.address)
