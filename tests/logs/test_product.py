"""opsctl logs: search, tail, stats, through the operations API; and the store that opsctl.yml names."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from opsctl.api.routers.logs import router
from opsctl.core.clock import iso
from opsctl.core.errors import Unreachable, UsageError
from opsctl.core.settings import Logs, Settings
from opsctl.logs.elastic_store import ElasticStore
from opsctl.logs.figures import LogFigures, retain
from opsctl.logs.query import Everything, at_least, parse_query, parse_time
from opsctl.logs.ship import LogShipper
from opsctl.logs.sources import log_files
from opsctl.logs.store import LogStore, open_store
from opsctl.logs.tantivy_store import TantivyStore
from opsctl.model.inventory import Inventory, Process
from tests.backup.product import Product, running
from tests.servers import free_port


class Logged(Product):
    """A product with a log file that is shipped on request."""

    store: LogStore
    shipper: LogShipper
    file: Path

    def write(self, level: str, message: str, **fields: object) -> None:
        line = {"@timestamp": iso(time.time()), "log.level": level, "service": {"name": "orders"}, "message": message}
        with self.file.open("a") as out:
            out.write(json.dumps({**line, **fields}, ensure_ascii=False) + "\n")
        self.shipper.step(time.time())


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Logged]:
    store = TantivyStore(tmp_path / "store")
    with running(tmp_path, [router(store)], CollectorRegistry()) as found:
        made = Logged(found.folder, int(found.url.rpartition(":")[2]))
        made.store, made.file = store, tmp_path / "orders.json.log"
        made.shipper = LogShipper([str(made.file)], store, tmp_path)
        yield made
    store.close()


def test_search(product: Logged) -> None:
    product.write("info", "order created", order_id=42)
    product.write("error", "支付失败 [gateway]", **{"http.response.status_code": 502, "trace.id": "abc"})
    code, out, _ = product.opsctl("logs", "search", "支付失败")
    assert code == 0
    assert "error    orders     支付失败 [gateway]" in out
    code, out, _ = product.opsctl("logs", "search", "status_code:* OR http.response.status_code:>=500", "--json")
    found = json.loads(out)
    assert (code, found["total"]) == (0, 1)
    assert found["lines"][0]["fields"] == {"http.response.status_code": 502}
    assert found["lines"][0]["trace_id"] == "abc"
    code, out, _ = product.opsctl("logs", "search", "--service", "orders", "--level", "warning", "--fields")
    assert code == 0
    assert "http.response.status_code=502" in out
    assert "created" not in out
    assert product.opsctl("logs", "search", "nothing-like-it")[0] == 1
    code, out, _ = product.opsctl("logs", "search", "--limit", "1")
    assert out.count("\n") == 1
    code, out, _ = product.opsctl("logs", "stats", "--json")
    assert json.loads(out)["documents"] == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["a:b:c"], "query not understood"), (["(open"], "query not understood"), (["fo?o"], "wildcard"),
        (["fuzzy~2"], "fuzzy term"), (["/re/"], "regex term"), (["x", "--since", "yesterday"], "not a time"),
        (["x", "--level", "loud"], "no log level"), (["status:[a TO b]"], "not a number"),
        (["boost^2"], "boost term"), (['"near by"~3'], "proximity term"),
    ],
)  # fmt: skip
def test_wrong_use_is_named(product: Logged, args: list[str], said: str) -> None:
    code, _, err = product.opsctl("logs", "search", *args)
    assert code == 2
    assert said in err


def test_tail(product: Logged) -> None:
    product.write("info", "before")
    command = product.command("logs", "tail", "--json", "--since", "1h", "--level", "info")
    with subprocess.Popen(command, cwd=product.folder, stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["message"] == "before"
        product.write("debug", "not shown")
        product.write("info", "after")
        assert json.loads(tail.stdout.readline())["message"] == "after"
        tail.terminate()


def test_the_engine_is_one_line_of_opsctl_yml(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path))
    store = open_store(settings)
    assert isinstance(store, TantivyStore)
    store.close()
    port = free_port()
    away = open_store(replace(settings, logs=Logs(engine="elasticsearch", url=f"http://127.0.0.1:{port}")))
    assert isinstance(away, ElasticStore)
    for ask in (away.stats, lambda: away.search(Everything(), 0, 1, 1), lambda: away.delete_before(1)):
        with pytest.raises(Unreachable):
            ask()


def test_sources() -> None:
    system = Inventory(
        system="s",
        processes=(Process(name="a", command=("x",), logs="/l/a.json.log"), Process(name="b", command=("x",))),
    )
    assert log_files([system], Path("/home")) == ("/l/a.json.log", "/home/logs/*.json.log")


def test_figures_and_retention(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    figures = LogFigures(registry)
    store = TantivyStore(tmp_path / "store")
    file = tmp_path / "x.json.log"
    file.write_text('{"@timestamp": "2026-01-01T00:00:00Z", "message": "old"}\nnot json\n')
    figures.shipped(LogShipper([str(file)], store, tmp_path).step(time.time()))
    figures.failed()
    figures.measured(store.stats())
    text = generate_latest(registry).decode()
    for line in ("opsctl_logs_documents_total 2.0", "opsctl_logs_bad_lines_total 1.0", "opsctl_logs_lag_bytes 0.0",
                 "opsctl_logs_errors_total 1.0", "opsctl_logs_store_documents 2.0"):  # fmt: skip
        assert line in text
    assert retain(store, 30, time.time()) == ("2026-01-01",)
    assert store.stats().documents == 0
    store.close()


def test_a_damaged_day_is_put_aside_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "x.json.log"
    file.write_text('{"@timestamp": "2026-01-01T00:00:00Z", "message": "old"}\n')
    store = TantivyStore(tmp_path / "store")
    LogShipper([str(file)], store, tmp_path).step(0)
    store.close()
    (tmp_path / "store" / "days" / "2026-01-01" / "meta.json").write_text("{")
    store = TantivyStore(tmp_path / "store")
    with file.open("a") as out:
        out.write('{"@timestamp": "2026-01-01T00:00:01Z", "message": "new"}\n')
    LogShipper([str(file)], store, tmp_path).step(0)
    assert [line.message for line in store.search(Everything(), 0, 1e11, 10).lines] == ["new"]
    assert store.stats().damaged == 1
    store.close()


def test_times_and_levels() -> None:
    assert parse_time("15m", 1000.0) == 100.0
    assert parse_time("now-1m", 1000.0) == 940.0
    assert parse_time("1970-01-01T08:00:00+08:00", 0) == 0
    assert parse_time("1970-01-01 08:00", 0) == 0
    assert "critical" in at_least("error")
    assert "warning" not in at_least("error")
    with pytest.raises(UsageError):
        parse_query("level:[", 0)
