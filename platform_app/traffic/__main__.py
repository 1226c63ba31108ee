"""`python -m platform_app.traffic`: customers and providers, in the foreground, until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys

from platform_app.kit.config import ConfigFolder
from platform_app.kit.process import open_folder
from platform_app.traffic.town import Town


async def run(folder: ConfigFolder) -> None:
    """Plays until SIGTERM or SIGINT."""
    task = asyncio.ensure_future(Town(folder).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


def main() -> None:
    folder = open_folder("traffic")
    try:
        asyncio.run(run(folder))
    except OSError as error:
        print(f"traffic: cannot listen: {error} (moved by traffic.listen)", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
