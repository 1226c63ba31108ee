from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.core.errors import Conflict, NotFound
from opsctl.core.versions import ConfigVersions


@pytest.fixture
def versions(tmp_path: Path) -> ConfigVersions:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0001.yml").write_text("a: {b: 1}\nc: x\n")
    (tmp_path / "current").write_text("0001\n")
    return ConfigVersions(tmp_path)


def test_a_change_is_a_new_version_and_the_old_one_stays(versions: ConfigVersions) -> None:
    assert versions.write(versions.changed("a.b", 2)) == "0002"
    assert (versions.current, versions.get("a.b"), versions.get("a.b", "0001")) == ("0002", 2, 1)
    versions.use(versions.before("0002"))
    assert versions.get("a.b") == 1


def test_a_key_that_is_not_there_cannot_be_set(versions: ConfigVersions) -> None:
    with pytest.raises(NotFound, match=r"a\.z"):
        versions.changed("a.z", 1)


def test_there_is_nothing_before_the_first(versions: ConfigVersions) -> None:
    with pytest.raises(Conflict, match="first"):
        versions.before("0001")
