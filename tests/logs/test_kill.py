"""kill -9 of the shipper at random moments, while files are written and rotated: each line is stored once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opsctl.logs.query import Everything
from opsctl.logs.ship import LogShipper
from opsctl.logs.tantivy_store import TantivyStore

SHIP = """
import sys, time
from pathlib import Path
from opsctl.logs.ship import LogShipper
from opsctl.logs.tantivy_store import TantivyStore
folder = Path(sys.argv[1])
shipper = LogShipper([str(folder / "orders.json.log")], TantivyStore(folder / "store"), folder)
print("ready", flush=True)
while True:
    shipper.step(time.time())
    time.sleep(0.002)
"""


class Writer:
    """Writes numbered lines, rotating by renaming and by copying."""

    def __init__(self, folder: Path, source: random.Random) -> None:
        self.file = folder / "orders.json.log"
        self.source = source
        self.count = 0

    def write(self) -> None:
        with self.file.open("a") as out:
            for _ in range(self.source.randrange(1, 200)):
                line = {"@timestamp": "2026-11-22T12:00:00Z", "message": f"line {self.count}", "n": self.count}
                out.write(json.dumps(line) + "\n")
                self.count += 1
        if self.source.random() < 0.2:
            self._rotate()

    def _rotate(self) -> None:
        kept = sorted(self.file.parent.glob("orders.json.log.*"), key=lambda p: int(p.suffix[1:]), reverse=True)
        for path in kept:
            path.rename(self.file.with_name(f"{self.file.name}.{int(path.suffix[1:]) + 1}"))
        self.file.rename(self.file.with_name(f"{self.file.name}.1"))


@pytest.mark.campaign
def test_kill_9_neither_loses_nor_doubles(tmp_path: Path, rounds: int, seed: int) -> None:
    source = random.Random(seed)
    writer = Writer(tmp_path, source)
    for _ in range(rounds):
        child = subprocess.Popen([sys.executable, "-c", SHIP, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        end = time.monotonic() + source.uniform(0.05, 0.8)
        while time.monotonic() < end:
            writer.write()
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    _check(tmp_path, writer.count)


def _check(folder: Path, count: int) -> None:
    store = TantivyStore(folder / "store")
    shipper = LogShipper([str(folder / "orders.json.log")], store, folder)
    while shipper.step(time.time()).more:
        pass
    page = store.search(Everything(), 0, 1e11, count + 10)
    assert sorted(int(str(line.fields["n"])) for line in page.lines) == list(range(count))
    assert page.total == count
    store.close()
