"""Sizes as Prometheus writes them."""

from __future__ import annotations

import pytest

from opsctl.model.size import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("512B", 512), ("10KB", 10_240), ("1.5MB", 1_572_864), ("2GiB", 2 << 30), ("1TB", 1 << 40)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "5", "-1KB", "1 kb", "x", "1K", "١KB", "1ZB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a valid size"):
        parse_size(text)
