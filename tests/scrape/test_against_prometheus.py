"""The same pages scraped by Prometheus and by us leave the same series, counts and failures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.running import Server, Target, opsctl, prometheus
from tests.servers import wait_for

CONFIG = """
global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}
scrape_configs:
  - {{job_name: plain, static_configs: [{{targets: ['{a}']}}]}}
  - {{job_name: samples, sample_limit: 4, static_configs: [{{targets: ['{a}']}}]}}
  - {{job_name: labels, label_limit: 4, static_configs: [{{targets: ['{a}']}}]}}
  - {{job_name: names, label_name_length_limit: 8, static_configs: [{{targets: ['{a}']}}]}}
  - {{job_name: values, label_value_length_limit: 30, static_configs: [{{targets: ['{a}']}}]}}
  - {{job_name: body, body_size_limit: 40B, static_configs: [{{targets: ['{a}']}}]}}
  - {{job_name: targets, target_limit: 1, static_configs: [{{targets: ['{a}', '127.0.0.1:1']}}]}}
  - job_name: pace
    static_configs: [{{targets: ['{a}']}}]
    relabel_configs: [{{target_label: __scrape_interval__, replacement: 500ms}}]
  - job_name: cut
    sample_limit: 3
    static_configs: [{{targets: ['{a}']}}]
    metric_relabel_configs: [{{source_labels: [__name__], regex: b, action: drop}}]
"""
PAGES = (
    'a{x="1",y="2"} 1\na{x="1",y="2"} 2\nb 3\n',
    "a 1_000\n",
    'a{x="1",y="2"} 1\na{x="1",y="2"} 2\nb 3\n',
    "a 1\nb 2\nc 3\nd 4\ne 5\n",
    'a{x="1",y="2",z="3"} 1\n',
    'a{much_longer="x"} 1\n',
    f'a{{x="{"v" * 31}"}} 1\n',
    "a ١٢\n",
    "b 7\nb 8\n",
)
SWAPPED = 'a{x="1",y="2"} 1\na{y="2",x="1"} 2\n'
"""One series in two writings, which Prometheus counts as two new ones."""
ASKED = (
    "up", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    '{__name__=~"[a-e]", job!~"samples|cut|labels|names|values"}',
)  # fmt: skip
"""Of a page over a sample or label limit, Prometheus 2.42 leaves the series it had read by then without an end."""


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.close()


def found(server: Server, expr: str) -> dict[str, str]:
    """Values by labels."""
    result = server.data("query", query=expr)["result"]
    return {str(sorted(one["metric"].items())): one["value"][1] for one in result}


def agree(ours: Server, theirs: Server, target: Target, page: str) -> None:
    """Shows both a page, and waits until they say the same of it."""
    target.text, now = page, time.time()
    for server in (ours, theirs):
        wait_for(lambda on=server: (on.value("min(timestamp(up))") or 0) > now, 10, "a scrape of each")  # type: ignore[misc]
    for expr in ASKED:
        try:
            wait_for(lambda asked=expr: found(ours, asked) == found(theirs, asked), 10, expr)  # type: ignore[misc]
        except pytest.fail.Exception as error:
            different = set(found(ours, expr).items()) ^ set(found(theirs, expr).items())
            raise AssertionError(f"{page!r} {expr}: {different}") from error


def test_each_page_leaves_the_same(tmp_path: Path, target: Target) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(a=target.address))
    target.text = PAGES[0]
    with opsctl(tmp_path / "ours", config) as ours, prometheus(tmp_path / "theirs", config) as theirs:
        for page in PAGES:
            agree(ours, theirs, target, page)
        assert ours.value('b{job="plain"}') == 7
        for job in ("plain", "samples", "cut"):
            expr = f'sum(sum_over_time(scrape_series_added{{job="{job}"}}[5m]))'
            assert ours.value(expr) == theirs.value(expr), job
        agree(ours, theirs, target, SWAPPED)
        assert ours.value('a{job="plain"}') == 1
