"""Builds a member of a cluster from Alertmanager's flags."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opsctl.cluster.board import Board
from opsctl.cluster.peer import Peer, PeerOptions
from opsctl.core.clock import Clock
from opsctl.core.errors import UsageError
from opsctl.flows.sharing import Sharing
from opsctl.model.duration import parse_duration

Flags = Mapping[str, tuple[str, ...]]
"""`--cluster.NAME` → its values."""
_SETTLE_SECONDS = 2.5  # the API is asked before that; who answers later is caught up with later


@dataclass(frozen=True)
class Clustered:
    """A member: the board's two sides."""

    peer: Peer
    sharing: Sharing

    async def start(self) -> None:
        """Listens, and takes what the others know, if they answer soon."""
        await self.peer.start()
        await self.peer.settled()


def is_clustered(flags: Flags) -> bool:
    """Whether a cluster was asked for: by a peer, or by an address of our own to listen on."""
    return bool(flags.get("peer")) or bool(flags.get("listen-address", ("",))[-1])


def build_cluster(flags: Flags, retention: float, clock: Clock) -> Clustered:
    """Raises UsageError."""
    board = Board(flags.get("peer-name", flags.get("name", (secrets.token_hex(13).upper(),)))[-1])
    sharing = Sharing(board, clock, retention, _seconds(flags, "peer-timeout", 15.0))
    peer = Peer(_options(flags), board, sharing.take, clock)
    sharing.join(peer)
    return Clustered(peer, sharing)


def _options(flags: Flags) -> PeerOptions:
    listen = flags.get("listen-address", ("",))[-1] or "0.0.0.0:9094"
    return PeerOptions(
        listen=f"0.0.0.0{listen}" if listen.startswith(":") else listen,
        advertise=flags.get("advertise-address", ("",))[-1],
        peers=flags.get("peer", ()),
        label=flags.get("label", ("",))[-1],
        key=_key(flags.get("key-file", ("",))[-1]),
        probe_interval=max(0.05, _seconds(flags, "probe-interval", 1.0)),
        probe_timeout=max(0.05, _seconds(flags, "probe-timeout", 0.5)),
        reconnect_interval=_seconds(flags, "reconnect-interval", 10.0),
        reconnect_timeout=_seconds(flags, "reconnect-timeout", 6 * 3600.0),
        settle_timeout=min(_SETTLE_SECONDS, _seconds(flags, "settle-timeout", 60.0)),
    )


def _key(file: str) -> bytes:
    if not file:
        return b""
    try:
        return Path(file).read_bytes().strip()
    except OSError as error:
        raise UsageError(f"--cluster.key-file={file} cannot be read: {error.strerror}") from error


def _seconds(flags: Flags, name: str, otherwise: float) -> float:
    if name not in flags:
        return otherwise
    try:
        return parse_duration(flags[name][-1])
    except ValueError as error:
        raise UsageError(f"--cluster.{name}: {error}") from error
