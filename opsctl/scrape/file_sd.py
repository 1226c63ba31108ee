"""Target files: JSON or YAML lists of target groups, watched by their times of change."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable
from pathlib import Path

from opsctl.core.errors import DocumentError
from opsctl.core.log import Log
from opsctl.scrape.config import ScrapeConfig
from opsctl.scrape.groups import Groups, groups_of_file, labelled

LOG = Log("opsctl.scrape")
_Stamp = tuple[int, int, int]


class TargetFiles:
    """The groups of every file that jobs name. A bad file keeps what it said before, and counts as a failure."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._groups: dict[Path, Groups] = {}
        self._seen: dict[Path, _Stamp | None] = {}

    def groups(self, job: ScrapeConfig) -> Groups:
        """The groups of a job's files as they are now, each labelled with its `__meta_filepath`."""
        return tuple(group for path in _paths(job) for group in self._of_file(path))

    def changed(self, jobs: Iterable[ScrapeConfig]) -> bool:
        """Whether a file came, went or changed since its groups were asked for."""
        now = {path: _stamp(path) for job in jobs for path in _paths(job)}
        gone = self._seen.keys() - now.keys()
        different = any(self._seen.get(path) != stamp for path, stamp in now.items())
        for path in gone:
            del self._seen[path]
            self._groups.pop(path, None)
        return different or bool(gone)

    def times(self) -> dict[str, float]:
        """When each file was changed last, in epoch seconds."""
        return {str(path): stamp[0] / 1e9 for path, stamp in self._seen.items() if stamp is not None}

    def _of_file(self, path: Path) -> Groups:
        stamp = _stamp(path)
        if stamp is None or self._seen.get(path) != stamp:
            self._seen[path] = stamp
            try:
                self._groups[path] = labelled(groups_of_file(path), {"__meta_filepath": str(path)})
            except DocumentError as error:
                self._on_failure()
                LOG.warning("scrape.target_file_refused", file=str(path), error=str(error))
        return self._groups.get(path, ())


def _paths(job: ScrapeConfig) -> list[Path]:
    patterns = [Path(job.root) / pattern for config in job.file_sd_configs for pattern in config.files]
    return [Path(name) for pattern in patterns for name in sorted(glob.glob(str(pattern)))]


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
