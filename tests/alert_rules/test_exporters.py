"""Our rules on the field's exporters: each name and label that a rule uses is exposed; live where they are installed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from opsctl.api.prometheus_printing import pretty
from opsctl.model.labels import METRIC_NAME
from opsctl.promql import parse
from opsctl.promql.syntax import Aggregate, Binary, Paren, Selector, value_type
from opsctl.rules.check import load_rules
from opsctl.rules.document import Rule
from tests.alert_rules.exporters import EXPORTERS, Page
from tests.alert_rules.exposed import Exposed, exposed, recorded
from tests.api.running import Server, opsctl
from tests.servers import ROOT, wait_for

SYSTEMS = {
    "host": ("node_exporter",), "mariadb": ("mysqld_exporter",), "redis": ("redis_exporter",),
    "nginx": ("nginx_exporter",), "elasticsearch": ("elasticsearch_exporter",), "probes": ("blackbox_exporter",),
    "jvm": ("jmx_exporter", "micrometer"),
}  # fmt: skip
"""Rule file → the exporters whose names it goes by: what one of them does not have, the other must."""

ELSEWHERE = {
    "nginxplus_up": "NGINX Plus, which has its price",
    "nginxplus_server_zone_responses": "NGINX Plus, which has its price",
    "mysql_info_schema_innodb_metrics_lock_lock_deadlocks_total": "MySQL: MariaDB has mysql_global_status_innodb_deadlocks",
}
"""Names that none of the recorded servers has, and who does."""

OTHERS_LABELS = {("nginx_http_requests_total", "status"): "exporters of logs, nginx-lua-prometheus"}
MICROMETER = {"jvm_gc_pause_seconds_sum", "jvm_threads_states_threads"}
MACHINE = ("node_nf_conntrack_", "node_network_", "node_disk_", "node_vmstat_", "node_timex_", "node_memory_Swap")
"""What some machines and containers do not have."""
PROVOKED = {
    "mariadb": {"MariadbReplicationStopped"}, "elasticsearch": {"ElasticsearchYellow", "ElasticsearchUnassignedShards"},
    "probes": {"ProbeFailing", "ProbeDnsFailing", "CertificateExpiresIn21Days"},
}  # fmt: skip
"""What the servers of the live test are made to suffer from."""
COMPARING = ("==", "!=", ">", "<", ">=", "<=")
GIVEN = {"job", "instance", "service", "alertname"}
"""Labels that the configuration of scraping gives."""


def rules(system: str) -> Iterator[Rule]:
    for group in load_rules(ROOT / "alert_rules" / f"{system}.yml"):
        yield from group.rules


def nodes(tree: Any) -> Iterator[Any]:
    """Every node of an expression."""
    yield tree
    for field in dataclasses.fields(tree):
        value = getattr(tree, field.name)
        for one in value if isinstance(value, tuple) else (value,):
            if (
                dataclasses.is_dataclass(one)
                and not isinstance(one, type)
                and type(one).__module__ == Selector.__module__
            ):
                yield from nodes(one)


def selectors(system: str) -> set[tuple[str, Selector]]:
    found = [(one.name, one) for rule in rules(system) for one in nodes(parse(rule.expr)) if isinstance(one, Selector)]
    return set(found)


def known(system: str) -> Exposed:
    joined: Exposed = {}
    for exporter in SYSTEMS[system]:
        for metric, labels in recorded(exporter).items():
            joined.setdefault(metric, set()).update(labels)
    return joined


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_metric_and_label_is_exposed(system: str) -> None:
    said = known(system)
    wrong = []
    for metric, one in selectors(system):
        if metric in ELSEWHERE:
            continue
        wanted = {m.name for m in one.matchers} - {METRIC_NAME} - GIVEN
        missing = [label for label in wanted - said.get(metric, set()) if (metric, label) not in OTHERS_LABELS]
        if metric not in said or missing:
            wrong.append((metric, missing))
    assert wrong == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_label_of_groupings_and_messages_is_exposed(system: str) -> None:
    """In `by`, `on` and `$labels` of a rule: on one of its metrics at least."""
    said = known(system)
    wrong = []
    for rule in rules(system):
        every = list(nodes(parse(rule.expr)))
        has = set().union(GIVEN, *(said.get(one.name, set()) for one in every if isinstance(one, Selector)))
        has |= {label for metric, label in OTHERS_LABELS if any(getattr(n, "name", "") == metric for n in every)}
        grouped = {label for n in every if isinstance(n, Aggregate) for label in n.labels}
        grouped |= {
            label for n in every if isinstance(n, Binary) for label in (*n.matching.labels, *n.matching.include)
        }
        texts = " ".join((*rule.annotations.values(), *rule.labels.values()))
        spoken = set(re.findall(r"\$labels\.(\w+)", texts))
        wrong += [(rule.name, label) for label in (grouped | spoken) - has]
    assert wrong == []


def test_what_is_said_to_be_elsewhere_is() -> None:
    here = {metric for system in SYSTEMS for metric in known(system)}
    used = {metric for system in SYSTEMS for metric, _ in selectors(system)}
    assert set(ELSEWHERE) <= used - here
    assert {metric for metric, _ in OTHERS_LABELS} <= used
    for metric, label in OTHERS_LABELS:
        assert label not in known("nginx")[metric]


def loosened(node: Any) -> Any:
    """An expression without its thresholds and offsets: what is left must find series, else it could never fire."""
    if isinstance(node, Selector):
        return dataclasses.replace(node, offset_ms=0, at=None)
    if isinstance(node, Paren):
        return loosened(node.expr)
    if isinstance(node, Binary) and node.op in COMPARING:
        sides = [loosened(side) for side in (node.lhs, node.rhs) if value_type(side) != "scalar"]
        return sides[0] if len(sides) == 1 else dataclasses.replace(node, op="-", lhs=sides[0], rhs=sides[1])
    changes = {
        field.name: tuple(map(loosened, value)) if isinstance(value, tuple) else loosened(value)
        for field in dataclasses.fields(node)
        if _is_syntax(value := getattr(node, field.name)) or (isinstance(value, tuple) and any(map(_is_syntax, value)))
    }
    return dataclasses.replace(node, **changes)


def branches(node: Any) -> Iterator[Any]:
    """The sides of `or`, each of which is to find something; of `unless` what stands before it."""
    if isinstance(node, Binary) and node.op in ("or", "unless"):
        yield from branches(node.lhs)
        if node.op == "or":
            yield from branches(node.rhs)
    else:
        yield node


def _is_syntax(value: Any) -> bool:
    return type(value).__module__ == Selector.__module__ and dataclasses.is_dataclass(value)


def elsewhere(node: Any) -> bool:
    """Whether an expression asks for what the server of the live test does not have."""
    for one in nodes(node):
        if isinstance(one, Selector):
            labels = {m.name for m in one.matchers}
            if one.name in ELSEWHERE or one.name in MICROMETER or one.name.startswith(MACHINE):
                return True
            if any(metric == one.name and label in labels for metric, label in OTHERS_LABELS):
                return True
    return False


@contextmanager
def scraped(folder: Path, pages: Sequence[Page]) -> Iterator[Server]:
    """opsctl prometheus that scrapes the pages each second, after three rounds."""
    jobs = [
        {"job_name": f"j{i}", "scrape_interval": "1s", "scrape_timeout": "1s", "metrics_path": page.path,
         "params": {k: [v] for k, v in page.params}, "static_configs": [{"targets": [page.address]}]}
        for i, page in enumerate(pages)
    ]  # fmt: skip
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"scrape_configs": jobs}))
    with opsctl(folder / "data", config) as server:
        three = f"count(count_over_time(up[1m]) >= 3 and up == 1) == {len(pages)}"
        wait_for(lambda: server.value(three) is not None, 30, "three rounds of scraping")
        yield server


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_rule_finds_series_on_the_real_exporter(system: str, tmp_path: Path) -> None:
    with EXPORTERS[SYSTEMS[system][0]](tmp_path) as pages:
        said, was = exposed(page.url for page in pages), recorded(SYSTEMS[system][0])
        used = {metric for metric, _ in selectors(system)}
        assert {m: labels for m, labels in was.items() if m in used and m in said} == {
            m: said[m] for m in used & set(said)
        }
        with scraped(tmp_path, pages) as server:
            asked = [
                (rule.name, pretty(branch))
                for rule in rules(system)
                for branch in branches(loosened(parse(rule.expr)))
                if not elsewhere(branch)
            ]
            silent = [(name, expr) for name, expr in asked if not server.data("query", query=expr)["result"]]
            firing = {rule.name for rule in rules(system) if server.data("query", query=rule.expr)["result"]}
    assert asked
    assert silent == []
    assert PROVOKED.get(system, set()) <= firing
