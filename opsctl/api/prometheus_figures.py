"""What this server says of itself under Prometheus' names: its build, that it is ready, errors of federation."""

from __future__ import annotations

import platform
import sys

from prometheus_client import CollectorRegistry, Counter, Gauge

from opsctl.api.prometheus_state import version


class ServerFigures:
    """`federation_errors` is counted up where a page of federation could not be made."""

    def __init__(self, registry: CollectorRegistry) -> None:
        build = Gauge(
            "prometheus_build_info", "1, with what runs as its labels.",
            ["version", "revision", "branch", "goversion", "goos", "goarch", "tags"], registry=registry,
        )  # fmt: skip
        python = f"python{platform.python_version()}"
        build.labels(version(), "", "", python, sys.platform, platform.machine(), "").set(1)
        self._ready = Gauge("prometheus_ready", "1 once everything has started.", registry=registry)
        self.federation_errors = Counter(
            "prometheus_web_federation_errors", "Pages of federation that could not be made.", registry=registry
        )

    def ready(self) -> None:
        self._ready.set(1)
