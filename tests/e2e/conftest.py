"""One running product for all end-to-end tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, make


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Set up, up and healthy; down at the end."""
    made = make(Path(tmp_path_factory.mktemp("product")))
    ready = made.opsctl("setup")
    assert ready.returncode == 0, ready.stdout + ready.stderr
    try:
        up = made.opsctl("up")
        assert up.returncode == 0, up.stdout + up.stderr
        yield made
    finally:
        made.opsctl("down")
