"""opsctl runbook and incidents on the command line, against a served operations API."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from opsctl.cli.main import main
from tests.incidents.test_process import BOOK, Ops, post, process
from tests.runbook.world import book, free_port

AM = "route: {receiver: none}\nreceivers: [{name: none}]\n"


class Shell:
    """The command line in this process: what it prints, its exit code checked."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--config", str(self._folder / "opsctl.yml")])
        said = self._capsys.readouterr()
        assert ended.value.code == code, said.out + said.err
        return said.out + said.err


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[Shell, Ops, str]]:
    (tmp_path / "am.yml").write_text(AM)
    port = free_port()
    (tmp_path / "opsctl.yml").write_text(
        f"home: .\nlisten: {{ops: 127.0.0.1:{port}}}\ndocuments: {{runbooks: runbooks}}\n"
    )
    with process("alertmanager", f"--config.file={tmp_path}/am.yml", f"--storage.path={tmp_path}/am") as (_, url):
        ops = Ops(tmp_path, url, "http://127.0.0.1:9")
        server = uvicorn.Server(uvicorn.Config(ops.app, port=port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield Shell(tmp_path, capsys), ops, url
        server.should_exit = True
        thread.join(10)
        ops.engine.close()
        ops.executor.shutdown()


def test_the_story_on_the_command_line(shell: tuple[Shell, Ops, str], tmp_path: Path) -> None:
    opsctl, ops, url = shell
    (tmp_path / "runbooks" / "mend.yml").write_text(book("mend", BOOK.replace("action: query, with: {expr: \"vector(3)\"}, until: output.value == 3",
        "action: config_show, with: {key: limit}, until: output.value == 6")))  # fmt: skip
    assert "ok  mend" in opsctl("runbook", "check")
    ops.engine.library.reload()
    post(url, "shop")
    ops.tick_until(lambda: ops.incidents.store.list("open"))
    assert "mend" in opsctl("runbook", "list")
    assert "config_set" in opsctl("runbook", "show", "mend")
    incident = json.loads(opsctl("incidents", "list", "--json"))[0]
    shown = opsctl("incidents", "show", str(incident["id"]))
    assert "告警触发" in shown
    alert = re.search(r"--alert (\w+)", shown)
    assert alert is not None

    dry = opsctl("runbook", "run", "mend", "--alert", alert[1], "--dry-run")
    assert "5 → 6" in dry
    assert "need" in opsctl("runbook", "run", "mend", code=2)
    waiting = opsctl("runbook", "run", "mend", "--alert", alert[1])
    run = re.search(r"^run (\S+)$", waiting, re.MULTILINE)
    assert run is not None
    assert f"opsctl runbook approve {run[1]} --as approver" in waiting
    assert "approver" in opsctl("runbook", "approve", run[1], "--yes", "--as", "operator", code=1)
    assert "done" in opsctl("runbook", "approve", run[1], "--yes")
    assert "limit" in opsctl("runbook", "status", run[1])
    assert run[1] in opsctl("runbook", "status")
    assert "nothing to resume" in opsctl("runbook", "resume", run[1], code=1)
    assert "nothing that can be undone" in opsctl("runbook", "undo", run[1], code=1)

    number = str(incident["id"])
    opsctl("incidents", "note", number, "好了")
    assert "acknowledged 1" in opsctl("incidents", "ack", number)
    paths = opsctl("incidents", "report", number).split()
    assert all(Path(p).exists() for p in paths)
    assert "WEEK" in opsctl("incidents", "stats")
    assert "no incident 99" in opsctl("incidents", "show", "99", code=1)


def test_check_names_file_and_line_without_a_server(tmp_path: Path) -> None:
    file = tmp_path / "bad.yml"
    file.write_text(book("bad", "steps:\n  - {id: a, title: {zh: 甲, en: A}, action: querry, with: {}}\n"))
    command = [sys.executable, "-m", "opsctl", "runbook", "check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{file}:5: steps[0].action: no action 'querry' (did you mean 'query'?)" in done.stderr
