"""Targets from HTTP: followed, kept when the list fails, ended when it shrinks."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from opsctl.core.http_client import HttpClient
from opsctl.scrape.config import HttpSdConfig
from opsctl.scrape.groups import BadGroups
from opsctl.scrape.http_sd import ask
from tests.scrape.server import Page, Pages, until
from tests.scrape.test_manager import scraping


def listed(text: str, kind: str = "application/json") -> Page:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind)

    return page


async def test_a_list_is_followed_and_outlives_its_failures(tmp_path: Path) -> None:
    async with Pages() as pages:
        pages.pages |= {
            "/metrics": "a 1\n",
            "/sd": listed(f'[{{"targets": ["{pages.address}"], "labels": {{"team": "x"}}}}]'),
        }
        text = (
            f"  - {{job_name: h, http_sd_configs: [{{url: 'http://{pages.address}/sd', refresh_interval: 50ms}}],\n"
            "     relabel_configs: [{source_labels: [__meta_url], target_label: from}]}\n"
        )
        async with scraping(tmp_path, text) as (manager, kept, apply):
            await until(lambda: 1 in kept.values("a", team="x", **{"from": f"http://{pages.address}/sd"}))
            asked = _asked(pages)
            for failing in (500, listed("nonsense"), listed("[]", "text/html")):
                pages.pages["/sd"] = failing
                asked = _asked(pages)
                await until(lambda before=asked: _asked(pages) > before + 1)  # type: ignore[misc]
                assert len(manager.states) == 1
            apply(text)
            assert len(manager.states) == 1
            pages.pages["/sd"] = listed("[]")
            await until(lambda: None in kept.values("a"))
            assert manager.states == ()


def _asked(pages: Pages) -> int:
    return sum(one["path"] == "/sd" for one in pages.seen)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "not a list of target groups"),
        ('[{"targets": 3}]', r"\[0\]\[targets\]"),
        ('[{"tragets": []}]', "tragets"),
        ('[{"targets": [1]}]', "valid string"),
        ('[{"labels": {"a": 1}}]', "valid string"),
        ('[{"labels": {"": "x"}}]', "not a valid label name"),
        ("[null]", r"\[0\]"),
    ],
)
async def test_a_bad_list_says_what_is_wrong(text: str, said: str) -> None:
    client = HttpClient()
    async with Pages() as pages:
        pages.pages["/sd"] = listed(text)
        with pytest.raises(BadGroups, match=said):
            await ask(client, HttpSdConfig(url=f"http://{pages.address}/sd"), "")
    await client.close()
