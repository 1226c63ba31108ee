"""Start-up: `opsctl --help`, beside a bare Python; and until the drop-ins answer ready."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench.figures import free_port, head, quantile, row

_RUNS = 11


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _ready(command: list[str], url: str) -> float:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - began < 20:
            try:
                with urllib.request.urlopen(url, timeout=1) as answer:
                    if answer.status == 200:
                        return time.perf_counter() - began
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.01)
        raise RuntimeError(f"{command} was not ready in 20 s")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def run() -> None:
    head("what", "p50", "max", "limit")
    base = [_seconds([sys.executable, "-c", "pass"]) for _ in range(_RUNS)]
    row("python -c pass", f"{quantile(base, 0.5):.3f} s", f"{max(base):.3f} s", "")
    shown = [_seconds([sys.executable, "-m", "opsctl", "--help"]) for _ in range(_RUNS)]
    row("opsctl --help", f"{quantile(shown, 0.5):.3f} s", f"{max(shown):.3f} s", "0.4 s")
    with tempfile.TemporaryDirectory() as folder:
        for name, config, flags in (
            ("prometheus", "scrape_configs: []\n", "--storage.tsdb.path"),
            ("alertmanager", "route: {receiver: a}\nreceivers: [{name: a}]\n", "--storage.path"),
        ):
            file = Path(folder) / f"{name}.yml"
            file.write_text(config)
            times = []
            for number in range(5):
                port = free_port()
                command = [
                    sys.executable, "-m", "opsctl", name, f"--config.file={file}", f"{flags}={folder}/{name}{number}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ]  # fmt: skip
                times.append(_ready(command, f"http://127.0.0.1:{port}/-/ready"))
            row(f"opsctl {name} until ready", f"{quantile(times, 0.5):.2f} s", f"{max(times):.2f} s", "1.5 s")
