"""Target files: JSON or YAML lists of target groups, watched by their times of change."""

from __future__ import annotations

import glob
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from opsctl.core.document import read
from opsctl.core.errors import DocumentError, Problem
from opsctl.core.log import Log
from opsctl.scrape.config import ScrapeConfig, StaticConfig

LOG = Log("opsctl.scrape")
_GROUPS = TypeAdapter(tuple[StaticConfig, ...])


class TargetFiles:
    """The groups of every file that jobs name. A bad file keeps what it said before, and counts as a failure."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._groups: dict[Path, tuple[StaticConfig, ...]] = {}
        self._seen: dict[Path, float] = {}

    def groups(self, job: ScrapeConfig, root: str) -> tuple[StaticConfig, ...]:
        """The groups of a job's files as they are now, each labelled with its `__meta_filepath`."""
        found: list[StaticConfig] = []
        for config in job.file_sd_configs:
            for pattern in config.files:
                for name in sorted(glob.glob(str(Path(root) / pattern))):
                    found += self._of_file(Path(name))
        return tuple(found)

    def _of_file(self, path: Path) -> tuple[StaticConfig, ...]:
        try:
            changed = path.stat().st_mtime
            if self._seen.get(path) != changed:
                self._seen[path] = changed
                self._groups[path] = load_groups(path)
        except (OSError, DocumentError) as error:
            self._on_failure()
            LOG.warning("scrape.target_file_refused", file=str(path), error=str(error))
        return self._groups.get(path, ())


def load_groups(path: Path) -> tuple[StaticConfig, ...]:
    """Reads one file. Raises DocumentError."""
    source = read(path)
    try:
        groups = _GROUPS.validate_python(source.data or [])
    except ValidationError as error:
        first = error.errors()[0]
        raise DocumentError([Problem(str(path), source.line(first["loc"]), "", first["msg"])]) from error
    return tuple(StaticConfig(targets=g.targets, labels={**g.labels, "__meta_filepath": str(path)}) for g in groups)
