"""Failed scrapes as lines of JSON in the files that jobs name (scrape_failure_log_file)."""

from __future__ import annotations

from pathlib import Path

import orjson

from opsctl.core.clock import iso
from opsctl.core.log import Log
from opsctl.scrape.target import Target

LOG = Log("opsctl.scrape")


def log_failure(target: Target, at: float, error: str) -> None:
    """Appends one line, with the keys that Prometheus gives them; opened each time, so that files can be rotated."""
    name = target.job.scrape_failure_log_file
    if not name:
        return
    line = {"time": iso(at), "level": "ERROR", "msg": error, "job_name": target.job.job_name, "target": target.url}
    try:
        with Path(name).open("ab") as file:
            file.write(orjson.dumps(line) + b"\n")
    except OSError as failure:
        LOG.error("scrape.failure_log_refused", file=name, error=str(failure))
