"""What exporters expose: metric → labels, recorded in `exposed/`, a file an exporter.

Record anew: .venv/bin/python -m tests.alert_rules.exposed [EXPORTER…], or `--from URL NAME` for a page of any other
(micrometer.txt is the /prometheus page of Zipkin 3.4.2, from Maven Central).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import requests

from opsctl.model.labels import METRIC_NAME
from opsctl.scrape.parse import parse, parse_series
from tests.alert_rules.exporters import EXPORTERS

_OWN = ("go_", "process_", "promhttp_")
"""What exporters say of themselves."""
RECORDED = Path(__file__).parent / "exposed"
Exposed = dict[str, set[str]]
"""Metric → the labels that some series of it has."""


def exposed(urls: Iterable[str]) -> Exposed:
    """What pages say now."""
    found: Exposed = {}
    for url in urls:
        answer = requests.get(url, timeout=20, headers={"Accept": "text/plain; version=0.0.4"})
        answer.raise_for_status()
        page = parse(answer.text)
        for labels in map(parse_series, page.keys):
            if labels.name.startswith(_OWN):
                continue
            found.setdefault(labels.name, set()).update(set(labels) - {METRIC_NAME})
    return found


def recorded(name: str) -> Exposed:
    """What an exporter said when it was recorded."""
    lines = [line for line in (RECORDED / f"{name}.txt").read_text().splitlines() if not line.startswith("#")]
    return {metric: set(labels.split(",")) - {""} for metric, _, labels in (line.partition(" ") for line in lines)}


def record(name: str, said: Exposed) -> None:
    """Writes the names, sorted; no values."""
    RECORDED.mkdir(exist_ok=True)
    lines = [f"{metric} {','.join(sorted(labels))}".rstrip() for metric, labels in sorted(said.items())]
    head = f"# What {name} exposed when asked: metric, its labels. Made by tests/alert_rules/exposed.py."
    (RECORDED / f"{name}.txt").write_text("\n".join([head, *lines]) + "\n")


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--from"]:
        record(arguments[2], exposed([arguments[1]]))
        return
    for name in arguments or EXPORTERS:
        with tempfile.TemporaryDirectory() as folder, EXPORTERS[name](Path(folder)) as pages:
            said = exposed(page.url for page in pages)
        record(name, said)
        print(f"{name}: {len(said)} metrics")


if __name__ == "__main__":
    main(sys.argv[1:])
