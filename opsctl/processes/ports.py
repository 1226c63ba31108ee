"""Ports: is each free, and who has it. Source: the socket table, by psutil."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from opsctl.core.errors import PortTaken
from opsctl.core.settings import host_port


@dataclass(frozen=True)
class Holder:
    """Who listens on a port; pid 0 when the system does not tell."""

    address: str
    pid: int
    name: str


def taken(addresses: Iterable[str]) -> tuple[Holder, ...]:
    """Those of `HOST:PORT` that cannot be bound now, each with its holder."""
    return tuple(_holder(a) for a in addresses if not _free(a))


def _free(address: str) -> bool:
    host, port = host_port(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _holder(address: str) -> Holder:
    _, port = host_port(address)
    for connection in psutil.net_connections("inet"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
            return Holder(address, connection.pid, psutil.Process(connection.pid).name())
    return Holder(address, 0, "")


def demand_free(wanted: dict[str, str]) -> None:
    """Raises PortTaken naming the first taken address, who has it, and the setting that moves it.

    wanted: address → setting, e.g. `127.0.0.1:8400` → `listen.ops in opsctl.yml`.
    """
    for holder in taken(wanted):
        who = f"by {holder.name} (pid {holder.pid})" if holder.pid else "by another process"
        raise PortTaken(f"{holder.address} is taken {who}", f"move ours with {wanted[holder.address]}")
