from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from opsctl.core.errors import StateError
from opsctl.core.folder import OwnedFolder, write_whole


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    with OwnedFolder(tmp_path / "a"), pytest.raises(StateError, match="in use"):
        OwnedFolder(tmp_path / "a")
    OwnedFolder(tmp_path / "a").close()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    OwnedFolder(tmp_path / "a", version=3).close()
    with pytest.raises(StateError, match="format 3"):
        OwnedFolder(tmp_path / "a", version=2)


def test_an_older_format_is_migrated_step_by_step_after_a_backup(tmp_path: Path) -> None:
    OwnedFolder(tmp_path / "a", version=1).close()
    (tmp_path / "a" / "data").write_text("one")
    steps = {
        1: lambda p: (p / "data").write_text((p / "data").read_text() + " two") and None,
        2: lambda p: (p / "data").write_text((p / "data").read_text() + " three") and None,
    }
    OwnedFolder(tmp_path / "a", version=3, migrations=steps).close()
    assert (tmp_path / "a" / "data").read_text() == "one two three"
    assert (tmp_path / "a.v1.bak" / "data").read_text() == "one"
    assert (tmp_path / "a" / "VERSION").read_text() == "3\n"


_WRITER = """
import sys
from pathlib import Path
from opsctl.core.folder import write_whole
n = 0
while True:
    n += 1
    write_whole(Path(sys.argv[1]), (str(n % 10) * 200_000).encode())
    print(n, flush=True)
"""


@pytest.mark.campaign
def test_a_file_is_the_old_or_the_new_one_after_kill_9(tmp_path: Path, rounds: int) -> None:
    target = tmp_path / "file"
    for _ in range(rounds):
        process = subprocess.Popen([sys.executable, "-c", _WRITER, str(target)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(5):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        content = target.read_text()
        assert len(content) == 200_000
        assert len(set(content)) == 1


def test_a_file_is_written_with_its_mode(tmp_path: Path) -> None:
    write_whole(tmp_path / "secret", b"x")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
