"""What a job may have at most, and what a page must say it is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from aiohttp import web

from opsctl.scrape.manager import ScrapeManager
from tests.core.test_http_client import NAME, certificate, server_side
from tests.scrape.server import Pages, until
from tests.scrape.test_manager import job, scraping


async def _bomb(_: web.Request) -> web.Response:
    return web.Response(
        body=gzip.compress(b"# x\n" * (20 << 20)),
        headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"},
    )


async def _untyped(_: web.Request) -> web.Response:
    response = web.Response(body=b"a 1\n")
    response.headers["Content-Type"] = ""
    return response


def errors(manager: ScrapeManager) -> dict[str, str]:
    return {s.target.job.job_name: s.error for s in manager.states}


async def test_each_limit_fails_the_scrape_by_name(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages |= {"/metrics": 'a{x="12345"} 1\nb 2\n', "/bomb": _bomb}
        jobs = (
            job("body", pages.address, ", body_size_limit: 10B")
            + job("count", pages.address, ", label_limit: 3")
            + job("name", pages.address, ", label_name_length_limit: 7")
            + job("value", pages.address, ", label_value_length_limit: 4")
            + job("fine", pages.address, ", label_limit: 4, label_name_length_limit: 8, body_size_limit: 1KB")
            + f"  - {{job_name: many, target_limit: 1, static_configs: [{{targets: ['{pages.address}', 'h:1']}}]}}\n"
            + job("bomb", pages.address, ", metrics_path: /bomb, scrape_interval: 5s, scrape_timeout: 5s")
        )
        async with scraping(tmp_path, jobs) as (manager, kept, _):
            await until(lambda: all(s.at for s in manager.states), 15.0)
            found = errors(manager)
        assert found["body"] == found["bomb"] == "body size limit exceeded"
        assert found["count"] == "label_limit exceeded (metric: a, number of labels: 4, limit: 3)"
        assert found["name"].startswith("label_name_length_limit exceeded (metric: a, label name: __name__, length: 8")
        assert found["value"].startswith("label_value_length_limit exceeded (metric: a, label name: ")
        assert found["many"] == "target_limit exceeded (number of targets: 2, limit: 1)"
        assert found["fine"] == ""
        assert {job: set(kept.values("up", job=job)) for job in ("body", "fine", "many")} == {
            "body": {0}, "fine": {1}, "many": {0},
        }  # fmt: skip


async def test_fewer_targets_are_scraped_again(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = "a 1\n"
        many = f"  - {{job_name: j, target_limit: 1, static_configs: [{{targets: ['{pages.address}', 'h:1']}}]}}\n"
        async with scraping(tmp_path, many) as (_, kept, apply):
            await until(lambda: 0 in kept.values("up", instance=pages.address))
            apply(many.replace(", 'h:1'", ""))
            await until(lambda: 1 in kept.values("up", instance=pages.address))


@pytest.mark.parametrize(("more", "up"), [("", 0), (", fallback_scrape_protocol: PrometheusText0.0.4", 1)])
async def test_a_page_without_a_type_needs_a_fallback(tmp_path: Path, more: str, up: int) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = _untyped
        async with scraping(tmp_path, job("j", pages.address, more)) as (_, kept, _apply):
            await until(lambda: bool(kept.values("up")))
        assert kept.values("up")[0] == up


async def test_compression_and_headers_are_as_the_job_says(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages["/metrics"] = "a 1\n"
        more = ", enable_compression: false, enable_http2: false, http_headers: {X-Scope: {values: [one, two]}}"
        async with scraping(tmp_path, job("j", pages.address, more)) as (_, kept, _apply):
            await until(lambda: bool(kept.values("up")))
        assert (pages.seen[0]["Accept-Encoding"], pages.seen[0]["X-Scope"]) == ("identity", "one, two")


async def test_a_target_over_tls_wants_its_authority_and_name(tmp_path: Path) -> None:
    certificate(tmp_path)
    async with Pages(server_side(tmp_path, ask_client=True)) as pages:
        pages.pages["/metrics"] = "a 1\n"
        client = "cert_file: cert.pem, key_file: key.pem"
        jobs = job(
            "known", pages.address, f", scheme: https, tls_config: {{ca_file: cert.pem, server_name: {NAME}, {client}}}"
        ) + job("unknown", pages.address, f", scheme: https, tls_config: {{ca_file: gone.pem, {client}}}")
        async with scraping(tmp_path, jobs) as (manager, kept, _apply):
            await until(lambda: 1 in kept.values("up", job="known") and 0 in kept.values("up", job="unknown"))
            missing = f"{tmp_path / 'gone.pem'}: no such file or directory"
            assert errors(manager)["unknown"].endswith(missing)
