"""A platform to be measured: a home of its own, seeded by `platform_app.setup`, its services as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine

from platform_app.kit.config import PlatformConfig, host_port
from platform_app.kit.db import sync_engine
from tests.platform_app.sandbox.homes import TEMPLATE, make_home
from tests.servers import answers, started

DAYS = 120
"""Bookings may lie so far ahead, so that there are enough free half hours for every measurement."""


@dataclass(frozen=True)
class Stand:
    """Its configuration, a blocking engine on its database, its processes by name."""

    config: PlatformConfig
    engine: Engine
    processes: dict[str, psutil.Process]

    def port(self, service: str) -> int:
        return host_port(self.config.edge.listen if service == "edge" else self.config.services[service])[1]


@contextmanager
def stand(home: Path, database_url: str, services: dict[str, str]) -> Iterator[Stand]:
    """Sets up an empty database and runs `services` (name → Python module) until the block ends."""
    folder = make_home(
        home,
        database_url=database_url or f"sqlite:///{home}/booking/platform.db",
        edge={"rate_limit_per_minute": 0, "user_rate_limit_per_minute": 0},
        orders={"max_days_ahead": DAYS},
    )
    setup = [sys.executable, "-m", "platform_app.setup", "--config-folder", folder.path, "--from", TEMPLATE]
    subprocess.run([*map(str, setup), "--home", str(home)], check=True, stdout=subprocess.DEVNULL)
    environment = {**os.environ, "PLATFORM_CONFIG": str(folder.path)}
    running = Stand(folder.config, sync_engine(folder.config.database_url), {})
    with ExitStack() as stack:
        stack.callback(running.engine.dispose)
        for name, module in services.items():
            port = running.port(name)
            command = [sys.executable, "-m", module]
            process = stack.enter_context(
                started(command, lambda p=port: answers(p), home / f"{name}.out", env=environment)  # type: ignore[misc]
            )
            running.processes[name] = psutil.Process(process.pid)
        yield running
