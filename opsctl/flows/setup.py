"""Set-up: state folder → each system's own set-up → its past figures into the store. Each step once, resumed after a crash."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import orjson

from opsctl.core.errors import OpsctlError
from opsctl.core.folder import write_whole
from opsctl.core.settings import Settings
from opsctl.flows.history import fill_history
from opsctl.model.inventory import Inventory


@dataclass(frozen=True)
class Progress:
    """What is being done; `done` of `total` where that is known."""

    what: str
    done: int = 0
    total: int = 0


OnProgress = Callable[[Progress], None]


def set_up(settings: Settings, systems: Iterable[Inventory], python: str, on_progress: OnProgress) -> tuple[str, ...]:
    """Makes all that `up` needs; what is done already is left alone. Returns what was done now."""
    settings.home_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    done: list[str] = []
    for system in systems:
        for command in system.setup:
            _run(command, settings, system, on_progress)
        days = max((d.history_days for d in system.databases if d.figures), default=0)
        if days and _fill(settings, system, python, days, on_progress):
            done.append(f"history of {system.system}")
    return tuple(done)


def _run(command: tuple[str, ...], settings: Settings, system: Inventory, on_progress: OnProgress) -> None:
    """Runs a system's set-up command, its lines passed on. Raises OpsctlError with its last line."""
    last = ""
    with subprocess.Popen(
        command, cwd=settings.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last = line.rstrip() or last
            on_progress(Progress(f"{system.system}: {last}"))
    if process.returncode:
        raise OpsctlError(f"set-up of {system.system} failed: {last}", "its command: " + " ".join(command))


def _fill(settings: Settings, system: Inventory, python: str, days: int, on_progress: OnProgress) -> bool:
    """The past figures, once. A fill that was interrupted is begun again in an empty store."""
    marker = settings.home_path / "setup" / f"history-{system.system}.json"
    state = orjson.loads(marker.read_bytes()) if marker.exists() else {}
    folder = settings.home_path / "metrics"
    if state.get("done") or settings.metrics.url:
        return False
    if folder.exists() and not state.get("begun"):
        return False  # the store has been in use without us: nothing may be written into its past
    shutil.rmtree(folder, ignore_errors=True)
    write_whole(marker, orjson.dumps({"begun": time.time()}))
    samples = fill_history(
        settings,
        python,
        days,
        time.time(),
        lambda name, at, total: on_progress(Progress(f"figures of {name}, {days} days", at, total)),
    )
    write_whole(marker, orjson.dumps({"begun": True, "done": time.time(), "samples": samples}))
    return True
