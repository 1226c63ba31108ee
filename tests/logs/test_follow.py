"""Rotation, truncation and copying lose nothing and double nothing."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from opsctl.core.errors import Unreachable
from opsctl.logs.query import Query
from opsctl.logs.ship import LogShipper
from opsctl.logs.store import Page, StoreStats
from opsctl.model.logline import LogLine

NOW = 1_764_000_000.0


class MemoryStore:
    """A LogStore that remembers lines by id, and each time one came; it can be away."""

    def __init__(self) -> None:
        self.lines: dict[str, LogLine] = {}
        self.away = False

    def append(self, lines: Sequence[LogLine]) -> None:
        if self.away:
            raise Unreachable("away")
        self.lines |= {line.id: line for line in lines}

    def search(self, query: Query, since: float, until: float, limit: int) -> Page:
        return Page(tuple(self.lines.values()), len(self.lines))

    def delete_before(self, at: float) -> tuple[str, ...]:
        return ()

    def stats(self) -> StoreStats:
        return StoreStats(len(self.lines), 0, ())

    def close(self) -> None: ...

    @property
    def messages(self) -> list[str]:
        return sorted(line.message for line in self.lines.values())


def _size(line: LogLine) -> int:
    return len(json.dumps({"@timestamp": "2026-11-22T12:00:00Z", "message": line.message})) + 1


class Rig:
    """A log file, a store and a shipper that can be started again."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "logs" / "orders.json.log"
        self.file.parent.mkdir()
        self.state = folder / "state"
        self.state.mkdir()
        self.store = MemoryStore()
        self.written: list[str] = []
        self.restart()

    def restart(self) -> None:
        self.shipper = LogShipper([str(self.file), str(self.file.parent / "*.json.log")], self.store, self.state)

    def write(self, count: int, file: Path | None = None) -> None:
        with (file or self.file).open("a") as out:
            for _ in range(count):
                message = f"line {len(self.written):06d}"
                self.written.append(message)
                out.write(json.dumps({"@timestamp": "2026-11-22T12:00:00Z", "message": message}) + "\n")

    def ship(self) -> None:
        for _ in range(20):
            if not self.shipper.step(NOW).more:
                return

    def check(self) -> None:
        self.ship()
        assert self.store.messages == self.written


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_follows_and_goes_on_after_a_restart(rig: Rig) -> None:
    rig.write(5)
    rig.check()
    rig.restart()
    rig.write(5)
    rig.check()
    assert rig.shipper.step(NOW).lines == 0


def test_half_a_line_waits_for_its_end(rig: Rig) -> None:
    rig.write(2)
    with rig.file.open("a") as out:
        out.write('{"@timestamp": "2026-11-22T12:00:00Z", ')
    rig.ship()
    assert len(rig.store.lines) == 2
    with rig.file.open("a") as out:
        out.write('"message": "whole"}\n')
    rig.ship()
    assert rig.store.messages == ["line 000000", "line 000001", "whole"]


@pytest.mark.parametrize("restarted", [False, True])
def test_rotation_by_renaming(rig: Rig, restarted: bool) -> None:
    rig.write(10)
    rig.ship()
    rig.write(10)
    for turn in range(3):  # three rotations while nobody looked
        for number in range(turn, 0, -1):
            rig.file.with_name(f"{rig.file.name}.{number}").rename(rig.file.with_name(f"{rig.file.name}.{number + 1}"))
        rig.file.rename(rig.file.with_name(f"{rig.file.name}.1"))
        rig.write(10)
    if restarted:
        rig.restart()
    rig.check()


def test_truncation_in_place(rig: Rig) -> None:
    rig.write(10)
    rig.ship()
    os.truncate(rig.file, 0)
    rig.write(3)
    rig.check()
    rig.write(30)
    rig.check()


def test_copytruncate(rig: Rig) -> None:
    rig.write(10)
    rig.ship()
    rig.write(5)
    copy = rig.file.with_name(f"{rig.file.name}.1")
    shutil.copy(rig.file, copy)
    rig.check()  # between the copy and the truncation
    os.truncate(rig.file, 0)
    rig.check()
    rig.write(5)
    rig.check()


def test_copytruncate_while_nobody_looked(rig: Rig) -> None:
    rig.write(10)
    rig.ship()
    rig.write(5)
    shutil.copy(rig.file, rig.file.with_name(f"{rig.file.name}.1"))
    os.truncate(rig.file, 0)
    rig.write(5)
    rig.restart()
    rig.check()


@pytest.mark.parametrize("copied_before", [0.0, 10.0])
def test_a_copy_made_while_we_read_ahead(rig: Rig, copied_before: float) -> None:
    rig.write(10)
    copy = rig.file.with_name(f"{rig.file.name}.1")
    shutil.copy(rig.file, copy)
    rig.write(5)
    changed = rig.file.stat().st_mtime - copied_before
    os.utime(copy, (changed, changed))
    rig.check()
    os.truncate(rig.file, 0)
    rig.write(2)
    rig.check()


def test_compressed_and_other_files_are_left_alone(rig: Rig) -> None:
    rig.write(3)
    for name in ("orders.json.log.1.gz", "orders.json.log.bak", "notes.txt"):
        (rig.file.parent / name).write_text("not ours\n")
    rig.check()


def test_a_store_that_is_away_stops_nothing_for_good(rig: Rig) -> None:
    rig.write(5)
    rig.store.away = True
    with pytest.raises(Unreachable):
        rig.shipper.step(NOW)
    rig.restart()
    rig.store.away = False
    rig.check()


def test_bad_lines_are_counted_and_kept(rig: Rig) -> None:
    with rig.file.open("wb") as out:
        out.write(b'{"@timestamp": "2026-11-22T12:00:00Z", "message": "good"}\n')
        out.write(b"Traceback (most recent call last):\n\n\xff\xfe broken\r\n[1,2]\n")
        out.write(b'{"message": "no time"}\n{"@timestamp": "tomorrow"}\n')
    result = rig.shipper.step(NOW)
    assert (result.lines, result.bad) == (6, 5)
    by_time = {line.message: line.at for line in rig.store.lines.values()}
    assert set(by_time.values()) == {by_time["good"]}  # a line of text has the time of the line before it
    assert "Traceback (most recent call last):" in by_time


def test_a_line_longer_than_a_chunk_is_kept_in_parts(rig: Rig) -> None:
    rig.write(1)
    with rig.file.open("a") as out:
        out.write("x" * 2_500_000 + "\n")
    rig.write(1)
    rig.ship()
    assert rig.written[0] in rig.store.messages
    assert rig.written[1] in rig.store.messages
    assert len(rig.store.lines) == 5


def test_the_end_of_a_rotated_file_that_was_never_ended(rig: Rig) -> None:
    rig.write(1)
    with rig.file.open("a") as out:
        out.write("the last words")
    old = rig.file.with_name(f"{rig.file.name}.1")
    rig.file.rename(old)
    os.utime(old, (NOW - 120, NOW - 120))
    rig.ship()
    assert rig.store.messages == ["line 000000", "the last words"]


def test_lag_is_what_is_not_stored_yet(rig: Rig) -> None:
    rig.write(20_000)
    first = rig.shipper.step(NOW)
    assert first.lag == rig.file.stat().st_size - sum(_size(line) for line in rig.store.lines.values())
    rig.check()
    assert rig.shipper.step(NOW).lag == 0


def test_a_step_over_many_quiet_files_is_quick(rig: Rig) -> None:
    for number in range(60):
        rig.write(3, rig.file.with_name(f"s{number}.json.log"))
    rig.check()
    began = time.perf_counter()
    rig.shipper.step(NOW)
    assert time.perf_counter() - began < 0.5
