"""From a gauge's flip to the alert leaving, opsctl and Debian's Prometheus on the same targets, 1 s intervals.

Twelve targets and twelve rule groups, so that scrapes and evaluations meet at many phases; each flips at random moments.
A stand-in for Alertmanager notes when each server first posts the alert of a target.
"""

from __future__ import annotations

import http.server
import json
import random
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from bench.figures import head, load, quantile, row
from tests.api.running import Target, opsctl, prometheus

_TARGETS, _ROUNDS, _PATIENCE = 12, 12, 15.0


class Inbox:
    """Takes alerts as Alertmanager does; remembers the first post of each alert that fires."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                now = time.time()
                for alert in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
                    if _ahead(alert, now):
                        outer.first.setdefault(alert["labels"]["instance"], now)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _ahead(alert: dict[str, str], now: float) -> bool:
    """Whether it still fires: its end is minutes ahead, and that of a resolved one is past."""
    return not alert.get("endsAt") or alert["endsAt"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now + 1))


def run() -> None:
    load()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        targets = [Target() for _ in range(_TARGETS)]
        inboxes = {"opsctl": Inbox(), "prometheus": Inbox()}
        for each in (*targets, *inboxes.values()):
            stack.callback(each.close)
        for target in targets:
            target.text = "broken 0\n"
        for kind, server in (("opsctl", opsctl), ("prometheus", prometheus)):
            folder = Path(name) / kind
            folder.mkdir()
            stack.enter_context(server(folder / "data", _configured(folder, targets, inboxes[kind])))
        time.sleep(4)
        took: dict[str, list[float]] = {kind: [] for kind in inboxes}
        for _ in range(_ROUNDS):
            _round(targets, inboxes, took, chance)
    head("from a flip to the alert leaving", "p50", "p95", "max")
    for kind, values in took.items():
        row(kind, *(f"{quantile(values, q):.2f} s" for q in (0.5, 0.95, 1)))
    mine, other = (quantile(took[kind], 0.5) for kind in ("opsctl", "prometheus"))
    row("ratio of the medians", f"{mine / other:.2f}", "", "")
    print()


def _round(
    targets: list[Target], inboxes: dict[str, Inbox], took: dict[str, list[float]], chance: random.Random
) -> None:
    for inbox in inboxes.values():
        inbox.first = {}
    flipped = {}
    for target in chance.sample(targets, len(targets)):
        time.sleep(chance.uniform(0, 0.3))
        target.text = "broken 1\n"
        flipped[target.address] = time.time()
    end = time.time() + _PATIENCE
    while any(len(inbox.first) < len(targets) for inbox in inboxes.values()):
        if time.time() > end:
            raise RuntimeError("an alert did not leave within 15 s")
        time.sleep(0.05)
    for kind, inbox in inboxes.items():
        took[kind] += [inbox.first[address] - at for address, at in flipped.items()]
    for target in targets:
        target.text = "broken 0\n"
    time.sleep(4)


def _configured(folder: Path, targets: list[Target], inbox: Inbox) -> Path:
    rules = [
        {"name": f"g{n}", "rules": [{"alert": "Broken", "expr": f'broken{{job="t{n}"}} == 1'}]}
        for n, _ in enumerate(targets)
    ]
    (folder / "rules.yml").write_text(json.dumps({"groups": rules}))
    jobs = [{"job_name": f"t{n}", "static_configs": [{"targets": [t.address]}]} for n, t in enumerate(targets)]
    made = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [inbox.address]}]}]},
        "scrape_configs": jobs,
    }
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(made))
    return file
