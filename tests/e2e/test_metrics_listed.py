"""docs/METRICS.md against the live product: nothing unlisted, nothing listed that is not there."""

from __future__ import annotations

import re

import requests

from tests.e2e.stack import ROOT, Stack
from tests.servers import wait_for

_ROW = re.compile(r"^\| `(\w+)`( †)? \| (\w+) \|", re.MULTILINE)
_PAGES = (8080, 8611, 8612, 8613, 8614, 8615, 8616, 8617, 8619, 8400, 8401, 8402)
_COLLECTORS = ("host", "database?name=platform", "figures?name=platform")
_BY_SCRAPING = {
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added", "ALERTS", "ALERTS_FOR_STATE",
}  # fmt: skip


def _listed() -> dict[str, tuple[str, bool]]:
    """name → type, and whether it may be absent."""
    text = (ROOT / "docs" / "METRICS.md").read_text()
    return {name: (kind, bool(mark)) for name, mark, kind in _ROW.findall(text)}


def _live(stack: Stack) -> dict[str, str]:
    """name → type, over every process and collector."""
    urls = [f"{stack.url(port)}/metrics" for port in _PAGES]
    urls += [f"{stack.url(8401)}/collectors/{name}" for name in _COLLECTORS]
    urls.append(f"{stack.url(8401)}/collectors/probe?module=http_2xx&target={stack.url(8080)}/healthz")
    found: dict[str, str] = {}
    for url in urls:
        page = requests.get(url, timeout=20)
        page.raise_for_status()
        found.update(re.findall(r"^# TYPE (\S+) (\S+)$", page.text, re.MULTILINE))
    return found


def test_every_live_metric_is_listed_with_its_type(stack: Stack) -> None:
    listed = {name: kind for name, (kind, _) in _listed().items()}
    wrong = {n: k for n, k in _live(stack).items() if listed.get(n) != k and not n.startswith("node_")}
    assert not wrong, "add to docs/METRICS.md: name → type"


def test_every_listed_metric_is_live(stack: Stack) -> None:
    live = _live(stack)
    gone = [n for n, (_, maybe) in _listed().items() if n not in live and not maybe and n not in _BY_SCRAPING]
    assert [n for n in gone if not n.startswith("node_")] == []
    assert len([n for n in gone if n.startswith("node_")]) < 40, (
        "the host's metrics depend on the machine, but not so much"
    )


def test_what_scraping_writes_is_there(stack: Stack) -> None:
    for name in _BY_SCRAPING - {"ALERTS_FOR_STATE"}:
        wait_for(lambda name=name: stack.opsctl("query", f"count({name})").returncode == 0, what=name)
