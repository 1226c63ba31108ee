"""Past figures: the series that scraping would have left, filled in by the only writer, then gone on with."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from opsctl.core.settings import load_settings
from opsctl.flows.history import fill_history, monitored
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.matcher import Matcher

FILES = {
    "opsctl.yml": "home: home\nmetrics: {config: prometheus.yml}\nsystems: {shop: inventory.yml}\n",
    "inventory.yml": "system: shop\ndatabases:\n  - {name: shop, url: 'sqlite:///${here}/shop.db', figures: '${here}/figures.yml'}\n",
    "figures.yml": (
        "- {name: sold_total, help: x, sql: 'SELECT count(*) FROM sale WHERE at <= :now'}\n"
        "- {name: by_kind, help: x, labels: [kind], history: false, sql: \"SELECT 'a', :now\"}\n"
    ),
    "prometheus.yml": (
        "scrape_configs:\n- job_name: figures\n  metrics_path: /collectors/figures\n  params: {name: [shop]}\n"
        "  static_configs: [{targets: ['127.0.0.1:8401'], labels: {team: x}}]\n"
    ),
}
NOW = 1_700_000_030.0


def test_the_past_is_filled_in_with_the_labels_of_a_scrape(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("CREATE TABLE sale (at INTEGER)")
        shop.executemany("INSERT INTO sale VALUES (?)", [(int(NOW) - k * 3600,) for k in range(100)])
    settings = load_settings(str(tmp_path / "opsctl.yml"))
    assert set(monitored(settings, sys.executable)) == {"shop"}
    seen: list[tuple[str, int, int]] = []
    samples = fill_history(settings, sys.executable, 2, NOW, lambda *step: seen.append(step))
    assert samples == 2 * 1440
    assert seen[-1] == ("shop", 2880, 2880)
    store = EmbeddedStore(tmp_path / "home" / "metrics")
    (found,) = store.select([Matcher("__name__", "=", "sold_total")], 0, 2**60)
    assert dict(found.labels) == {
        "__name__": "sold_total", "job": "figures", "instance": "127.0.0.1:8401", "team": "x",
    }  # fmt: skip
    end = int(NOW) // 60 * 60
    assert (found.times[0], found.times[-1]) == ((end - 2 * 86_400) * 1000, (end - 60) * 1000)
    assert (found.values[0], found.values[-1]) == (51, 99)
    store.close()
