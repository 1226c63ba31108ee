"""`python -m platform_app.sandbox`: the third parties, in the foreground, until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys

from platform_app.kit.config import PlatformConfig
from platform_app.kit.process import open_folder
from platform_app.sandbox.world import build_world


async def run(config: PlatformConfig) -> None:
    """Serves until SIGTERM or SIGINT."""
    task = asyncio.ensure_future(build_world(config).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


def main() -> None:
    config = open_folder("sandbox").config
    try:
        asyncio.run(run(config))
    except OSError as error:
        print(f"sandbox: cannot listen: {error} (the keys of `sandbox:` move its addresses)", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
