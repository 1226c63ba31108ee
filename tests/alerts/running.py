"""A running alerting process for tests: the real command, on a free port, with a state folder of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

_READY = re.compile(r'Listening on.*address(?:=|":")([^\s"]+)')


class Running:
    """`opsctl alertmanager` as a process."""

    def __init__(self, folder: Path, config: str, *flags: str) -> None:
        self.folder, self.flags = folder, flags
        self.file = folder / "alertmanager.yml"
        self.write(config)
        self.lines: list[str] = []
        self.start()

    def write(self, config: str) -> None:
        self.file.write_text(config, encoding="utf-8")

    def start(self) -> None:
        """Starts it and waits for the line that names its address."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPSCTL")}
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "opsctl", "alertmanager", f"--config.file={self.file}",
                "--storage.path", str(self.folder / "state"), "--web.listen-address=127.0.0.1:0", *self.flags,
            ],
            stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert self.process.stderr is not None
        self.url = ""
        for line in self.process.stderr:
            self.lines.append(line)
            found = _READY.search(line)
            if found:
                self.url = f"http://{found[1]}"
                break
        threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True).start()
        assert self.url, "".join(self.lines)

    def _read(self, stream: Any) -> None:
        for line in stream:
            self.lines.append(line)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(20)

    def get(self, path: str, **params: Any) -> Any:
        answer = requests.get(f"{self.url}{path}", params=params, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body, timeout=10)

    def delete(self, path: str) -> requests.Response:
        return requests.delete(f"{self.url}{path}", timeout=10)

    def fire(self, *label_sets: dict[str, str], **more: Any) -> None:
        """Posts alerts; `ends` resolves them."""
        answer = self.post("/api/v2/alerts", [alert(s, **more) for s in label_sets])
        assert answer.status_code == 200, answer.text

    def metric(self, name: str) -> float:
        text = requests.get(f"{self.url}/metrics", timeout=10).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        assert found, f"{name} is not in /metrics"
        return float(found[1])


def alert(labels: dict[str, str], ends: float | None = None, starts: float | None = None, **annotations: str) -> Any:
    made: dict[str, Any] = {"labels": labels, "annotations": annotations}
    if starts is not None:
        made["startsAt"] = stamp(starts)
    if ends is not None:
        made["endsAt"] = stamp(ends)
    return made


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


async def until(true: Callable[[], Any], seconds: float = 10.0, what: str = "") -> Any:
    """Waits until something is true; returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds:g} s: {what}")
