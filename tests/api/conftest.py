"""What the tests of the API share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.pairing import Pair, side_by_side


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Our server and Debian's Prometheus."""
    with side_by_side(tmp_path_factory.mktemp("pair")) as both:
        yield both
