"""The whole product in a folder of its own, on free ports, through the commands that a user types."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.core.errors import OpsctlError
from opsctl.core.supervisor import Supervisor
from tests.servers import http_ok, wait_for

ROOT = Path(__file__).resolve().parents[2]
_PORT = re.compile(r"(?<=127\.0\.0\.1:)(8080|84\d\d|8501|86\d\d)\b|(?<=port: )(86\d\d)\b")
_PORTS = {"ops": 8400, "metrics": 8401, "alerting": 8402}
_COPIED = ("opsctl.yml", "deploy/local", "alert_rules", "runbooks")


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@dataclass(frozen=True)
class Stack:
    """A copy of the documents with ports of its own; `port(8400)` is where this copy has what 8400 has."""

    folder: Path
    ports: dict[str, int]

    @property
    def home(self) -> Path:
        return self.folder / "var"

    def port(self, usual: int) -> int:
        return self.ports[str(usual)]

    def url(self, usual: int) -> str:
        return f"http://127.0.0.1:{self.port(usual)}"

    def opsctl(self, *args: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Runs `opsctl …` in this copy, as a user would."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPSCTL_")}
        command = [sys.executable, "-m", "opsctl", *args]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=timeout
        )

    def as_role(self, role: str) -> dict[str, str]:
        """The headers of a caller with this role."""
        return {"Authorization": f"Bearer {(self.home / 'tokens' / role).read_text().strip()}"}

    def pid(self, process: str) -> int:
        """The process' id now; 0 while it does not run."""
        with suppress(OpsctlError):
            state = Supervisor(self.home / "run" / "supervisor.sock").process(process)
            return state.pid if state.state in ("RUNNING", "STARTING") else 0
        return 0

    def kill(self, process: str) -> float:
        """kill -9; the instant of it."""
        os.kill(self.pid(process), signal.SIGKILL)
        return time.time()

    def back(self, process: str, seconds: float = 30) -> None:
        """Waits until supervisor has it running again (for longer than startsecs) and it is ready."""
        supervisor = Supervisor(self.home / "run" / "supervisor.sock")
        wait_for(lambda: http_ok(f"{self.url(_PORTS[process])}/-/ready"), seconds, f"{process} ready")
        wait_for(lambda: supervisor.process(process).running, seconds, f"{process} running")

    def json(self, *args: str, timeout: float = 300) -> Any:
        """`opsctl … --json`, which must succeed."""
        done = self.opsctl(*args, "--json", timeout=timeout)
        assert done.returncode == 0, f"opsctl {' '.join(args)}: {done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)


def make(folder: Path) -> Stack:
    """Copies the documents into `folder`; nothing is started."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix in (".yml", ".yaml")]
    usual = sorted({m.group(0) for p in files for m in _PORT.finditer(p.read_text())})
    ports = dict(zip(usual, free_ports(len(usual)), strict=True))
    for path in files:
        path.write_text(_PORT.sub(lambda m: str(ports[m.group(0)]), path.read_text()))
    made = Stack(folder, ports)
    _add_tasks(made)
    return made


def _add_tasks(stack: Stack) -> None:
    """Two tasks for runbooks of the tests: each writes a line at its start; one then takes its time."""
    note = (
        "import sys, time; '--dry-run' in sys.argv and sys.exit(); "
        "open(sys.argv[1], 'a').write(sys.argv[2] + '\\n'); time.sleep(float(sys.argv[3]))"
    )
    text = "".join(
        f"  {name}: ['${{python}}', -c, {json.dumps(note)}, '${{home}}/{name}.log', '{name}', '{seconds}']\n"
        for name, seconds in (("e2e-note", 0.0), ("e2e-slow", 1.0))
    )
    inventory = stack.folder / "deploy/local/booking.yml"
    inventory.write_text(inventory.read_text().replace("\ntasks:\n", f"\ntasks:\n{text}"))
