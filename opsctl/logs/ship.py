"""Ships log files into a store: each line once, whatever is killed in between."""

from __future__ import annotations

import dataclasses
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from opsctl.core.errors import StateError
from opsctl.core.folder import write_whole
from opsctl.logs.follow import Found, Position, advance, claim, looking, read
from opsctl.logs.line import read_line
from opsctl.logs.store import LogStore
from opsctl.model.logline import LogLine

_CHUNK = 1 << 20
_BATCH = 8 << 20
_FORGET_SECONDS = 86_400.0
_ABANDONED_SECONDS = 60.0
_FORMAT = 1


@dataclass(frozen=True)
class ShipResult:
    """One step. `lag` is what is still to be read, in bytes; `more`: step again at once."""

    lines: int
    bad: int
    files: int
    lag: int

    @property
    def more(self) -> bool:
        return self.lines > 0 and self.lag > 0


class LogShipper:
    """Follows `files` (globs) into `store`; positions lie in `state_folder`/positions.json.

    A line's id is its content's key and its offset. The key is on disk before the first line is stored, the
    offset after the lines are: a step that dies in between is done again with the same ids.
    """

    def __init__(self, files: Iterable[str], store: LogStore, state_folder: Path) -> None:
        self._patterns = tuple(files)
        self._store = store
        self._file = state_folder / "positions.json"
        self._positions = _load(self._file)

    def step(self, now: float) -> ShipResult:
        """Ships what is new, at most 8 MiB. Raises what the store raises, and then nothing has moved."""
        with looking(self._patterns) as files:
            claimed = claim(files, self._positions, now, lambda: secrets.token_hex(6))
            self._begin(claimed)
            return self._ship(claimed, now)

    def _ship(self, claimed: list[tuple[Found, Position]], now: float) -> ShipResult:
        moved: dict[str, Position] = {}
        lines: list[LogLine] = []
        bad = size = 0
        for file, position in claimed:
            content = _read(file, position, now) if size < _BATCH else b""
            if content:
                read_lines, broken, last_at = _lines(content, position)
                lines += read_lines
                bad += broken
                size += len(content)
                moved[position.key] = advance(position, file, content, last_at)
        if moved:
            self._store.append(lines)
            self._save(tuple(moved.get(p.key, p) for p in self._positions), now)
        lag = sum(max(0, f.size - moved.get(p.key, p).offset) for f, p in claimed)
        return ShipResult(len(lines), bad, len(claimed), lag)

    def _begin(self, claimed: list[tuple[Found, Position]]) -> None:
        """Takes over what `claim` said; new keys are on disk before anything is stored under them."""
        known = {p.key for p in self._positions}
        here = {p.key: p for _, p in claimed}
        absent = tuple(p for p in self._positions if p.key not in here)
        self._positions = (*absent, *here.values())
        if any(key not in known for key in here):
            _write(self._file, self._positions)

    def _save(self, positions: tuple[Position, ...], now: float) -> None:
        self._positions = tuple(p for p in positions if now - p.seen < _FORGET_SECONDS)
        _write(self._file, self._positions)


def _read(file: Found, position: Position, now: float) -> bytes:
    content = read(file, position.offset, _CHUNK)
    if not content and not file.live and now - file.modified > _ABANDONED_SECONDS:
        return os.pread(file.handle, _CHUNK, position.offset)  # a rotated file whose last line was never ended
    return content


def _lines(content: bytes, position: Position) -> tuple[list[LogLine], int, float]:
    """The lines of a piece of a file, how many were bad, and the time of the last good one."""
    made: list[LogLine] = []
    bad, at, last_at = 0, position.offset, position.last_at
    for raw in _split(content):
        text = raw.strip()
        if text:
            line, good = read_line(text, f"{position.key}-{at:012d}", last_at)
            made.append(line)
            bad += not good
            last_at = line.at if good else last_at
        at += len(raw)
    return made, bad, last_at


def _split(content: bytes) -> list[bytes]:
    return [part + b"\n" for part in content.split(b"\n")[:-1]] + [p for p in content.split(b"\n")[-1:] if p]


def _load(file: Path) -> tuple[Position, ...]:
    if not file.exists():
        return ()
    try:
        found = orjson.loads(file.read_bytes())
        if found["format"] > _FORMAT:
            raise StateError(
                f"{file} has format {found['format']}, this opsctl knows up to {_FORMAT}", "use the newer opsctl"
            )
        return tuple(Position(**each) for each in found["positions"])
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{file} is damaged: {error}", "remove it: all files are then shipped again, once more"
        ) from error


def _write(file: Path, positions: tuple[Position, ...]) -> None:
    write_whole(file, orjson.dumps({"format": _FORMAT, "positions": [dataclasses.asdict(p) for p in positions]}))
