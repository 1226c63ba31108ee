"""The versioned configuration folder: taken without a restart, refused when wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_app.kit.config import ConfigError, ConfigFolder, parse_config, secret
from tests.platform_app.sandbox.homes import TEMPLATE, change, make_home


def test_the_shipped_configuration_parses() -> None:
    config = parse_config(TEMPLATE.read_text(), 1)
    assert config.orders.hold_minutes == 15
    assert config.url("orders") == "http://127.0.0.1:8614"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("database_url: [1", "expected"),
        ("- a", "not a mapping"),
        (TEMPLATE.read_text().replace("hold_minutes", "hold_minuts"), "orders.hold_minuts"),
        (TEMPLATE.read_text().replace("users: 127.0.0.1:8611", "users: nowhere"), "services.users"),
        (TEMPLATE.read_text().replace("gateway: primary", "gateway: third"), "payments.gateway"),
    ],
)
def test_a_wrong_version_names_its_keys(wrong: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        parse_config(wrong, 2, "0002.yml")


def test_a_new_version_is_taken_and_a_bad_one_refused(tmp_path: Path) -> None:
    folder = make_home(tmp_path)
    seen: list[tuple[int, int]] = []
    folder.on_change(lambda old, new: seen.append((old.version, new.version)))
    assert not folder.poll()
    change(folder, "orders", hold_minutes=5)
    assert folder.poll()
    assert (folder.config.version, folder.config.orders.hold_minutes) == (2, 5)
    (folder.path / "versions" / "0003.yml").write_text("nonsense: 1")
    (folder.path / "current").write_text("0003\n")
    with pytest.raises(ConfigError, match="database_url"):
        folder.poll()
    assert not folder.poll(), "it is complained about once"
    assert (folder.config.version, folder.refused) == (2, 1)
    (folder.path / "current").write_text("0001\n")
    assert folder.poll()
    assert seen == [(1, 2), (2, 1)]


def test_opening_a_folder_whose_version_is_missing_fails(tmp_path: Path) -> None:
    folder = make_home(tmp_path)
    (folder.path / "current").write_text("0009\n")
    with pytest.raises(ConfigError, match=r"0009\.yml"):
        ConfigFolder(folder.path)


def test_secrets_are_read_again_when_the_file_changed(tmp_path: Path) -> None:
    file = tmp_path / "s"
    file.write_text("one\n")
    assert secret(str(file)) == "one"
    file.write_text("two\n")
    import os

    os.utime(file, ns=(1, 1))
    assert secret(str(file)) == "two"
