"""Failed scrapes as lines of JSON in the files that jobs name (scrape_failure_log_file)."""

from __future__ import annotations

from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path

import orjson

from opsctl.core.clock import iso
from opsctl.core.log import Log
from opsctl.scrape.target import Target

LOG = Log("opsctl.scrape")


class FailureLogs:
    """Open files, by name. One that cannot be written is logged and left."""

    def __init__(self) -> None:
        self._open: dict[str, TextIOWrapper] = {}

    def reopen(self, wanted: Iterable[str]) -> None:
        """Closes all, so that rotated files are let go, and makes those that are wanted."""
        self.close()
        for name in sorted({name for name in wanted if name}):
            try:
                self._open[name] = Path(name).open("a", encoding="utf-8", buffering=1)
            except OSError as error:
                LOG.error("scrape.failure_log_refused", file=name, error=str(error))

    def write(self, target: Target, at: float, error: str) -> None:
        """One line, with the keys that Prometheus gives them."""
        file = self._open.get(target.job.scrape_failure_log_file)
        if file is None:
            return
        line = {"time": iso(at), "level": "ERROR", "msg": error, "job_name": target.job.job_name, "target": target.url}
        try:
            file.write(orjson.dumps(line).decode() + "\n")
        except OSError as failure:
            LOG.error("scrape.failure_log_refused", file=file.name, error=str(failure))

    def close(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()
