"""A process of the platform: its configuration and log opened, its port bound, its ASGI app run."""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn

from platform_app.kit import log as logs
from platform_app.kit.config import ConfigError, ConfigFolder, host_port

log = logs.Log("platform.process")


def bind(name: str, address: str, key: str = "") -> socket.socket:
    """A bound TCP socket; when the port is taken: a clear log line naming the `key` that moves it, and exit code 1."""
    host, port = host_port(address)
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        log.error("listen.refused", address=address, error=str(error))
        print(
            f"{name}: cannot listen on {address}: {error.strerror} (moved by {key or f'services.{name}'})",
            file=sys.stderr,
        )
        sys.exit(1)
    sock.set_inheritable(True)
    return sock


def open_folder(name: str) -> ConfigFolder:
    """The configuration folder of PLATFORM_CONFIG, logging started; exit code 2 when it is wrong."""
    try:
        folder = ConfigFolder.from_environment()
    except ConfigError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    logs.configure(name, folder.config.logs.folder, folder.config.logs.level)
    return folder


def run(app: Any, sock: socket.socket) -> None:
    """Runs an ASGI app on a bound socket until SIGTERM; uvloop, httptools, one worker."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[sock])
