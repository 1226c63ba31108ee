from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.core.errors import DocumentError, UsageError
from opsctl.core.settings import find, load_settings


def test_settings_are_found_in_the_nearest_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPSCTL_CONFIG", raising=False)
    (tmp_path / "opsctl.yml").write_text("home: state\n")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find(start=deep) == tmp_path / "opsctl.yml"


def test_without_a_file_the_hint_names_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPSCTL_CONFIG", raising=False)
    with pytest.raises(UsageError) as caught:
        find(start=tmp_path)
    assert "opsctl init" in caught.value.hint


def test_paths_start_at_the_file_and_home_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPSCTL_HOME", raising=False)
    file = tmp_path / "opsctl.yml"
    file.write_text("home: state\n")
    settings = load_settings(str(file))
    assert settings.home_path == tmp_path / "state"
    monkeypatch.setenv("OPSCTL_HOME", str(tmp_path / "other"))
    assert settings.home_path == tmp_path / "other"


def test_a_wrong_address_and_a_missing_url_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "opsctl.yml"
    file.write_text("listen: {ops: here}\n")
    with pytest.raises(DocumentError, match=r"opsctl.yml:1: listen.ops: not HOST:PORT"):
        load_settings(str(file))
    file.write_text("logs:\n  engine: elasticsearch\n")
    with pytest.raises(DocumentError, match=r"logs.url: is required for engine elasticsearch"):
        load_settings(str(file))
