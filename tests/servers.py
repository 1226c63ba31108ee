"""The real servers that tests run against: found or skipped by name, started on loopback and free ports, stopped.

`need("mariadbd")` returns the program's path; where it is missing the test is skipped, and fails when CI=true.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
ELASTICSEARCH = ROOT / ".servers" / "elasticsearch-8.19.21"
ELASTIC_USER = "opsctl-elastic"
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def need(program: str) -> Path:
    """The path of a program, or of Elasticsearch's folder; skips the test by its name when it is not installed."""
    if program == "elasticsearch":
        found = str(ELASTICSEARCH) if (ELASTICSEARCH / "bin" / "elasticsearch").exists() else None
    else:
        found = shutil.which(program, path=_PATH)
    if found is None:
        missing = f"needs {program}, which is not installed (make servers)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return Path(found)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def answers(port: int) -> bool:
    """Does something accept connections on 127.0.0.1:port?"""
    with socket.socket() as sock:
        sock.settimeout(0.5)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def http_ok(url: str) -> bool:
    """Does the URL answer with a status under 400?"""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status < 400)
    except OSError:
        return False


def wait_for(ready: Callable[[], bool], seconds: float = 20.0, what: str = "condition") -> None:
    """Polls until `ready()`; fails the test after `seconds`."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not come within {seconds:g} s")
        time.sleep(0.05)


@contextmanager
def started(
    command: Sequence[str | Path], ready: Callable[[], bool], log: Path, seconds: float = 30.0, **popen: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server until the block ends: waits for `ready`, shows its log when it dies early, SIGTERM then SIGKILL."""
    with log.open("wb") as out:
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.STDOUT, **popen)
        try:
            wait_for(lambda: process.poll() is not None or ready(), seconds, f"{command[0]} ({_tail(log)})")
            if process.poll() is not None:
                pytest.fail(f"{command[0]} ended with {process.returncode}:\n{_tail(log)}")
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


@dataclass(frozen=True)
class MariaDb:
    """A scratch MariaDB: `url` is mysql://root@…/name of an existing empty database."""

    port: int
    socket: Path
    folder: Path
    process: subprocess.Popen[bytes]

    def url(self, database: str = "test") -> str:
        return f"mysql://root@127.0.0.1:{self.port}/{database}"


@contextmanager
def mariadb(folder: Path, *options: str) -> Iterator[MariaDb]:
    """A MariaDB of its own in `folder`, database `test`, root without password on loopback."""
    server, install = need("mariadbd"), need("mariadb-install-db")
    data, port, sock = folder / "data", free_port(), Path(f"/tmp/opsctl-{free_port()}-{os.getpid()}.sock")
    user = getpass.getuser()
    subprocess.run(
        [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
         f"--user={user}", "--skip-test-db"],
        check=True, capture_output=True,
    )  # fmt: skip
    command: list[str | Path] = [
        server, "--no-defaults", f"--datadir={data}", f"--port={port}", f"--socket={sock}", f"--user={user}",
        "--bind-address=127.0.0.1", f"--pid-file={folder / 'pid'}", "--innodb-buffer-pool-size=32M",
        "--performance-schema=OFF", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=2", *options,
    ]  # fmt: skip
    with started(command, lambda: answers(port), folder / "mariadbd.log") as process:
        client = shutil.which("mariadb", path=_PATH) or "mariadb"
        sql = "CREATE DATABASE IF NOT EXISTS test CHARACTER SET utf8mb4; CREATE USER IF NOT EXISTS root@'127.0.0.1'; " \
              "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;"  # fmt: skip
        subprocess.run([client, "--no-defaults", "-uroot", f"--socket={sock}", "-e", sql], check=True)
        yield MariaDb(port, sock, folder, process)


@contextmanager
def elasticsearch(folder: Path) -> Iterator[str]:
    """A single Elasticsearch node, its log in `folder`; yields its URL. Takes about 12 s to start."""
    home = need("elasticsearch").resolve()
    port, transport = free_port(), free_port()
    with _reachable_folder() as own:
        conf = own / "config"
        shutil.copytree(home / "config", conf)
        lines = {
            "discovery.type": "single-node", "xpack.security.enabled": "false", "network.host": "127.0.0.1",
            "http.port": port, "transport.port": transport, "path.data": own / "data", "path.logs": own / "logs",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        }  # fmt: skip
        (conf / "elasticsearch.yml").write_text("".join(f"{k}: {v}\n" for k, v in lines.items()))
        environment = {**os.environ, "ES_PATH_CONF": str(conf), "ES_JAVA_HOME": _java_home(), "HOME": str(own)}
        environment["ES_JAVA_OPTS"] = "-Xms512m -Xmx512m"
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            who = {"user": ELASTIC_USER, "group": ELASTIC_USER, "extra_groups": []}
            for path in (own, *own.rglob("*")):
                shutil.chown(path, ELASTIC_USER, ELASTIC_USER)
        url = f"http://127.0.0.1:{port}"
        ready = f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s"
        command = [home / "bin" / "elasticsearch"]
        with started(
            command, lambda: http_ok(ready), folder / "elasticsearch.log", 90, env=environment, cwd=own, **who
        ):
            yield url


@contextmanager
def _reachable_folder() -> Iterator[Path]:
    """Elasticsearch refuses to run as root, and pytest's tmp_path is closed to every other user."""
    folder = Path(tempfile.mkdtemp(prefix="opsctl-elastic-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _java_home() -> str:
    return os.environ.get("JAVA_HOME") or str(need("java").resolve().parent.parent)
