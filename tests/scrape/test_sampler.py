"""What the pages of one target leave: first values, staleness, counts, and samples with a time of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from opsctl.metrics.store import EmbeddedStore
from opsctl.model.batch import Batch
from opsctl.model.matcher import Matcher
from opsctl.model.series import is_stale
from opsctl.relabel import Rule
from opsctl.scrape.config import ScrapeConfig, StaticConfig
from opsctl.scrape.limits import LimitExceeded
from opsctl.scrape.parse import parse
from opsctl.scrape.sampler import Sampler
from opsctl.scrape.target import Target, expand

T = 1_700_000_000_000


def target_of(**more: Any) -> Target:
    job = ScrapeConfig(job_name="j", scrape_interval=5.0, scrape_timeout=1.0, **more)
    (target,) = expand(job, (StaticConfig(targets=("h:1",)),))
    assert isinstance(target, Target)
    return target


def read(sampler: Sampler, text: str, at_ms: int = T) -> list[Batch]:
    return sampler.page(parse(text), at_ms, 0.1)


def said(batch: Batch) -> dict[str, float | None]:
    """Values by name; None where a series went stale."""
    stale = is_stale(batch.values)
    pairs = zip(batch.labels, batch.values, stale, strict=True)
    return {labels.name: None if gone else float(value) for labels, value, gone in pairs}


def test_of_a_series_named_twice_the_first_value_is_kept() -> None:
    (batch,) = read(Sampler(target_of()), 'a{x="1",y="2"} 1\na{y="2",x="1"} 2\nb 3\na{x="1",y="2"} 4\n')
    found = said(batch)
    assert (found["a"], found["b"]) == (1, 3)
    assert len(batch.labels) == len(set(batch.labels))
    assert (found["scrape_samples_scraped"], found["scrape_samples_post_metric_relabeling"]) == (4, 4)
    assert found["scrape_series_added"] == 2


def test_a_failed_scrape_makes_no_series_new() -> None:
    sampler = Sampler(target_of())
    read(sampler, "a 1\nb 2\n")
    sampler.failed(T + 1, 0.1)
    found = said(read(sampler, "a 1\nb 2\nc 3\n", T + 2)[0])
    assert found["scrape_series_added"] == 1


def test_a_page_over_its_limit_is_counted_whole() -> None:
    drop = {"source_labels": ["__name__"], "regex": "d", "action": "drop"}
    sampler = Sampler(target_of(sample_limit=2, metric_relabel_configs=_rules(drop)))
    with pytest.raises(LimitExceeded, match="sample limit exceeded") as caught:
        read(sampler, "a 1\nb 2\nc 3\nd 4\n")
    found = said(sampler.failed(T, 0.1, caught.value)[0])
    assert (found["up"], found["scrape_samples_scraped"], found["scrape_samples_post_metric_relabeling"]) == (0, 4, 3)


def test_what_a_new_configuration_drops_goes_stale() -> None:
    before = Sampler(target_of())
    read(before, "a 1\nb 2\n")
    drop = {"source_labels": ["__name__"], "regex": "a", "action": "drop"}
    after = Sampler(target_of(metric_relabel_configs=_rules(drop)), before)
    found = said(read(after, "a 1\nb 2\n", T + 1)[0])
    assert found["a"] is None
    assert (found["b"], found["scrape_series_added"]) == (2, 0)


def test_stamped_samples_of_one_time_are_one_batch() -> None:
    text = "".join(f'c{{n="{n}"}} {n} {T - 1000}\n' for n in range(50)) + f"d 1 {T - 2000}\n"
    _, first, second = read(Sampler(target_of()), text)
    assert (first.at_ms, len(first.labels)) == (T - 2000, 1)
    assert (second.at_ms, len(second.labels)) == (T - 1000, 50)
    assert first.source == second.source == f"{target_of().source} stamped"


def test_clocks_that_run_against_each_other_lose_nothing(tmp_path: Path) -> None:
    sampler, store = Sampler(target_of()), EmbeddedStore(tmp_path)
    ahead, behind = [T + 3000, T + 3000, T + 9000], [T + 1000, T + 2000, T + 4000]
    for step, (a, b) in enumerate(zip(ahead, behind, strict=True)):
        for batch in read(sampler, f"a {a} {a}\nb {b} {b}\n", T + step * 5000):
            assert not store.append(batch).refused
    found = {name: store.select([Matcher("__name__", "=", name)], 0, 2**60)[0].times.tolist() for name in ("a", "b")}
    store.close()
    assert found == {"a": [T + 3000, T + 9000], "b": behind}


def test_relabelling_sets_a_targets_own_pace() -> None:
    rules = _rules(
        {"target_label": "__scrape_interval__", "replacement": "30s"},
        {"target_label": "__scrape_timeout__", "replacement": "2s"},
    )
    target = target_of(relabel_configs=rules)
    assert (target.interval, target.timeout) == (30, 2)
    assert 0 <= target.offset() < 30


@pytest.mark.parametrize("text", ["", "x", "0s", "500ms"])
def test_a_pace_that_makes_no_sense_drops_the_target(text: str) -> None:
    rules = _rules({"target_label": "__scrape_interval__", "replacement": text})
    job = ScrapeConfig(job_name="j", scrape_interval=5.0, scrape_timeout=1.0, relabel_configs=rules)
    (dropped,) = expand(job, (StaticConfig(targets=("h:1",)),))
    assert not isinstance(dropped, Target)
    assert dropped.reason


def _rules(*rules: dict[str, Any]) -> tuple[Any, ...]:
    return TypeAdapter(tuple[Rule, ...]).validate_python(rules)
