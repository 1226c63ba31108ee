"""What the measurements share: quantiles, rows, a free port, how busy the machine was."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(q * (len(ordered) - 1)))]


def row(*cells: object) -> None:
    """One row of a Markdown table."""
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def head(*cells: str) -> None:
    row(*cells)
    row(*["---"] * len(cells))


def load() -> None:
    """One line: how many ran or waited to run before the measurement began, beside the number of cores."""
    one, five, _ = os.getloadavg()
    print(f"{os.cpu_count()} cores; load before: {one:.1f} (1 min), {five:.1f} (5 min)\n", flush=True)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
