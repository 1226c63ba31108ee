"""Of many notes an answer tells ten, and how many are left out."""

from __future__ import annotations

import orjson

from opsctl.api.prometheus_json import success


def test_ten_notes_and_the_number_of_the_others() -> None:
    body = orjson.loads(success([], [f"w{i}" for i in range(12)], [f"i{i}" for i in range(10)]).body)
    assert body["warnings"] == [*(f"w{i}" for i in range(10)), "2 more warning annotations omitted"]
    assert body["infos"] == [f"i{i}" for i in range(10)]
