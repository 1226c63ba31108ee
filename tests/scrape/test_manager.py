"""The scrape manager against real targets: samples, staleness, failures that hold up nobody."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from opsctl.core.clock import SystemClock
from opsctl.metrics.storage import Appended
from opsctl.model.batch import Batch
from opsctl.model.series import is_stale
from opsctl.scrape.config import load_config
from opsctl.scrape.figures import ScrapeFigures
from opsctl.scrape.manager import ScrapeManager, next_tick
from tests.scrape.server import Pages, hanging, until, zipped

HEAD = "global: {scrape_interval: 200ms, scrape_timeout: 150ms}\nscrape_configs:\n"


class Kept:
    """Remembers what was appended."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def append(self, *batches: Batch) -> Appended:
        assert all(len(batch.labels) == len(batch.values) for batch in batches)
        self.batches += batches
        return Appended(kept=sum(len(batch.values) for batch in batches))

    def values(self, name: str, **labels: str) -> list[float | None]:
        """The values of a series in time; None where it went stale."""
        found: list[float | None] = []
        for batch in self.batches:
            for one, value in zip(batch.labels, batch.values, strict=True):
                if one.name == name and all(one.get(k) == v for k, v in labels.items()):
                    found.append(None if is_stale(np.array([value]))[0] else float(value))
        return found


Apply = Callable[[str], None]


@asynccontextmanager
async def scraping(folder: Path, text: str) -> AsyncIterator[tuple[ScrapeManager, Kept, Apply]]:
    kept, file = Kept(), folder / "prometheus.yml"
    with ThreadPoolExecutor(1) as pool:
        manager = ScrapeManager(kept.append, SystemClock(), pool, ScrapeFigures(CollectorRegistry()))

        def apply(changed: str) -> None:
            file.write_text(HEAD + changed)
            manager.apply(load_config(file))

        file.write_text(HEAD + text)
        await manager.start(load_config(file))
        try:
            yield manager, kept, apply
        finally:
            await manager.stop()


def job(name: str, address: str, more: str = "") -> str:
    return f"  - {{job_name: {name}, static_configs: [{{targets: ['{address}']}}]{more}}}\n"


async def test_a_target_gives_its_series_and_its_own(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = 'a{x="1"} 5\nb 6\n'
        async with scraping(tmp_path, job("j", pages.address)) as (manager, kept, _):
            await until(lambda: len(kept.values("b")) >= 3)
        assert kept.values("a", x="1", job="j", instance=pages.address)[:2] == [5, 5]
        assert kept.values("up")[:2] == [1, 1]
        assert kept.values("scrape_samples_scraped")[0] == 2
        assert kept.values("scrape_samples_post_metric_relabeling")[0] == 2
        assert kept.values("scrape_series_added")[:2] == [2, 0]
        times = [b.at_ms for b in kept.batches]
        assert all(190 <= b - a <= 230 for a, b in itertools.pairwise(times)), times
        assert pages.seen[0]["X-Prometheus-Scrape-Timeout-Seconds"] == "0.15"
        assert manager.states == ()


async def test_what_vanishes_goes_stale_once(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = "a 1\nb 2\n"
        async with scraping(tmp_path, job("j", pages.address)) as (manager, kept, apply):
            await until(lambda: len(kept.values("a")) >= 2)
            pages.pages["/metrics"] = "b 2\n"
            await until(lambda: None in kept.values("a"))
            pages.pages["/metrics"] = 500
            await until(lambda: None in kept.values("b"))
            assert manager.states[0].error == "server returned HTTP status 500 Internal Server Error"
            pages.pages["/metrics"] = "b 3\n"
            await until(lambda: 3 in kept.values("b"))
            apply(job("other", pages.address))
            await until(lambda: 3 in kept.values("b", job="other"))
        assert kept.values("a").count(None) == 1
        assert kept.values("b", job="j")[-1] is None
        assert kept.values("up", job="j")[-1] is None
        assert 0 in kept.values("up", job="j")


async def test_dead_hung_and_bad_targets_hold_up_nobody(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages |= {"/good": "g 1\n", "/hang": hanging, "/bad": "this is no page\n", "/zip": zipped}
        jobs = "".join(job(n, pages.address, f", metrics_path: /{n}") for n in ("good", "hang", "bad", "zip"))
        async with scraping(tmp_path, jobs + job("dead", "127.0.0.1:1")) as (manager, kept, _):
            await until(lambda: len(kept.values("up")) >= 25)
            errors = {s.target.job.job_name: s.error for s in manager.states}
        assert {n: set(kept.values("up", job=n)) for n in ("good", "zip", "hang", "bad", "dead")} == {
            "good": {1}, "zip": {1}, "hang": {0}, "bad": {0}, "dead": {0},
        }  # fmt: skip
        assert errors["hang"] == f'Get "http://{pages.address}/hang": context deadline exceeded'
        assert "line 1" in errors["bad"]
        assert errors["good"] == ""
        assert 4 <= len(kept.values("g")) <= 7


async def test_limits_relabelling_labels_and_credentials(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    async with Pages() as pages:
        pages.pages["/metrics"] = 'a{job="own",x="1"} 1\nb 2\nc 3 1700000000000\nd 4 9999999999999\n'
        jobs = (
            job("plain", pages.address, ", honor_timestamps: false")
            + job("honest", pages.address, ", honor_labels: true, bearer_token_file: token")
            + job("few", pages.address, ", sample_limit: 1, basic_auth: {username: u, password: p}")
            + job(
                "cut", pages.address, ", metric_relabel_configs: [{source_labels: [__name__], regex: a, action: drop}]"
            )
        )
        async with scraping(tmp_path, jobs) as (manager, kept, _):
            await until(lambda: all(s.at for s in manager.states))
            errors = {s.target.job.job_name: s.error for s in manager.states}
        assert kept.values("a", job="plain", exported_job="own")
        assert kept.values("a", job="own")
        assert not kept.values("a", job="cut")
        assert kept.values("b", job="cut")
        assert errors["few"] == "sample limit exceeded"
        stamps = {b.at_ms for b in kept.batches for one in b.labels if one.name == "c" and one["job"] == "honest"}
        assert stamps == {1700000000000}
        assert not kept.values("d", job="honest")
        assert len(kept.values("c", job="plain")) == len(kept.values("b", job="plain"))
        credentials = {h.get("Authorization", "") for h in pages.seen}
        assert credentials == {"", "Bearer s3cret", "Basic dTpw"}


async def test_a_reload_that_drops_series_ends_them_and_takes_a_new_pace(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = "a 1\nb 2\n"
        drop = ", metric_relabel_configs: [{source_labels: [__name__], regex: a, action: drop}]"
        pace = ", relabel_configs: [{target_label: __scrape_timeout__, replacement: 77ms}]"
        async with scraping(tmp_path, job("j", pages.address)) as (_, kept, apply):
            await until(lambda: len(kept.values("a")) >= 2)
            apply(job("j", pages.address, drop + pace))
            await until(lambda: None in kept.values("a"))
        assert None not in kept.values("b")
        assert kept.values("a").count(None) == 1
        assert pages.seen[-1]["X-Prometheus-Scrape-Timeout-Seconds"] == "0.077"


async def test_target_files_are_followed(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = "a 1\n"
        (tmp_path / "t.json").write_text(f'[{{"targets": ["{pages.address}"], "labels": {{"team": "x"}}}}]')
        text = "  - {job_name: f, file_sd_configs: [{files: ['t.json', 't.y*.yml', 't.yml']}]}\n"
        async with scraping(tmp_path, text) as (manager, kept, apply):
            await until(lambda: bool(kept.values("a", team="x")))
            (tmp_path / "t.json").write_text("nonsense: [")
            apply(text)
            assert len(manager.states) == 1
            (tmp_path / "t.json").write_text("[]")
            (tmp_path / "t.yml").write_text(f"- targets: ['{pages.address}']\n  labels: {{team: y}}\n")
            apply(text)
            await until(lambda: bool(kept.values("a", team="y")))
        assert kept.values("a", team="x")[-1] is None


def test_ticks_are_spread_and_even() -> None:
    assert next_tick(100.0, 5.0, 2.0) == 102.0
    assert next_tick(102.0, 5.0, 2.0) == 107.0
    assert next_tick(104.9, 5.0, 0.0) == 105.0
