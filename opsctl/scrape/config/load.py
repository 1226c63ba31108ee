"""Reads prometheus.yml and the files of jobs that it names."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from opsctl.core.document import Source, convert, document, read
from opsctl.core.soundness import sound
from opsctl.scrape.config.alerting import Alerting, check_alerting
from opsctl.scrape.config.common import Global, check_global, with_environment, with_global_defaults
from opsctl.scrape.config.fields import check_file_patterns, without_nulls
from opsctl.scrape.config.job import ScrapeConfig, check_jobs, with_job_defaults
from opsctl.scrape.config.lacking import refuse_lacking
from opsctl.scrape.config.remote_write import RemoteWrite, check_remotes
from opsctl.scrape.config.storage import StorageConfig, check_storage

T = TypeVar("T")
_LISTS = (
    "scrape_configs", "static_configs", "file_sd_configs", "http_sd_configs", "remote_write", "alertmanagers",
    "relabel_configs", "metric_relabel_configs", "alert_relabel_configs", "write_relabel_configs",
)  # fmt: skip


@document
class PrometheusConfig:
    """All of prometheus.yml. `root` is its folder; `text` the file as it was read."""

    global_: Annotated[Global, Field(alias="global")] = field(default_factory=Global)
    rule_files: tuple[str, ...] = ()
    scrape_configs: tuple[ScrapeConfig, ...] = ()
    scrape_config_files: tuple[str, ...] = ()
    alerting: Alerting = field(default_factory=Alerting)
    remote_write: tuple[RemoteWrite, ...] = ()
    storage: StorageConfig = field(default_factory=StorageConfig)
    root: str = ""
    text: str = ""

    def path(self, relative: str) -> Path:
        return Path(self.root) / relative

    def rule_paths(self) -> tuple[Path, ...]:
        """The rule files that exist now, in order."""
        return _paths(self.root, self.rule_files)


@document
class ScrapeConfigFile:
    """A file of jobs that prometheus.yml names under scrape_config_files."""

    scrape_configs: tuple[ScrapeConfig, ...] = ()


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> PrometheusConfig:
    """Reads prometheus.yml and the files of jobs that it names; `$NAME` in external labels from `environment`.

    Raises DocumentError with file, line, and the nearest right or the lacking name.
    """
    source = read(path)
    config = _converted(source, PrometheusConfig)
    folder = path.resolve().parent
    _check(source, config)
    seen: dict[str, str] = {}
    common = with_global_defaults(config.global_)
    check_jobs(source, config.scrape_configs, common, seen)
    jobs = [with_job_defaults(job, common, folder) for job in config.scrape_configs]
    for file in _paths(str(folder), config.scrape_config_files):
        part = read(file)
        more = _converted(part, ScrapeConfigFile).scrape_configs
        check_jobs(part, more, common, seen)
        jobs += [with_job_defaults(job, common, file.resolve().parent) for job in more]
    return replace(
        config,
        global_=replace(common, external_labels=with_environment(common.external_labels, environment)),
        scrape_configs=tuple(jobs),
        root=str(folder),
        text=path.read_text(encoding="utf-8"),
    )


def _check(source: Source, config: PrometheusConfig) -> None:
    for key in ("root", "text"):
        if isinstance(source.data, dict) and key in source.data:
            raise source.refuse((key,), "unknown key")
    validation = config.global_.metric_name_validation_scheme
    check_file_patterns(source, "rule_files", config.rule_files, "rule")
    check_file_patterns(source, "scrape_config_files", config.scrape_config_files, "scrape config")
    check_global(source, config.global_)
    check_alerting(source, config.alerting, validation)
    check_remotes(source, config.remote_write, validation)
    check_storage(source, config.storage)


def _converted(source: Source, cls: type[T]) -> T:
    refuse_lacking(sound(source))
    _refuse_nulls(source, (), source.data)
    return convert(replace(source, data=without_nulls(source.data)), cls)


def _refuse_nulls(source: Source, place: tuple[int | str, ...], data: Any) -> None:
    """An entry of a list that is empty was forgotten."""
    if isinstance(data, dict):
        for key, value in data.items():
            _refuse_nulls(source, (*place, key), value)
    elif isinstance(data, list):
        for number, value in enumerate(data):
            if value is None and place and place[-1] in _LISTS:
                raise source.refuse((*place, number), f"empty or null entry of {place[-1]}")
            _refuse_nulls(source, (*place, number), value)


def _paths(root: str, globs: Iterable[str]) -> tuple[Path, ...]:
    patterns = [os.path.normpath(Path(root) / pattern) for pattern in globs]
    found = [p for pattern in patterns for p in sorted(glob.glob(pattern))]
    return tuple(Path(p) for p in dict.fromkeys(found))
