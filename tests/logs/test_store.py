"""The contract of a log store, run on Tantivy and on a real Elasticsearch: the same query gives the same lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsctl.core.clock import parse_iso
from opsctl.logs.query import narrow, parse_query
from opsctl.logs.ship import LogShipper
from opsctl.logs.store import LogStore
from opsctl.model.logline import LogLine
from tests.logs.conftest import OpenStore

NOON = parse_iso("2026-11-22T12:00:00Z")


def _line(number: int, message: str, level: str = "info", service: str = "orders", /, **fields: Any) -> LogLine:
    return LogLine(NOON + number, level, service, message, f"trace{number:02d}", fields, f"f-{number:012d}")


LINES = (
    _line(0, "order created", **{"event.action": "order.created", "order_id": 42, "ok": True}),
    _line(1, "connection refused by gateway", "error", "payments", **{"error.message": "Connection refused (111)"}),
    _line(2, "支付失败：网关超时", "error", "payments", **{"http.response.status_code": 502, "ratio": 0.5}),
    _line(3, "付款成功，支出已记账", "info", "payments", **{"http.response.status_code": 200, "ratio": 2}),
    _line(4, "GET /api/v1/orders/42 took 12.5 ms", "info", "edge", **{"url.path": "/api/v1/orders/42", "status": 200}),
    _line(5, "the gateway refused a connection", "warning", "edge", **{"http.response.status_code": 503}),
    _line(6, "orders.created published", "debug", "orders", **{"tags": ["outbox", "relay"]}),
)

CASES = [
    ("", [6, 5, 4, 3, 2, 1, 0]),
    ("*", [6, 5, 4, 3, 2, 1, 0]),
    ("refused", [5, 1]),
    ("REFUSED", [5, 1]),
    ("refused gateway", [5, 1]),
    ('"connection refused"', [1]),
    ('"refused connection"', []),
    ("connection AND NOT gateway", []),
    ("connection -payments", [5]),
    ("created OR published", [6, 0]),
    ("(created OR refused) AND level:error", [1]),
    ("支付", [2]),
    ("网关超时", [2]),
    ("付", [3, 2]),
    ("支付*", [2]),
    ("service:payments", [3, 2, 1]),
    ("service:pay*", [3, 2, 1]),
    ("service.name:edge AND level:info", [4]),
    ("level:ERROR", [2, 1]),
    ("trace:trace03", [3]),
    ("trace03", [3]),
    ("order_id:42", [0]),
    ("42", [4, 0]),
    ("ok:true", [0]),
    ("ok:false", []),
    ("http.response.status_code:502", [2]),
    ("http.response.status_code:[500 TO 599]", [5, 2]),
    ("http.response.status_code:{502 TO 600}", [5]),
    ("http.response.status_code:>=502", [5, 2]),
    ("http.response.status_code:<502", [3]),
    ("http.response.status_code:*", [5, 3, 2]),
    ("NOT http.response.status_code:*", [6, 4, 1, 0]),
    ("ratio:[0.25 TO 1]", [2]),
    ("ratio:>0.5", [3]),
    ("error.message:refused", [1]),
    ('error.message:"connection refused"', [1]),
    ("event.action:order.created", [0]),
    ("order*", [6, 4, 0]),
    ("orders.created", [6]),
    ("gate*", [5, 1]),
    ('url.path:"/api/v1/orders"', [4]),
    ('"took 12.5 ms"', [4]),
    ("tags:relay", [6]),
    ("nothing:here", []),
    ("message:orders", [4]),
    ("@timestamp:[2026-11-22T12:00:05Z TO *]", [6, 5]),
    ("at:>now-56s", [6, 5]),
]


@pytest.fixture
def filled(store: LogStore) -> LogStore:
    store.append(LINES)
    return store


def _numbers(store: LogStore, text: str, limit: int = 100) -> list[int]:
    page = store.search(parse_query(text, NOON + 60), 0, NOON + 3600, limit)
    assert page.total >= len(page.lines)
    return [int(line.id[2:]) for line in page.lines]


def test_same_query_same_lines(filled: LogStore) -> None:
    found = {text: _numbers(filled, text) for text, _ in CASES}
    assert found == dict(CASES)


def test_a_line_comes_back_whole(filled: LogStore) -> None:
    page = filled.search(parse_query("支付失败", 0), 0, NOON + 3600, 10)
    assert page.lines == (LINES[2],)
    assert page.total == 1


def test_window_limit_and_total(filled: LogStore) -> None:
    page = filled.search(parse_query("", 0), NOON + 1, NOON + 5, 2)
    assert [line.id for line in page.lines] == ["f-000000000004", "f-000000000003"]
    assert page.total == 4


def test_the_same_id_is_stored_once(reopen: OpenStore) -> None:
    reopen().append(LINES[:4])
    store = reopen()
    store.append(LINES)
    store.append([replace(LINES[0], message="order created again")])
    assert _numbers(store, "") == [6, 5, 4, 3, 2, 1, 0]
    assert _numbers(store, "again") == [0]
    assert store.stats().documents == 7


def test_narrow_to_service_and_level(filled: LogStore) -> None:
    page = filled.search(narrow(parse_query("", 0), "edge", "warning"), 0, NOON + 3600, 10)
    assert [line.id for line in page.lines] == ["f-000000000005"]


def test_days_are_deleted_whole(store: LogStore) -> None:
    lines = [replace(LINES[0], at=NOON + day * 86_400, id=f"d-{day}") for day in range(4)]
    store.append(lines)
    assert store.stats().days == ("2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25")
    assert store.delete_before(NOON + 2 * 86_400) == ("2026-11-22", "2026-11-23")
    assert store.stats().days == ("2026-11-24", "2026-11-25")
    page = store.search(parse_query("", 0), 0, NOON + 10 * 86_400, 10)
    assert [line.id for line in page.lines] == ["d-3", "d-2"]
    store.append(lines[:1])
    assert len(store.stats().days) == 3


def test_an_empty_store_answers(store: LogStore) -> None:
    page = store.search(parse_query("level:error AND status:>400", 0), 0, NOON, 10)
    assert (page.lines, page.total) == ((), 0)
    assert store.delete_before(NOON) == ()
    assert store.stats().documents == 0


def test_fields_that_change_their_type_are_kept(store: LogStore) -> None:
    odd = [
        _line(0, "a", value=1), _line(1, "b", value="text"), _line(2, "c", value=True), _line(3, "d", value=0.5),
        _line(4, "e", **{"value.deeper": 1}), _line(5, "f", value=["x", 2]), _line(6, "g", flag=True),
        _line(7, "h", flag="perhaps"),
    ]  # fmt: skip
    store.append(odd)
    page = store.search(parse_query("", 0), 0, NOON + 3600, 100)
    assert [dict(line.fields) for line in page.lines] == [dict(line.fields) for line in odd[::-1]]


def test_many_fields_and_long_values(store: LogStore) -> None:
    many = _line(0, "x" * 30_000, **{f"key{i}": f"value {i}" for i in range(190)})
    more = _line(1, "needle", **{f"other{i}": "长" * 3000 for i in range(10)})
    store.append([many, more])
    assert _numbers(store, "needle") == [1]
    assert _numbers(store, 'key77:"value 77"') == [0]
    page = store.search(parse_query("", 0), 0, NOON + 3600, 100)
    assert page.lines[1] == many


def test_shipping_again_what_was_stored_but_not_noted_doubles_nothing(reopen: OpenStore, tmp_path: Path) -> None:
    """What a kill -9 between the store's commit and the note of the position leaves behind."""
    file = tmp_path / "a.json.log"
    file.write_text('{"@timestamp": "2026-11-22T12:00:00Z", "message": "first"}\nno json\n')
    state = tmp_path / "positions.json"
    shipper = LogShipper([str(file)], reopen(), tmp_path)
    shipper.step(NOON)
    noted = state.read_bytes()
    with file.open("a") as out:
        out.write('{"@timestamp": "2026-11-23T12:00:00Z", "message": "second"}\nno json either\n')
    shipper.step(NOON)
    state.write_bytes(noted)
    store = reopen()
    assert LogShipper([str(file)], store, tmp_path).step(NOON + 9_000_000).lines == 2
    page = store.search(parse_query("", 0), 0, NOON * 2, 10)
    assert sorted(line.message for line in page.lines) == ["first", "no json", "no json either", "second"]
