"""The three pages in headless Chromium, against a recorded operations API."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.dashboards.recorded import TOKEN, World, busy, serving
from tests.servers import ROOT, free_port, http_ok, need, started

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"]  # fmt: skip


@contextmanager
def dashboards(api: str, folder: Path, address: str = "127.0.0.1", **environment: str) -> Iterator[str]:
    """The pages served as `opsctl up` serves them, from a folder of their own."""
    port = free_port()
    token = folder / "viewer"
    token.write_text(f"{TOKEN}\n")
    command: list[str | Path] = [sys.executable, "-m", "streamlit", "run", ROOT / "dashboards/main.py", "--server.address", address,
               "--server.port", str(port), "--server.headless", "true", "--browser.gatherUsageStats", "false"]  # fmt: skip
    own = {"OPSCTL_URL": api, "OPSCTL_TOKEN_FILE": str(token), **environment}
    health = f"http://127.0.0.1:{port}/_stcore/health"
    with started(command, lambda: http_ok(health), folder / "streamlit.log", cwd=folder, env={**os.environ, **own}):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=str(need("chromium")), args=CHROMIUM)
        yield made
        made.close()


@pytest.fixture(scope="module")
def world() -> World:
    return busy(time.time())


@pytest.fixture(scope="module")
def url(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(world) as api, dashboards(api, tmp_path_factory.mktemp("dashboards")) as served:
        yield served


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    made = browser.new_page(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    yield made
    made.close()


def _metric(page: Page, name: str) -> str:
    card = page.get_by_test_id("stMetric").filter(has_text=name)
    expect(card).to_have_count(1)
    return card.get_by_test_id("stMetricValue").inner_text()


def test_business_today_against_last_week(page: Page, url: str, tmp_path: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    expect(page.get_by_text("今日业务").first).to_be_visible()
    expect(page.get_by_test_id("stMetric")).to_have_count(5)
    assert _metric(page, "今日订单").replace(",", "").isdigit()
    assert _metric(page, "今日交易额").startswith("¥")
    assert _metric(page, "支付成功率").endswith("%")
    expect(page.get_by_test_id("stMetricDelta")).to_have_count(5)
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    expect(page.locator(".vega-embed canvas, .vega-embed svg").first).to_be_visible()
    page.screenshot(path=tmp_path / "business.png")
    strangers = [one for one in asked if one.startswith("http") and not one.startswith(url)]
    assert strangers == []  # no page of ours needs a CDN


def test_alerts_and_incidents(page: Page, url: str, tmp_path: Path) -> None:
    page.goto(f"{url}/alerts")
    assert _metric(page, "严重告警") == "1"
    assert _metric(page, "MTTA") == "42 秒"
    assert _metric(page, "MTTR") == "3.5 分钟"
    expect(page.get_by_text("支付失败率 83.3%").first).to_be_visible()
    expect(page.get_by_text("告警链路心跳")).to_have_count(0)
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    page.screenshot(path=tmp_path / "alerts.png")


def test_resilience(page: Page, url: str, tmp_path: Path) -> None:
    page.goto(f"{url}/resilience")
    expect(page.get_by_text("近 24 小时内已通过恢复演练")).to_be_visible()
    assert (_metric(page, "RPO"), _metric(page, "RTO")) == ("3.2 秒", "4.8 秒")
    assert _metric(page, "最近备份") == "2 小时前"
    page.screenshot(path=tmp_path / "resilience.png")


def test_english_and_from_page_to_page(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("Business today").first).to_be_visible()
    page.get_by_role("link", name="Alerts").click()
    expect(page.get_by_text("Payment failure ratio 83.3%").first).to_be_visible()
    expect(page.get_by_role("button", name="中文")).to_be_visible()


def test_what_does_not_come_is_missing_not_zero(page: Page, tmp_path: Path) -> None:
    empty = World(without=("business",), alerts=None, incidents=None, drills=None)
    with serving(empty) as api, dashboards(api, tmp_path) as url:
        page.goto(url)
        assert _metric(page, "今日订单") == "—"
        expect(page.get_by_text("暂无数据").first).to_be_visible()
        page.goto(f"{url}/alerts")
        assert _metric(page, "严重告警") == "—"
        expect(page.get_by_text("部分数据没有取到")).to_be_visible()
        expect(page.get_by_text("一切正常")).to_have_count(0)
        page.goto(f"{url}/resilience")
        expect(page.get_by_text("暂无数据").first).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)


def test_reached_from_elsewhere_it_asks_who_you_are(page: Page, world: World, tmp_path: Path) -> None:
    with serving(world) as api, dashboards(api, tmp_path, "0.0.0.0") as url:
        page.goto(url)
        expect(page.get_by_text("登录运维看板")).to_be_visible()
        expect(page.get_by_test_id("stMetric")).to_have_count(0)
        page.get_by_role("textbox").fill("guess")
        page.get_by_role("button", name="登录").click()
        expect(page.get_by_text("不正确")).to_be_visible()
        page.get_by_role("textbox").fill(TOKEN)
        page.get_by_role("button", name="登录").click()
        expect(page.get_by_test_id("stMetric")).to_have_count(5)
