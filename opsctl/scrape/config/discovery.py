"""Where targets come from: written down, in files, or asked for over HTTP."""

from __future__ import annotations

import re
from dataclasses import field
from urllib.parse import urlsplit

from opsctl.core.document import Source, document
from opsctl.core.http_settings import HttpSettings, url_mistake
from opsctl.scrape.config.fields import Place, Span, check_http, check_label_names

_TARGET_FILE = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)")


@document
class StaticConfig:
    """Targets (HOST:PORT) and the labels that they share."""

    targets: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


@document
class FileSdConfig:
    """Files (globs) with target groups in JSON or YAML, read again every `refresh_interval`."""

    files: tuple[str, ...] = ()
    refresh_interval: Span = 300.0


@document
class HttpSdConfig(HttpSettings):
    """A URL that answers with target groups in JSON, asked every `refresh_interval`."""

    url: str = ""
    refresh_interval: Span = 60.0


@document
class Discovery:
    """The ways to name targets that jobs and Alertmanagers share."""

    static_configs: tuple[StaticConfig, ...] = ()
    file_sd_configs: tuple[FileSdConfig, ...] = ()
    http_sd_configs: tuple[HttpSdConfig, ...] = ()


def check_discovery(source: Source, place: Place, found: Discovery, relabelled: bool) -> None:
    """Raises DocumentError. A target with a path is a mistake, unless relabelling makes an address of it."""
    for group, static in enumerate(found.static_configs):
        at = (*place, "static_configs", group)
        check_label_names(source, (*at, "labels"), static.labels)
        for number, target in enumerate(static.targets if not relabelled else ()):
            if "/" in target:
                hint = "targets are HOST:PORT; scheme and metrics_path have keys of their own"
                raise source.refuse((*at, "targets", number), f'"{target}" is not a valid hostname', hint)
    for index, files in enumerate(found.file_sd_configs):
        _check_files(source, (*place, "file_sd_configs", index), files)
    for index, listed in enumerate(found.http_sd_configs):
        _check_url(source, (*place, "http_sd_configs", index), listed)


def _check_files(source: Source, place: Place, config: FileSdConfig) -> None:
    if not config.files:
        raise source.refuse(place, "file service discovery config must contain at least one path name")
    for number, name in enumerate(config.files):
        if not _TARGET_FILE.fullmatch(name):
            said = f'path name "{name}" is not valid for file discovery'
            raise source.refuse((*place, "files", number), said, "it ends in .json, .yml or .yaml")


def _check_url(source: Source, place: Place, config: HttpSdConfig) -> None:
    if not config.url:
        raise source.refuse(place, "URL is missing")
    wrong = url_mistake(config.url)
    parts = urlsplit(config.url) if not wrong else None
    if parts is not None and parts.scheme not in ("http", "https"):
        wrong = "URL scheme must be 'http' or 'https'"
    elif parts is not None and not parts.netloc:
        wrong = "host is missing in URL"
    if wrong:
        raise source.refuse((*place, "url"), wrong)
    check_http(source, place, config)
