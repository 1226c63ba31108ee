"""Sharing: what one member decides, all know. Every room's changes go onto the board, and come from it.

Shared are silences, the notification log, who is about to tell what, acknowledgements, overrides, ladders and the times
at which robots were called. Of two versions the later counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from opsctl.alerts import state
from opsctl.alerts.dedup import Entry, NotificationLog
from opsctl.alerts.others import Place
from opsctl.alerts.sender import Sender
from opsctl.alerts.silence import Silence, Silences
from opsctl.alerts.writer import Statement
from opsctl.cluster.board import Board, Record
from opsctl.cluster.peer import Peer
from opsctl.core.clock import Clock
from opsctl.core.log import Log
from opsctl.flows.escalating import Escalating
from opsctl.oncall.acks import Acks
from opsctl.oncall.overrides import Overrides

LOG = Log("opsctl.flows.sharing")
_INTENT_SECONDS = 3600.0
_CALL_SECONDS = 120.0
_LADDER_SECONDS = 7 * 86_400.0
_POLL_SECONDS = 0.05


class Sharing:
    """One board for all rooms; the pipeline's Others. `peer_timeout`: what each member leaves to the one before it."""

    def __init__(self, board: Board, clock: Clock, retention: float, peer_timeout: float) -> None:
        self._board, self._clock = board, clock
        self._retention, self._peer_timeout = retention, peer_timeout
        self._peer: Peer | None = None
        self._takers: Mapping[str, Callable[[Record], Sequence[Statement]]] = {}
        self._write: Callable[[list[Statement]], None] = lambda _: None
        self._early: list[Record] = []
        self._loop = asyncio.get_running_loop()

    def join(self, peer: Peer) -> None:
        """The member by which the board is shared."""
        self._peer = peer

    def connect(
        self, silences: Silences, log: NotificationLog, sender: Sender, acks: Acks, overrides: Overrides,
        escalating: Escalating, write: Callable[[list[Statement]], None],
    ) -> None:  # fmt: skip
        """The rooms that share. What has come before they were there is taken now; what they know goes onto the board."""
        self._write = write
        self._takers = {
            "silence": lambda r: _silence(silences, r),
            "told": lambda r: self._told_elsewhere(log, r),
            "queued": lambda _: (),
            "ack": lambda r: _done(acks.merge, r.key, r.at, r.data),
            "override": lambda r: _done(overrides.merge, r.key, r.at, r.data),
            "ladder": lambda r: escalating.merge(_place(r.key), r.data),
            "called": lambda r: _done(sender.called_elsewhere, str(r.data), r.at),
        }
        self._load(silences, log, acks, overrides, escalating)
        early, self._early = self._early, []
        self.take(early)
        acks.changed, overrides.changed, escalating.changed = self.acked, self.overridden, self.climbed

    def _load(
        self, silences: Silences, log: NotificationLog, acks: Acks, overrides: Overrides, escalating: Escalating
    ) -> None:  # fmt: skip
        me, now = self._board.me, self._clock.now()
        known = [
            *(self._silence_record(s, me) for s in silences.all()),
            *(self._told_record(place, entry, me) for place, entry in log.all()),
            *(Record("ack", key, at, "", now + self._retention, data) for key, at, data in acks.records()),
            *(Record("override", key, at, "", now + self._retention, data) for key, at, data in overrides.records()),
            *(
                Record("ladder", _key(place), at, "", at + _LADDER_SECONDS, data)
                for place, at, data in escalating.records()
            ),
        ]
        for record in known:
            self._board.load(record)

    # -- what comes in
    def take(self, records: Iterable[Record]) -> None:
        """Gives each record to its room; what they change is written down together."""
        if not self._takers:
            self._early += records
            return
        statements: list[Statement] = []
        for record in records:
            taker = self._takers.get(record.kind)
            try:
                statements += taker(record) if taker is not None else ()
            except (KeyError, TypeError, ValueError) as error:
                LOG.warning("cluster.bad_record", kind=record.kind, key=record.key, reason=str(error))
        if statements:
            self._write(statements)

    def _told_elsewhere(self, log: NotificationLog, record: Record) -> list[Statement]:
        place, entry = _place(record.key), _entry(record.data, record.at)
        log.record(place, entry)
        return [state.put_told(place, entry, record.until)]

    # -- what goes out
    def _from_thread(self, record: Record) -> None:
        self._loop.call_soon_threadsafe(self._out, record)

    def _out(self, record: Record) -> None:
        self._board.write(record.kind, record.key, record.data, record.at, record.until)
        if self._peer is not None:
            self._peer.told()

    def _silence_record(self, silence: Silence, by: str) -> Record:
        data, until = state.silence_json(silence), silence.ends_at + self._retention
        return Record("silence", silence.id, silence.updated_at, by, until, data)

    def _told_record(self, place: Place, entry: Entry, by: str) -> Record:
        return Record("told", _key(place), entry.at, by, entry.at + self._retention, _entry_json(entry))

    def silenced(self, silences: Iterable[Silence]) -> None:
        """As Others."""
        for silence in silences:
            self._out(self._silence_record(silence, self._board.me))

    def told(self, place: Place, entry: Entry) -> None:
        """As Others."""
        self._out(self._told_record(place, entry, self._board.me))

    def queued(self, place: Place, entry: Entry, now: float) -> None:
        """As Others."""
        data = _entry_json(entry)
        self._out(Record("queued", _key(place), now, self._board.me, now + _INTENT_SECONDS, data))

    def called(self, channel: str, at: float) -> None:
        """As Others."""
        self._out(Record("called", f"{channel} {at!r}", at, self._board.me, at + _CALL_SECONDS, channel))

    def acked(self, fingerprint: str, at: float, data: Any) -> None:
        """An acknowledgement was given or has ended (`data` None)."""
        self._from_thread(Record("ack", fingerprint, at, self._board.me, at + self._retention, data))

    def overridden(self, number: str, at: float, data: Any) -> None:
        """Somebody takes over a duty."""
        self._from_thread(Record("override", number, at, self._board.me, at + self._retention, data))

    def climbed(self, place: Place, at: float, data: Any) -> None:
        """A ladder has begun, climbed or ended."""
        self._out(Record("ladder", _key(place), at, self._board.me, at + _LADDER_SECONDS, data))

    # -- what the pipeline asks
    def wait(self) -> float:
        """As Others: `peer_timeout` for each member that goes before us. Source: alertmanager notify.WaitStage."""
        return self._peer.members.position(self._clock.now()) * self._peer_timeout if self._peer is not None else 0.0

    async def catch_up(self) -> None:
        """As Others."""
        while self._peer is not None and not self._peer.fresh():
            await asyncio.sleep(_POLL_SECONDS)

    def intends(self, place: Place) -> Entry | None:
        """As Others: not our own, not of one that is silent, not what has been told since."""
        key = _key(place)
        found, told = self._board.get("queued", key), self._board.get("told", key)
        if self._peer is None or found is None or found.by == self._board.me:
            return None
        if told is not None and told.at >= found.at:
            return None
        return _entry(found.data, float("inf")) if self._peer.members.here(found.by, self._clock.now()) else None


def _silence(silences: Silences, record: Record) -> list[Statement]:
    changed = silences.merge(state.silence_of(record.data))
    return [state.put_silences(changed)] if changed else []


def _done(take: Callable[..., None], *given: Any) -> tuple[Statement, ...]:
    """For rooms that write by themselves."""
    take(*given)
    return ()


def _entry_json(entry: Entry) -> dict[str, list[str]]:
    return {"firing": sorted(entry.firing), "resolved": sorted(entry.resolved)}


def _entry(data: Mapping[str, Any], at: float) -> Entry:
    return Entry(frozenset(data["firing"]), frozenset(data["resolved"]), at)


def _key(place: Place) -> str:
    return orjson.dumps(place).decode()


def _place(key: str) -> Place:
    group, integration = orjson.loads(key)
    return str(group), str(integration)
