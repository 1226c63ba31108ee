"""Up and down with a real supervisor and real processes of a small system."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from opsctl.core.errors import PortTaken, Unreachable
from opsctl.core.settings import Settings
from opsctl.flows import lifecycle
from opsctl.flows.status import status
from opsctl.model.inventory import Process
from tests.servers import free_port


def _server(name: str, port: int) -> Process:
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    return Process(
        name=name,
        command=command,
        group="demo",
        health=f"http://127.0.0.1:{port}/",
        listen=(f"127.0.0.1:{port}",),
        startsecs=1,
    )


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("OPSCTL_HOME", str(tmp_path / "home"))
    (tmp_path / "opsctl.yml").write_text("")
    made = replace(Settings(), file=str(tmp_path / "opsctl.yml"))
    yield made
    lifecycle.down(made, lambda _: None)


def test_up_waits_for_health_is_harmless_twice_and_down_leaves_nothing(settings: Settings) -> None:
    port, said = free_port(), list[str]()
    system = (_server("web", port),)
    started = lifecycle.up(settings, system, said.append, 20)
    assert (started.already, started.processes, said) == (False, ("web",), ["web is up"])
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=5).ok
    pid = lifecycle.supervisor_of(settings).process("web").pid
    assert lifecycle.up(settings, system, said.append, 20).already
    assert lifecycle.supervisor_of(settings).process("web").pid == pid
    found = status(settings, system)
    assert found.ok
    assert found.processes[0].resident_bytes > 1_000_000
    assert lifecycle.down(settings, said.append)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=2)
    assert not lifecycle.down(settings, said.append)


def test_a_killed_process_is_back_in_seconds(settings: Settings) -> None:
    port = free_port()
    system = (_server("web", port),)
    lifecycle.up(settings, system, lambda _: None, 20)
    supervisor = lifecycle.supervisor_of(settings)
    pid = supervisor.process("web").pid
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while supervisor.process("web").pid in (0, pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_taken_port_is_named_with_its_holder_and_the_setting_that_moves_it(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        system = (_server("web", taken.getsockname()[1]),)
        with pytest.raises(PortTaken) as caught:
            lifecycle.up(settings, system, lambda _: None, 20)
    assert "is taken by" in caught.value.message
    assert "`listen` of web" in caught.value.hint


def test_a_process_that_gives_up_is_named_with_its_last_words(settings: Settings) -> None:
    command = (sys.executable, "-c", "print('no database today'); raise SystemExit(3)")
    bad = Process(name="bad", command=command, group="demo", startsecs=1, startretries=1, health="http://127.0.0.1:9/")
    with pytest.raises(Unreachable, match="no database today"):
        lifecycle.up(settings, (bad,), lambda _: None, 20)
