"""A configuration that changes under Debian's Prometheus and under us: the same series live and end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.api.running import Server, Target, opsctl, prometheus
from tests.servers import wait_for

HEAD = "global: {scrape_interval: 1s}\nscrape_configs:\n"
FIRST = """
- {{job_name: stays, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: goes, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: changes, static_configs: [{{targets: ['{a}'], labels: {{team: x}}}}]}}
- {{job_name: cuts, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: files, file_sd_configs: [{{files: [t.json], refresh_interval: 1s}}]}}
"""
SECOND = """
- {{job_name: stays, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: changes, static_configs: [{{targets: ['{a}'], labels: {{team: y}}}}]}}
- {{job_name: cuts, static_configs: [{{targets: ['{a}']}}], metric_relabel_configs: [{{source_labels: [__name__], regex: a, action: drop}}]}}
- {{job_name: comes, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: files, file_sd_configs: [{{files: [t.json], refresh_interval: 1s}}]}}
"""
BAD = "- {{job_name: stays}}\n- {{job_name: stays}}\n"


class Both:
    def __init__(self, folder: Path, target: Target, servers: list[Server]) -> None:
        self.folder, self.target, self.servers = folder, target, servers

    def write(self, text: str) -> None:
        (self.folder / "prometheus.yml").write_text(HEAD + text.format(a=self.target.address))

    def reload(self) -> list[int]:
        return [requests.post(f"{server.url}/-/reload", timeout=20).status_code for server in self.servers]

    def live(self, server: Server) -> set[str]:
        found = server.data("query", query='{__name__=~"a|b|up",job!="goes"}')["result"]
        return {json.dumps(one["metric"], sort_keys=True) for one in found}

    def agree(self, size: int) -> None:
        """Both come to the same series, so many."""
        ours, theirs = self.servers
        wait_for(lambda: len(self.live(ours)) == size, 20, f"{size} series, not {len(self.live(ours))}")
        try:
            wait_for(lambda: self.live(ours) == self.live(theirs), 20, "the same series")
        except pytest.fail.Exception as error:
            raise AssertionError(f"different: {self.live(ours) ^ self.live(theirs)}") from error


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    target = Target()
    target.text = "a 1\nb 2\n"
    (tmp_path / "t.json").write_text(f'[{{"targets": ["{target.address}"]}}]')
    stage = Both(tmp_path, target, [])
    stage.write(FIRST)
    with ExitStack() as stack:
        for name, run in (("ours", opsctl), ("theirs", prometheus)):
            stage.servers.append(stack.enter_context(run(tmp_path / name, tmp_path / "prometheus.yml")))
        yield stage
    target.close()


def test_series_live_and_end_with_the_configuration(both: Both) -> None:
    both.agree(12)
    both.write(BAD)
    assert both.reload() == [500, 500]
    both.agree(12)
    both.write(SECOND)
    assert both.reload() == [200, 200]
    both.agree(14)
    gone = both.servers[0].data("query", query='count({job="goes"})')["result"]
    assert gone == [], "Prometheus lets the series of a job that is gone hang for five minutes; we end them"
    (both.folder / "t.json").write_text("nonsense")
    both.agree(14)
    (both.folder / "t.json").write_text('[{"targets": ["127.0.0.1:1"], "labels": {"v": "2"}}]')
    both.agree(12)
    (both.folder / "t.json").write_text("[]")
    both.agree(11)
    both.target.text = "b 3\n"
    both.agree(8)
