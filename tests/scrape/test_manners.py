"""What a job may ask for besides a page: staleness of stamped samples, extra series, a log of failures, kept targets."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest
from aiohttp import web

from opsctl.core.errors import DocumentError
from opsctl.scrape.groups import BadGroups, groups_of_file, groups_of_json
from tests.scrape.server import Page, Pages, until
from tests.scrape.test_manager import Kept, job, scraping


def typed(text: str, kind: str = "text/plain") -> Page:
    async def page(_: web.Request) -> web.Response:
        return web.Response(body=text.encode(), headers={"Content-Type": kind})

    return page


async def test_stamped_series_go_stale_only_where_that_is_wanted(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = f"a 1 {int(time.time() * 1000)}\nb 2\n"
        jobs = job("tracked", pages.address, ", track_timestamps_staleness: true") + job("plain", pages.address)
        async with scraping(tmp_path, jobs) as (_, kept, _apply):
            await until(lambda: all(len(kept.values("b", job=one)) >= 2 for one in ("tracked", "plain")))
            pages.pages["/metrics"] = "b 2\n"
            await until(lambda: None in kept.values("a", job="tracked"))
            before = len(kept.values("b", job="plain"))
            await until(lambda: len(kept.values("b", job="plain")) > before + 1)
        assert None not in kept.values("a", job="plain")
        assert kept.values("a", job="tracked").count(None) == 1


async def test_extra_series_tell_of_the_scrape(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages |= {"/metrics": "a 1\n", "/gone": 404}
        extra = ", extra_scrape_metrics: true, sample_limit: 7"
        jobs = (
            job("good", pages.address, extra)
            + job("gone", pages.address, f"{extra}, metrics_path: /gone")
            + job("long", pages.address, f"{extra}, body_size_limit: 4B")
            + job("plain", pages.address)
        )
        async with scraping(tmp_path, jobs) as (_, kept, _apply):
            await until(lambda: len({b.source for b in kept.batches}) == 4)
        sizes = {one: kept.values("scrape_body_size_bytes", job=one)[:1] for one in ("good", "gone", "long", "plain")}
        assert sizes == {"good": [4], "gone": [0], "long": [-1], "plain": []}
        assert kept.values("scrape_timeout_seconds", job="good")[0] == 0.15
        assert kept.values("scrape_sample_limit", job="gone")[0] == 7


async def test_failures_are_written_down_where_a_job_says(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages |= {"/bad": "no page\n"}
        log = ", scrape_failure_log_file: failed.log"
        jobs = job("gone", pages.address, log) + job("bad", pages.address, f"{log}, metrics_path: /bad")
        async with scraping(tmp_path, jobs) as (manager, kept, _apply):
            await until(lambda: len(kept.values("up", job="gone")) >= 2 and bool(kept.values("up", job="bad")))
        lines = [json.loads(line) for line in (tmp_path / "failed.log").read_text().splitlines()]
        assert manager.states == ()
        assert {line["job_name"] for line in lines} == {"gone"}, "a page that cannot be read was fetched"
        assert lines[0]["msg"] == "server returned HTTP status 404 Not Found"
        assert lines[0]["target"] == f"http://{pages.address}/metrics"


async def test_of_dropped_targets_only_so_many_are_kept(tmp_path: Path) -> None:
    targets = ", ".join(f"'h:{i}'" for i in range(5))
    drop = f"static_configs: [{{targets: [{targets}]}}], relabel_configs: [{{action: drop}}]"
    text = f"  - {{job_name: few, keep_dropped_targets: 2, {drop}}}\n  - {{job_name: all, {drop}}}\n"
    bad = "  - {job_name: bad, static_configs: [{targets: ['']}], params: {a: [b]}}\n"
    async with scraping(tmp_path, text + bad) as (manager, _, _apply):
        assert manager.dropped_counts == {"few": 5, "all": 5, "bad": 0}
        assert [sum(d.job.job_name == name for d in manager.dropped) for name in ("few", "all", "bad")] == [2, 5, 0]


async def test_an_empty_page_is_good_and_an_empty_label_takes_the_targets_away(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages |= {"/empty": typed("", "application/openmetrics-text"), "/metrics": 'a{instance=""} 1\n'}
        jobs = job("empty", pages.address, ", metrics_path: /empty") + job("h", pages.address, ", honor_labels: true")
        async with scraping(tmp_path, jobs) as (_, kept, _apply):
            await until(lambda: bool(kept.values("a")) and bool(kept.values("up", job="empty")))
        assert kept.values("up", job="empty")[0] == 1
        series = {one for b in kept.batches for one in b.labels if one.name == "a"}
        assert [dict(one) for one in series] == [{"__name__": "a", "job": "h"}]


async def test_bounds_of_histograms_are_kept_in_one_writing(tmp_path: Path) -> None:
    text = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\n# TYPE g gauge\ng{le="1"} 3\n'
    async with Pages() as pages:
        pages.pages["/metrics"] = text
        async with scraping(tmp_path, job("j", pages.address)) as (_, kept, _apply):
            await until(lambda: bool(kept.values("g")))
        assert [bool(kept.values("h_bucket", le=le)) for le in ("1.0", "+Inf", "1")] == [True, True, False]
        assert kept.values("g", le="1")[0] == 3


async def test_legacy_names_are_asked_for_and_others_refused(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = '{"a.b"} 1\n'
        legacy = ", metric_name_validation_scheme: legacy, scrape_protocols: [PrometheusText1.0.0]"
        jobs = job("old", pages.address, legacy) + job("new", pages.address)
        async with scraping(tmp_path, jobs) as (manager, kept, _apply):
            await until(lambda: bool(kept.values("a.b", job="new")) and bool(kept.values("up", job="old")))
            errors = {state.target.job.job_name: state.error for state in manager.states}
        assert kept.values("up", job="old")[0] == 0
        assert errors["old"].startswith("invalid metric name or label names")
        accepted = {seen["Accept"] for seen in pages.seen}
        assert "text/plain;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.5" in accepted


async def test_a_reload_in_the_middle_of_a_scrape_loses_nothing(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = "a 1\n"
        async with scraping(tmp_path, job("j", pages.address)) as (manager, kept, apply):
            await until(lambda: len(kept.values("a")) >= 2)
            (task,) = [state.task for state in manager.states]
            apply(job("j", pages.address, ", sample_limit: 9"))
            apply(job("j", pages.address, ", sample_limit: 8") + job("more", pages.address))
            assert manager.states[0].task is task
            assert manager.states[0].target.job.sample_limit == 8
            await until(lambda: len(kept.values("a", job="j")) >= 5)
        times = [b.at_ms for b in kept.batches if any(one.get("job") == "j" for one in b.labels)]
        assert max(b - a for a, b in itertools.pairwise(times)) < 390
        assert None not in kept.values("a", job="j")


@pytest.mark.parametrize(
    "text", ["- targets: 3", "- {tragets: []}", "x", "-", "- labels: {'': x}", "- targets: [[x]]", "- labels: [x]"]
)
def test_bad_target_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.yml").write_text(text)
    with pytest.raises(DocumentError):
        groups_of_file(tmp_path / "t.yml")


def test_target_files_keep_the_spelling(tmp_path: Path) -> None:
    (tmp_path / "t.yml").write_text("- targets: [h, 5]\n  labels: {v: 1.10, y: yes, n: ~, x: 0x1F}\n")
    (tmp_path / "t.json").write_text('[{"targets": ["h"], "labels": {"v": "1.10"}}]')
    (yaml_group,) = groups_of_file(tmp_path / "t.yml")
    assert (yaml_group.targets, yaml_group.labels) == (("h", "5"), {"v": "1.10", "y": "yes", "x": "0x1F"})
    assert groups_of_file(tmp_path / "t.json")[0].labels == {"v": "1.10"}
    assert groups_of_json(b"null") == ()
    for wrong in (b'[{"labels": {"v": 1.10}}]', b"[null]", b"{", b'[{"targets": [1]}]'):
        with pytest.raises(BadGroups):
            groups_of_json(wrong)


async def test_a_changed_file_is_seen_at_once(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = "a 1\n"
        (tmp_path / "t.yml").write_text("[]")
        text = "  - {job_name: f, file_sd_configs: [{files: ['t*.yml']}]}\n"
        async with scraping(tmp_path, text) as (manager, kept, _apply):
            (tmp_path / "t.yml").write_text(f"- targets: ['{pages.address}']\n")
            await until(lambda: bool(kept.values("a")), 3)
            (tmp_path / "t.yml").write_text("broken: [")
            (tmp_path / "t2.yml").write_text("- targets: ['127.0.0.1:1']\n")
            await until(lambda: len(manager.states) == 2, 3)
            (tmp_path / "t.yml").unlink()
            await until(lambda: len(manager.states) == 1, 3)
        assert isinstance(kept, Kept)
        assert kept.values("a")[-1] is None
